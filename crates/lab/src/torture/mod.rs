//! `torture`: the product under load while it and its servers are hit at random; then the checker.
//!
//! Two layouts: the standalone, and every service as a process of its own with standbys. Clients journal every answer
//! on disk before they count it, and repeat what got no answer under the same key; an observer journals the log as it
//! sees it live. At the end everything that was answered must be there, once, nothing may have appeared behind the
//! observer, and every webhook must have come. The seed decides the load and the blows; what the machine does in
//! between is chance. `control` damages the product on purpose: such a run must fail.

mod blows;
mod control;
pub(crate) mod failpoints;
pub(crate) mod fleet;
mod killer;
pub mod lateness;
mod load;
mod rebuild;
mod report;
mod round;
mod world;

use std::path::{Path, PathBuf};

use anyhow::Context;
use rand::RngExt;

use self::control::Control;
use self::round::Round;

/// About what a blow and the recovery from it take.
const SECONDS_PER_BLOW: f64 = 2.0;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How often something is hit, over all layouts.
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// How many commands are sent, over all layouts.
    #[arg(long, default_value_t = 5_000)]
    commands: u64,
    /// Which layouts, one after the other.
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    mode: Mode,
    /// Damages the product on purpose: the run must then find losses and fail.
    #[arg(long, value_enum)]
    control: Option<Control>,
    /// Work here (the folder must be new) and keep it; by default a temporary folder, removed when all is well.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Decides the load and the blows; drawn and printed when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// Commands that arrive in a second, whether or not earlier ones are answered; by default so many that each blow
    /// falls into about two seconds of load.
    #[arg(long)]
    rate: Option<f64>,
    /// Unanswered commands at which arrivals wait; their latency counts from when they were due all the same.
    #[arg(long, default_value_t = 256)]
    workers: usize,
    /// Without failpoints, for a product that is built without them.
    #[arg(long)]
    no_failpoints: bool,
    /// The standalone's binary, with the services' beside it; by default the one beside this.
    #[arg(long, env = "TRASTIENDA_BIN")]
    binary: Option<PathBuf>,
    /// NATS's binary, when the product does not find it by itself.
    #[arg(long, env = "TRASTIENDA_NATS_SERVER")]
    nats_server: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    Standalone,
    Services,
    Both,
}

impl Mode {
    fn layouts(self) -> &'static [&'static str] {
        match self {
            Mode::Standalone => &["standalone"],
            Mode::Services => &["services"],
            Mode::Both => &["standalone", "services"],
        }
    }
}

/// Tortures and judges. True when nothing was lost, doubled or missed.
///
/// # Errors
/// When the product does not come up, or the bench itself fails.
pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let seed = arguments.seed.unwrap_or_else(|| rand::rng().random());
    let folder = work_folder("torture", arguments.data.as_deref(), seed)?;
    say(&format!("seed {seed}, working in {}", folder.display()));
    let binary = binary(arguments.binary.clone())?;
    let layouts = arguments.mode.layouts();
    for program in layouts.iter().flat_map(|layout| programs(layout)) {
        if !arguments.no_failpoints {
            failpoints::require(&binary.with_file_name(program))?;
        }
    }
    let mut all = Vec::new();
    for (place, layout) in layouts.iter().enumerate() {
        let round = Round {
            layout,
            folder: folder.join(layout),
            binary: binary.clone(),
            nats_server: arguments.nats_server.clone(),
            seed,
            kills: share(arguments.kills, layouts.len(), place),
            commands: u64::try_from(share(usize::try_from(arguments.commands)?, layouts.len(), place))?,
            rate: arguments.rate.unwrap_or_else(|| usual_rate(&arguments)),
            workers: arguments.workers,
            control: arguments.control,
            with_failpoints: !arguments.no_failpoints,
        };
        let findings = round.run().await.with_context(|| format!("layout {layout}"))?;
        all.push(findings);
    }
    all.iter().flat_map(round::table).for_each(|line| say(&line));
    let (line, ok) = report::closing(&all, seed, arguments.control.map(Control::name));
    for complaint in line["complaints"].as_array().into_iter().flatten() {
        say(&format!("WRONG {}", complaint.as_str().unwrap_or_default()));
    }
    if ok && arguments.data.is_none() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    } else {
        say(&format!("kept: {}", folder.display()));
    }
    say(&serde_json::to_string(&line)?);
    Ok(ok)
}

/// Commands per second that keep the load going from blow to blow.
fn usual_rate(arguments: &Arguments) -> f64 {
    let blows = u64::try_from(arguments.kills.max(1)).unwrap_or(u64::MAX);
    let share = u32::try_from(arguments.commands / blows).unwrap_or(u32::MAX);
    (f64::from(share) / SECONDS_PER_BLOW).clamp(50.0, 250.0)
}

/// The binaries of a layout that hold failpoints.
fn programs(layout: &str) -> &'static [&'static str] {
    if layout == "standalone" {
        &["trastienda"]
    } else {
        &["command-service", "projector", "dispatcher"]
    }
}

/// So many of a total fall to one of several parts; the parts add up.
fn share(total: usize, parts: usize, place: usize) -> usize {
    total * (place + 1) / parts - total * place / parts
}

/// The standalone's binary.
pub(crate) fn binary(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("trastienda"),
    };
    anyhow::ensure!(
        path.is_file(),
        "{} is not there: build the product, or set TRASTIENDA_BIN",
        path.display()
    );
    Ok(path)
}

/// A new folder, temporary unless one is given.
pub(crate) fn work_folder(name: &str, given: Option<&Path>, seed: u64) -> anyhow::Result<PathBuf> {
    // Short: the path of a Unix socket inside has a limit of about a hundred bytes.
    let folder = given.map_or_else(
        || std::env::temp_dir().join(format!("{name}-{seed:x}")),
        Path::to_owned,
    );
    let is_new = std::fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
    anyhow::ensure!(is_new, "{} is not empty", folder.display());
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        assert_eq!((share(21, 2, 0), share(21, 2, 1)), (10, 11));
        assert_eq!(share(7, 1, 0), 7);
    }
}
