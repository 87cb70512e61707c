//! What a developer types: `cargo xtask up | test | lint | gen | tidy | bench`, and the lab's `listen | replay | verify |
//! torture | storm | lateness`.
//!
//! Deliberately without dependencies: it must be built before anything is installed, and print its first line within
//! a second. What needs a client lives in `crates/lab`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to a developer"
)]

mod bench;
mod commands;
mod data_folder;
mod lab;
mod lint;
mod provision;
mod tests_run;
mod tidy;
mod up;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask up [--data DIR] [--port N] [--fresh] [--allow-outbound HOST:PORT]...
    installs what is missing, builds, and runs everything until Ctrl-C
      --data DIR         where all data goes (default ./data)
      --port N           the port of the API and the administration page (default 8080)
      --fresh            removes that data first
      --allow-outbound   lets webhooks reach this address although it is not public
cargo xtask test [ARGUMENTS OF cargo test]
    installs what the tests need and runs all of them
cargo xtask lint
    format, clippy, tidy, dependency policy, generated files
cargo xtask gen [--check]
    writes docs/openapi.json and docs/asyncapi.json, or says whether they are up to date
cargo xtask tidy
    the rules that no compiler knows
cargo xtask listen | replay | verify | torture | storm | lateness [ARGUMENTS; --help tells]
    the lab: receivers, a month of sales, the checker, and faults under load; TESTING.md explains
cargo xtask bench [--quick] [ARGUMENTS; --help tells]
    measures appends, commands over HTTP, read models and webhooks beside pgbench; docs/performance.md explains";

/// What stops a command: a message for the developer, and the exit code to leave with.
pub struct Failure {
    pub message: String,
    pub code: u8,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { message, code: 1 }
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

type Result<T = (), E = Failure> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<_> = arguments.collect();
    let done = match command.to_str().unwrap_or_default() {
        "up" => up::run(&rest),
        "test" => tests_run::run(&rest),
        "lint" => lint::run(),
        "gen" => lint::generate(rest.iter().any(|argument| argument == "--check")),
        "tidy" => tidy::run(),
        name @ ("listen" | "replay" | "verify" | "torture" | "storm" | "lateness") => lab::run(name, &rest),
        "bench" => bench::run(&rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(Failure {
            message: format!("no command {other:?}\n\n{USAGE}"),
            code: 2,
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}
