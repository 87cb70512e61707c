//! `cargo xtask bench`: measures the product beside `pgbench` on the same server, in the same minutes.
//!
//! Absolute figures belong to a machine and an hour, ratios of one run do not; so every figure is a ratio to a baseline
//! that was taken just before and just after, and the median of three interleaved blocks counts. `docs/performance.md`
//! says what each figure means. Deliberately absent: thresholds (a busy neighbour would fail them), and the checker
//! (crates/lab), which must not share code with what it checks; this crate may.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints figures"
)]

mod append;
mod baseline;
mod block;
mod cpu;
mod deliveries;
mod histogram;
mod http;
mod log_of_sales;
mod product;
mod profile;
mod projector_rate;
mod rebuild;
mod receiver;
mod report;
mod requests;
mod run;
mod scan;
mod shop;
mod sizes;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Measures the product beside Postgres' own single-row inserts.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub struct Arguments {
    /// Short stretches: within two minutes, and noisier.
    #[arg(long)]
    quick: bool,
    /// One block of tiny sizes: shows that the bench works, and nothing else.
    #[arg(long, conflicts_with = "quick")]
    smoke: bool,
    /// Measure these parts only (the last line is then not printed).
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    only: Vec<block::Part>,
    /// Record where the processors' time goes, one file of `perf` per stretch, into this folder.
    #[arg(long, value_name = "DIR")]
    profile: Option<PathBuf>,
    /// Work here (the folder must be new) and keep it; by default a temporary folder, removed at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The product's binary; by default the one beside this.
    #[arg(long, env = "TRASTIENDA_BIN")]
    binary: Option<PathBuf>,
    /// NATS's binary, when the product does not find it by itself.
    #[arg(long, env = "TRASTIENDA_NATS_SERVER")]
    nats_server: Option<PathBuf>,
}

fn main() -> ExitCode {
    platform::crypto::install_default_provider();
    // Named, so that a profile tells the load's threads from the product's.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("bench")
        .enable_all()
        .build();
    let outcome = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run::run(Arguments::parse())));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
