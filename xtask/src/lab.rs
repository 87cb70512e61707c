//! The bench: builds `crates/lab` in release and becomes it, with the arguments passed through.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::commands::{built, cargo, run as run_command};
use crate::{Result, provision};

/// What starts the product itself, with failpoints in it.
pub const HARNESSES: [&str; 3] = ["torture", "storm", "lateness"];

/// The product's binaries as the fault harnesses start them, for one `cargo build`.
pub const PRODUCT: [&str; 14] = [
    "--package",
    "standalone",
    "--package",
    "command-service",
    "--package",
    "projector",
    "--package",
    "dispatcher",
    "--package",
    "query-service",
    "--package",
    "private-servers",
    "--features",
    "platform/failpoints",
];

/// Runs a command of the lab; comes back only when that fails.
pub fn run(name: &str, arguments: &[OsString]) -> Result {
    let mut build = cargo();
    build.args(["build", "--release", "--bins", "--package", "lab"]);
    if HARNESSES.contains(&name) {
        provision::servers()?;
        build.args(PRODUCT);
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
