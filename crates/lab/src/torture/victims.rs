//! Who can be killed, and how to find it: by parentage, as `/proc` shows it, so that nothing else is ever hit.

use std::collections::HashMap;
use std::fs;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

/// A process of the standalone's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    Standalone,
    /// The postmaster.
    Postgres,
    Nats,
}

impl Victim {
    pub(super) const ALL: [Victim; 3] = [Victim::Standalone, Victim::Postgres, Victim::Nats];

    /// The name that `/proc` shows.
    fn command(self) -> Option<&'static str> {
        match self {
            Victim::Standalone => None,
            Victim::Postgres => Some("postgres"),
            Victim::Nats => Some("nats-server"),
        }
    }

    /// Its process among the descendants of the standalone; `None` while it is not running.
    pub(super) fn find(self, standalone: u32) -> Option<u32> {
        let Some(command) = self.command() else {
            return Some(standalone);
        };
        let processes = processes();
        let descends = |mut pid: u32| {
            // A chain of parents ends at pid 1 or at a process that is gone by now.
            for _ in 0..64 {
                match processes.get(&pid) {
                    Some(process) if process.parent == standalone => return true,
                    Some(process) => pid = process.parent,
                    None => return false,
                }
            }
            false
        };
        let is_first = |process: &Process| {
            processes
                .get(&process.parent)
                .is_none_or(|parent| parent.command != command)
        };
        let mut found = processes
            .iter()
            .filter(|(_, process)| process.command == command && is_first(process));
        found.find(|(pid, _)| descends(**pid)).map(|(pid, _)| *pid)
    }
}

#[derive(Debug)]
struct Process {
    command: String,
    parent: u32,
}

/// Every process that lives; zombies are left out.
fn processes() -> HashMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        Some((
            pid,
            parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?,
        ))
    })
    .collect()
}

/// `pid (command) state parent …`; the command may hold spaces and parentheses.
fn parse(stat: &str) -> Option<Process> {
    let (before, after) = stat.rsplit_once(')')?;
    let command = before.split_once('(')?.1.to_owned();
    let mut fields = after.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(Process { command, parent })
}

/// SIGKILL, as a power cut for one process.
///
/// # Errors
/// When the process is gone already.
pub(super) fn kill(pid: u32) -> anyhow::Result<()> {
    send(pid, Signal::KILL)
}

/// Asks it to stop in order.
///
/// # Errors
/// When the process is gone already.
pub(super) fn terminate(pid: u32) -> anyhow::Result<()> {
    send(pid, Signal::TERM)
}

fn send(pid: u32, signal: Signal) -> anyhow::Result<()> {
    let pid = Pid::from_raw(i32::try_from(pid)?).context("0 is no process")?;
    kill_process(pid, signal).with_context(|| format!("cannot signal {pid:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_even_if_its_name_has_parentheses() {
        let process = parse("12 (a (b) c) S 7 12 12 0").unwrap();
        assert_eq!((process.command.as_str(), process.parent), ("a (b) c", 7));
        assert!(parse("12 (gone) Z 7 12").is_none());
    }

    #[test]
    fn only_descendants_are_found() {
        assert_eq!(Victim::Postgres.find(std::process::id()), None);
        assert_eq!(Victim::Standalone.find(5), Some(5));
        let own = processes();
        assert!(own.contains_key(&std::process::id()));
    }
}
