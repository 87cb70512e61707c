//! Where the processors' time goes: `perf record` over the whole machine around each measured stretch, and what each SQL
//! statement cost (`statements`).
//!
//! Samples by process and function, without call stacks: release builds keep no frame pointers, and unwinding by DWARF
//! would slow down what is measured.

pub mod statements;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::PgPool;
use tokio::process::{Child, Command};

/// Samples per second and processor: not a divisor of any timer's rate.
const FREQUENCY_HZ: &str = "499";
/// Lines of a report that say something.
const REPORT_LINES: usize = 120;
const LINE_CHARS: usize = 160;
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// A folder for profiles, or nothing to do.
pub struct Profile(Option<Wanted>);

struct Wanted {
    folder: PathBuf,
    pool: PgPool,
}

impl Profile {
    /// # Errors
    /// When the folder cannot be made.
    pub async fn new(folder: Option<PathBuf>, pool: &PgPool) -> anyhow::Result<Self> {
        let Some(folder) = folder else {
            return Ok(Self(None));
        };
        std::fs::create_dir_all(&folder)?;
        statements::prepare(pool).await?;
        Ok(Self(Some(Wanted {
            folder,
            pool: pool.clone(),
        })))
    }

    /// Does the work, and profiles it if that was asked for.
    ///
    /// # Errors
    /// The work's own, and those of `perf` (Debian: linux-perf; it needs root or `perf_event_paranoid` at most 0).
    pub async fn around<T>(
        &self,
        name: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let Some(Wanted { folder, pool }) = &self.0 else {
            return work.await;
        };
        statements::reset(pool).await?;
        let data = folder.join(format!("{name}.data"));
        let perf = record(&data)?;
        let done = work.await;
        stop(perf).await?;
        statements::report(pool, &folder.join(format!("{name}.sql.txt"))).await?;
        report(&data, &folder.join(format!("{name}.txt"))).await?;
        done
    }
}

fn record(data: &Path) -> anyhow::Result<Child> {
    Command::new("perf")
        .args(["record", "--all-cpus", "--freq", FREQUENCY_HZ, "--output"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("cannot run perf (Debian: linux-perf)")
}

async fn stop(mut perf: Child) -> anyhow::Result<()> {
    let pid = perf.id().context("perf ended by itself: may this user use it?")?;
    let pid = Pid::from_raw(i32::try_from(pid)?).context("no such process")?;
    kill_process(pid, Signal::INT)?;
    tokio::time::timeout(STOP_PATIENCE, perf.wait())
        .await
        .context("perf does not stop")??;
    Ok(())
}

async fn report(data: &Path, text: &Path) -> anyhow::Result<()> {
    let mut lines: Vec<String> = Vec::new();
    for sort in ["comm", "comm,dso,symbol"] {
        let output = Command::new("perf")
            .args(["report", "--stdio", "--no-children", "--percent-limit", "0.2"])
            .args(["--field-separator", "\t", "--sort", sort, "--input"])
            .arg(data)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .await?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let wanted = printed
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        // Names of generic functions are longer than any line.
        lines.extend(
            wanted
                .take(REPORT_LINES)
                .map(|line| line.chars().take(LINE_CHARS).collect()),
        );
        lines.push(String::new());
    }
    Ok(std::fs::write(text, lines.join("\n"))?)
}
