//! One process of the product: started, watched, started again whenever it ends, as an init system would.
//!
//! Each end is recorded with its cause: a blow of ours, a failpoint that it was armed with, or something that nobody
//! asked for, which then carries the end of its log.

use std::convert::Infallible;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;
use serde::Serialize;
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Service, processes, without_our_variables};
use crate::client::plain_http;

/// Before it is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(100);
/// A graceful stop takes at most ten seconds by design.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What a blow to another process, or a halt of its own, may explain is over by then.
const AFTERMATH: Duration = Duration::from_secs(20);
/// Ends that nobody asked for, after which the run is given up.
const UNEXPLAINED_LIMIT: usize = 20;
const TAIL_LINES: usize = 12;
const TAIL_BYTES: u64 = 8_192;
const SIGABRT: i32 = 6;
const SIGTERM: i32 = 15;

/// How to start a member, the same each time but for failpoints.
#[derive(Debug)]
pub(crate) struct Program {
    /// Such as `command-service-1`.
    pub name: String,
    pub service: Service,
    pub binary: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub log: PathBuf,
    /// Where it answers.
    pub base_url: String,
    /// Where failpoints that ended it are noted.
    pub failpoint_journal: PathBuf,
}

/// Why a member ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// By a blow that was meant to.
    Blow,
    /// At this place.
    Failpoint(String),
    /// It was just starting, and a server that it needs was hit.
    StartDisturbed,
    /// It had been halted long enough to lose its lease.
    AfterHalt,
    Unexplained,
}

/// A member's end.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Exit {
    #[serde(with = "time::serde::rfc3339")]
    pub at: time::OffsetDateTime,
    pub member: String,
    pub status: String,
    pub cause: Cause,
    /// The last lines of its log, unless a blow of ours explains the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

#[derive(Debug, Default)]
struct State {
    pid: Option<u32>,
    /// It has answered in this life.
    served: bool,
    /// The next end is ours, and whether it must be an orderly one.
    expected: Option<Expected>,
    /// `FAILPOINTS` of the next life.
    armed: Option<String>,
    /// `FAILPOINTS` of this life.
    armed_now: Option<String>,
    /// It is not started again before.
    down_until: Option<Instant>,
    halted_at: Option<Instant>,
    disturbed_at: Option<Instant>,
    exits: Vec<Exit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Dead,
    /// With success.
    Orderly,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub program: Program,
    http: reqwest::Client,
    state: Mutex<State>,
}

