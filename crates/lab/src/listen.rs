//! `listen`: a webhook receiver for people, one line per delivery.

use std::path::PathBuf;
use std::time::Duration;

use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;

use crate::receiver::{ANY_PATH, DEFAULT_PORT, Misbehaviour, Options, Receiver, Seen, Summary};
use crate::sequence::Arrival;
use crate::signature::Secret;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Port on 127.0.0.1. `cargo xtask up` lets webhooks go to 18099 unless told otherwise.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// The endpoint's secret, as it was shown when the endpoint was created.
    #[arg(long)]
    secret: String,
    /// Answer this status instead of 204.
    #[arg(long)]
    status: Option<u16>,
    /// Answer after so many milliseconds.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Close the connection without an answer at every Nth delivery.
    #[arg(long, default_value_t = 0)]
    drop_every: u64,
    /// Answer 500 to the first N deliveries.
    #[arg(long, default_value_t = 0)]
    fail_first: u64,
    /// Keep every delivery as a line of JSON; read again at the next start.
    #[arg(long)]
    journal: Option<PathBuf>,
}

/// Receives until Ctrl-C. True when every delivery was signed and none is missing.
///
/// # Errors
/// When the secret is malformed, the port is taken or the journal cannot be used.
pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let (observer, mut seen) = mpsc::channel(1_024);
    let receiver = Receiver::start(Options {
        port: arguments.port,
        journal: arguments.journal,
        misbehaviour: Misbehaviour {
            status: arguments.status,
            delay: Duration::from_millis(arguments.delay_ms),
            drop_every: arguments.drop_every,
            fail_first: arguments.fail_first,
        },
        observer: Some(observer),
    })
    .await?;
    receiver.add_hook(ANY_PATH, Secret::parse(&arguments.secret)?);
    say(&format!("listening on {} (Ctrl-C ends)", receiver.url("/hook")));
    loop {
        tokio::select! {
            delivery = seen.recv() => match delivery {
                Some(delivery) => say(&line(&delivery)),
                None => break,
            },
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                break;
            }
        }
    }
    let summary = receiver.summary(ANY_PATH);
    receiver.stop().await?;
    say(&closing(&summary));
    Ok(summary.unverified == 0 && summary.altered == 0 && summary.holes == 0)
}

fn line(seen: &Seen) -> String {
    let receipt = &seen.receipt;
    let time = receipt.received_at.format(&Rfc3339).unwrap_or_default();
    let sequence = receipt
        .sequence
        .map_or_else(|| "-".to_owned(), |number| number.to_string());
    let verdict = receipt.problem.clone().unwrap_or_else(|| "ok".to_owned());
    let order = match seen.arrival {
        None | Some(Arrival::InOrder) => String::new(),
        Some(Arrival::Ahead { missing }) => format!("  gap: {missing} not here yet"),
        Some(Arrival::Late) => "  fills a gap".to_owned(),
        Some(Arrival::Repeated) => "  duplicate".to_owned(),
    };
    let answered = if receipt.status == 204 {
        String::new()
    } else {
        format!("  answered {}", receipt.status)
    };
    format!(
        "{time}  {}  {:<28} #{sequence:<8} {verdict}{order}{answered}",
        receipt.id, receipt.event_type
    )
}

fn closing(summary: &Summary) -> String {
    format!(
        "{} deliveries: {} different, {} duplicates, {} not verified, {} with other bytes; sequence up to {}, {} missing",
        summary.deliveries,
        summary.received,
        summary.duplicates,
        summary.unverified,
        summary.altered,
        summary.highest_sequence,
        summary.holes
    )
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn say(line: &str) {
    println!("{line}");
}
