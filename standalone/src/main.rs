//! `trastienda`: everything in one process, and the command line of the platform.
//!
//! Deliberately absent: any rule or query; this only wires the services together.

#![allow(clippy::print_stderr, reason = "a command line says why it failed")]

mod cli;
mod compose;
mod demo;
mod following;
mod import;
mod ports;
mod private_file;
mod projections;
mod servers;
mod standalone;
mod tenant;

use clap::Parser;

fn main() -> std::process::ExitCode {
    // A child that reads a file limits itself before anything else is set up.
    if command_service::imports::child::is_asked_for() {
        return command_service::imports::child::run();
    }
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot start: {error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    let outcome: anyhow::Result<std::process::ExitCode> = runtime.block_on(async {
        match cli.command {
            cli::Command::Standalone(options) => standalone::run(options).await?,
            cli::Command::Openapi => compose::print_openapi()?,
            cli::Command::Asyncapi => compose::print_asyncapi()?,
            cli::Command::Tenant(cli::TenantCommand::Create(options)) => tenant::create(options).await?,
            cli::Command::Import(options) => return import::run(options).await,
            cli::Command::Projections(command) => projections::run(command).await?,
        }
        Ok(std::process::ExitCode::SUCCESS)
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
