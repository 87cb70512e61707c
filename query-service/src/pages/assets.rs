//! The files of `query-service/web`, inside the binary: nothing is read from disk, and a path can name only these.

use sha2::{Digest, Sha256};

/// One file of the page.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Below `/admin/`; the page itself is `index.html`.
    pub path: &'static str,
    pub content_type: &'static str,
    pub bytes: &'static [u8],
    /// A strong validator: the bytes' hash, quoted.
    pub etag: String,
}

macro_rules! assets {
    ($($path:literal)+) => {
        &[$(($path, include_bytes!(concat!("../../web/", $path)))),+]
    };
}

/// A test compares this list with the folder.
static FILES: &[(&str, &[u8])] = assets![
    "index.html"
    "admin.css"
    "icon.svg"
    "api.js"
    "dialog.js"
    "dom.js"
    "en.js"
    "es.js"
    "fields.js"
    "format.js"
    "forms.js"
    "list.js"
    "main.js"
    "operations.js"
    "problem.js"
    "session.js"
    "sign-in.js"
    "text.js"
    "sections/api-keys.js"
    "sections/features.js"
    "sections/letterhead.js"
    "sections/numbering.js"
    "sections/overview.js"
    "sections/policies.js"
    "sections/stores.js"
    "sections/tax-rates.js"
    "sections/terminals.js"
    "sections/users.js"
];

/// All files with their validators; computed once, when the service is made.
pub fn all() -> Vec<Asset> {
    let asset = |(path, bytes): &(&'static str, &'static [u8])| Asset {
        path,
        content_type: content_type(path),
        bytes,
        etag: etag(bytes),
    };
    FILES.iter().map(asset).collect()
}

/// A strong validator of these bytes.
pub fn etag(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
