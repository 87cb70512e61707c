//! `cargo xtask bench`: builds the bench and the product as for an installation that stays, without failpoints, and becomes the bench.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::commands::{built, cargo, run as run_command};
use crate::{Result, provision};

/// With link-time optimisation.
const PROFILE: &str = "dist";

/// Comes back only when something fails.
pub fn run(arguments: &[OsString]) -> Result {
    provision::servers()?;
    run_command(cargo().args([
        "build",
        "--profile",
        PROFILE,
        "--bins",
        "--package",
        "bench",
        "--package",
        "standalone",
    ]))?;
    let program = built(PROFILE, "bench");
    let error = Command::new(&program)
        .args(arguments)
        .env("TRASTIENDA_BIN", built(PROFILE, "trastienda"))
        .env("TRASTIENDA_NATS_SERVER", provision::nats_server())
        .exec();
    Err(format!("cannot run {}: {error}", program.display()).into())
}
