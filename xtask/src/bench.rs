//! `cargo xtask bench`: builds the bench and the product in release, without failpoints, and becomes the bench.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::commands::{built, cargo, run as run_command};
use crate::{Result, provision};

/// Comes back only when something fails.
pub fn run(arguments: &[OsString]) -> Result {
    provision::servers()?;
    run_command(cargo().args([
        "build",
        "--release",
        "--bins",
        "--package",
        "bench",
        "--package",
        "standalone",
    ]))?;
    let program = built("release", "bench");
    let error = Command::new(&program)
        .args(arguments)
        .env("TRASTIENDA_BIN", built("release", "trastienda"))
        .env("TRASTIENDA_NATS_SERVER", provision::nats_server())
        .exec();
    Err(format!("cannot run {}: {error}", program.display()).into())
}
