//! Which implementation of TLS's ciphers a process uses. Two are compiled in (two dependencies want different ones),
//! and rustls panics when it has to guess: whoever builds something with TLS calls this first.

/// Makes aws-lc-rs the process's provider, unless one is installed already.
pub fn install_default_provider() {
    // An error means that somebody was faster.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