impl Member {
    /// # Errors
    /// When HTTP cannot be set up.
    pub(crate) fn new(program: Program) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            program,
            http: plain_http(Duration::from_secs(2))?,
            state: Mutex::default(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> &str {
        &self.program.name
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.state().pid
    }

    /// Every end so far.
    pub(crate) fn exits(&self) -> Vec<Exit> {
        self.state().exits.clone()
    }

    /// `FAILPOINTS` of its next life.
    pub(crate) fn arm(&self, failpoints: Option<String>) {
        self.state().armed = failpoints;
    }

    /// Whether its next life ends at a failpoint.
    pub(crate) fn is_armed(&self) -> bool {
        self.state().armed.is_some()
    }

    /// A server that it needs was just hit.
    pub(crate) fn disturb(&self) {
        self.state().disturbed_at = Some(Instant::now());
    }

    /// Ends it at once, and keeps it down for a while. None when it is not running.
    pub(crate) fn kill(&self, down: Duration) -> Option<u32> {
        self.strike(Signal::KILL, Expected::Dead, down)
    }

    /// Asks it to stop in order.
    pub(crate) fn terminate(&self, down: Duration) -> Option<u32> {
        self.strike(Signal::TERM, Expected::Orderly, down)
    }

    fn strike(&self, signal: Signal, expected: Expected, down: Duration) -> Option<u32> {
        let mut state = self.state();
        let pid = state.pid?;
        processes::send(pid, signal).ok()?;
        // An orderly stop that is then cut short by a kill need not be orderly.
        state.expected = Some(expected);
        state.down_until = Some(Instant::now() + down);
        Some(pid)
    }

    /// Halts it; [`Member::resume`] lets it go on. None when it is not running.
    pub(crate) fn halt(&self) -> Option<u32> {
        let pid = self.state().pid?;
        processes::send(pid, Signal::STOP).ok()?;
        Some(pid)
    }

    /// Lets a halted process go on, if it still is the same.
    pub(crate) fn resume(&self, pid: u32) {
        let mut state = self.state();
        if state.pid == Some(pid) {
            state.halted_at = Some(Instant::now());
            let _gone = processes::send(pid, Signal::CONT);
        }
    }

    /// Whether it answers this path with 200.
    pub(crate) async fn answers(&self, path: &str) -> bool {
        let url = format!("{}{path}", self.program.base_url);
        let answer = self.http.get(url).send().await;
        answer.is_ok_and(|answer| answer.status() == reqwest::StatusCode::OK)
    }

    /// Runs it, again and again, until told to stop; then stops it in order.
    ///
    /// # Errors
    /// When it cannot be started, keeps ending for no reason, or does not stop.
    pub(crate) async fn keep(self: Arc<Self>, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let (mut child, places_before) = self.spawn()?;
            let ended = tokio::select! {
                status = child.wait() => status?,
                never = self.watch() => match never {},
                () = stop.cancelled() => return self.stop(child).await,
            };
            self.note(ended, places_before);
            let unexplained = self
                .exits()
                .iter()
                .filter(|exit| exit.cause == Cause::Unexplained)
                .count();
            anyhow::ensure!(
                unexplained < UNEXPLAINED_LIMIT,
                "{} does not stay up (see {})",
                self.name(),
                self.program.log.display()
            );
            let down_until = self.state().down_until.take();
            let start = down_until
                .unwrap_or_else(Instant::now)
                .max(Instant::now() + RESTART_PAUSE);
            tokio::select! {
                () = tokio::time::sleep_until(start) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Notes when it first answers, then does nothing for ever.
    async fn watch(&self) -> Infallible {
        while !self.answers("/livez").await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.state().served = true;
        std::future::pending().await
    }

    fn spawn(&self) -> anyhow::Result<(Child, usize)> {
        let program = &self.program;
        let out = OpenOptions::new().create(true).append(true).open(&program.log)?;
        // It dies with this bench, whatever ends the bench. The runtime's threads live as long as the process.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&program.binary)
            .args(&program.args)
            .envs(program.env.iter().map(|(name, value)| (name, value)))
            .env("FAILPOINT_JOURNAL", &program.failpoint_journal)
            // The end of a log is for the report.
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .kill_on_drop(true);
        without_our_variables(&mut command);
        let mut state = self.state();
        state.armed_now = state.armed.take();
        if let Some(failpoints) = &state.armed_now {
            command.env("FAILPOINTS", failpoints);
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.binary.display()))?;
        state.pid = child.id();
        state.served = false;
        state.expected = None;
        Ok((child, self.places().len()))
    }

    /// Asks it to stop, for good.
    async fn stop(&self, mut child: Child) -> anyhow::Result<()> {
        let name = self.name();
        let pid = child.id().with_context(|| format!("{name} ended by itself"))?;
        processes::send(pid, Signal::CONT)?;
        processes::send(pid, Signal::TERM)?;
        let status = tokio::time::timeout(STOP_PATIENCE, child.wait())
            .await
            .with_context(|| format!("{name} does not stop within 20 s"))??;
        let log = self.program.log.display();
        anyhow::ensure!(status.success(), "{name} stopped with {status} (see {log})");
        Ok(())
    }

    /// Failpoints that ended it so far.
    pub(crate) fn places(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.program.failpoint_journal).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn note(&self, status: ExitStatus, places_before: usize) {
        let place = self.places().get(places_before).cloned();
        let mut state = self.state();
        let recent = |moment: Option<Instant>| moment.is_some_and(|at| at.elapsed() < AFTERMATH);
        let expected = state.expected.take();
        let cause = match (place, expected) {
            (Some(place), _) if status.signal() == Some(SIGABRT) => Cause::Failpoint(place),
            (_, Some(Expected::Dead)) => Cause::Blow,
            (_, Some(Expected::Orderly)) if status.success() => Cause::Blow,
            // Asked before it could listen to signals.
            (_, Some(Expected::Orderly)) if !state.served && status.signal() == Some(SIGTERM) => Cause::Blow,
            (_, None) if recent(state.halted_at) => Cause::AfterHalt,
            (_, _) if !state.served && recent(state.disturbed_at) => Cause::StartDisturbed,
            _ => Cause::Unexplained,
        };
        let log = if cause == Cause::Blow {
            Vec::new()
        } else {
            self.tail()
        };
        // A life that ended before it began has not had its chance to reach the place.
        if cause == Cause::StartDisturbed && state.armed.is_none() {
            state.armed = state.armed_now.take();
        }
        state.pid = None;
        state.exits.push(Exit {
            at: crate::clock::now(),
            member: self.name().to_owned(),
            status: status.to_string(),
            cause,
            log,
        });
    }

    /// The last lines of its log.
    fn tail(&self) -> Vec<String> {
        let read = || -> std::io::Result<String> {
            let mut file = std::fs::File::open(&self.program.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
            let mut bytes = Vec::new();
            file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = read().unwrap_or_else(|error| format!("(unreadable: {error})"));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect()
    }
}
