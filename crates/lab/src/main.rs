//! The command line of the bench; `cargo xtask listen | replay | verify | torture | storm | lateness`
//! build and run it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lab::torture::lateness;
use lab::{listen, replay, storm, torture, verify};

#[derive(Parser)]
#[command(
    name = "lab",
    about = "Replays real sales, receives webhooks, checks everything, kills servers"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Receive webhooks: check signature and sequence, print one line per delivery.
    Listen(listen::Arguments),
    /// Send a retailer's invoice lines as commands and reconcile every penny.
    Replay(replay::Arguments),
    /// Check the whole database, independently of the product's own code.
    Verify(verify::Arguments),
    /// Kill servers at random under load, then check that nothing was lost or doubled.
    Torture(torture::Arguments),
    /// Send each idempotency key several times while the engine dies between commit and answer.
    Storm(storm::Arguments),
    /// Reserve goods for seconds while the process is killed, and measure how late they are free again.
    Lateness(lateness::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    // Two providers are compiled in (through sqlx and reqwest), and rustls panics rather than choose.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        complain("another TLS provider was installed already");
    }
    let outcome = match Arguments::parse().command {
        Command::Listen(arguments) => listen::run(arguments).await,
        Command::Replay(arguments) => replay::run(arguments).await,
        Command::Verify(arguments) => verify::run(arguments).await,
        Command::Torture(arguments) => torture::run(arguments).await,
        Command::Storm(arguments) => storm::run(arguments).await,
        Command::Lateness(arguments) => lateness::run(arguments).await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stderr, reason = "this is the command line")]
fn complain(text: &str) {
    eprintln!("{text}");
}
