//! `cargo xtask test`: installs what the tests need, builds the binaries that they spawn, and runs all of them.

use std::ffi::OsString;

use crate::commands::{cargo, run as run_command, tools};
use crate::{Result, provision};

/// Runs the tests; the runner's lines and its exit code are passed on.
pub fn run(arguments: &[OsString]) -> Result {
    provision::servers()?;
    provision::verifiers()?;
    run_command(cargo().args(["build", "--package", "standalone", "--package", "lab", "--bins"]))?;
    let mut test = cargo();
    test.args(["test", "--workspace", "--no-fail-fast"])
        .args(arguments);
    test.env("TRASTIENDA_NATS_SERVER", provision::nats_server())
        .env("TRASTIENDA_TOOLS", tools());
    run_command(&mut test)
}
