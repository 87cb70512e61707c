//! The bench: builds `crates/lab` in release and becomes it, with the arguments passed through.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::commands::{built, cargo, run as run_command};
use crate::{Result, provision};

/// Runs a command of the bench; comes back only when that fails.
pub fn run(name: &str, arguments: &[OsString]) -> Result {
    let mut build = cargo();
    build.args(["build", "--release", "--package", "lab", "--bin", "lab"]);
    // It starts the product itself.
    if name == "torture" {
        provision::servers()?;
        build.args(["--package", "standalone", "--bin", "trastienda"]);
    }
    run_command(&mut build)?;
    let program = built("release", "lab");
    let error = Command::new(&program)
        .arg(name)
        .args(arguments)
        .env("TRASTIENDA_BIN", built("release", "trastienda"))
        .env("TRASTIENDA_NATS_SERVER", provision::nats_server())
        .exec();
    Err(format!("cannot run {}: {error}", program.display()).into())
}
