//! `cargo xtask test`: installs what the tests need, builds the binaries that they spawn, and runs all of them.

use std::ffi::OsString;

use crate::commands::{cargo, run as run_command, tools};
use crate::{Result, lab, provision};

/// Places where fault tests end a process; no build for anybody's use has them.
const FAILPOINTS: &str = "platform/failpoints";

/// Runs the tests; the runner's lines and its exit code are passed on.
pub fn run(arguments: &[OsString]) -> Result {
    provision::servers()?;
    provision::verifiers()?;
    // With the fault harnesses' failpoints, and the tests after it too, so that all is compiled once.
    run_command(
        cargo()
            .args(["build", "--bins", "--package", "lab"])
            .args(lab::PRODUCT),
    )?;
    let mut test = cargo();
    test.args(["test", "--features", FAILPOINTS, "--no-fail-fast"]);
    // With both, cargo would run everything.
    let cargos_own = arguments.iter().take_while(|argument| *argument != "--");
    if !cargos_own.into_iter().any(names_package) {
        test.arg("--workspace");
    }
    test.args(arguments);
    test.env("TRASTIENDA_NATS_SERVER", provision::nats_server())
        .env("TRASTIENDA_TOOLS", tools());
    run_command(&mut test)
}

/// Whether an argument of `cargo test` picks packages.
fn names_package(argument: &OsString) -> bool {
    let text = argument.to_string_lossy();
    text == "--package"
        || text.starts_with("--package=")
        || (text.starts_with("-p") && !text.starts_with("--"))
}
