//! Processes as `/proc` shows them, found by parentage, so that nothing but what this bench started is ever hit.
//!
//! Not here: whom to hit and when (`blows`).

use std::collections::HashMap;
use std::fs;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

/// Parents that are followed; a chain ends at pid 1 or at a process that is gone by now.
const MAX_DEPTH: usize = 64;

#[derive(Debug)]
struct Process {
    command: String,
    parent: u32,
}

/// A picture of all processes that live; zombies are left out.
#[derive(Debug)]
pub(crate) struct Processes(HashMap<u32, Process>);

impl Processes {
    pub(crate) fn now() -> Self {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let read = |pid: u32| {
            Some((
                pid,
                parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?,
            ))
        };
        Self(pids.filter_map(read).collect())
    }

    fn descends(&self, mut pid: u32, ancestor: u32) -> bool {
        for _ in 0..MAX_DEPTH {
            match self.0.get(&pid) {
                Some(process) if process.parent == ancestor => return true,
                Some(process) => pid = process.parent,
                None => return false,
            }
        }
        false
    }

    /// The first process of a server (not its workers) below an ancestor.
    pub(crate) fn server(&self, command: &str, ancestor: u32) -> Option<u32> {
        let is_first = |process: &Process| {
            self.0
                .get(&process.parent)
                .is_none_or(|parent| parent.command != command)
        };
        let mut found = self
            .0
            .iter()
            .filter(|(_, process)| process.command == command && is_first(process));
        found
            .find(|(pid, _)| self.descends(**pid, ancestor))
            .map(|(pid, _)| *pid)
    }

    /// A process and everything below it.
    pub(crate) fn tree(&self, root: u32) -> Vec<u32> {
        let below = self.0.keys().copied().filter(|pid| self.descends(*pid, root));
        std::iter::once(root).chain(below).collect()
    }

    /// Backends that serve the product's own roles, in the order of their pids.
    pub(crate) fn backends(&self, postmaster: u32) -> Vec<u32> {
        self.workers(postmaster, &["postgres: trastienda_"])
    }

    /// The processes that write log and pages behind the backends' backs.
    pub(crate) fn writers(&self, postmaster: u32) -> Vec<u32> {
        let titles =
            ["walwriter", "background writer", "checkpointer"].map(|role| format!("postgres: {role}"));
        self.workers(postmaster, &titles.each_ref().map(String::as_str))
    }

    /// Children whose title begins so, in the order of their pids.
    fn workers(&self, postmaster: u32, titles: &[&str]) -> Vec<u32> {
        let is_one = |pid: &u32| {
            let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let title = String::from_utf8_lossy(&title);
            titles.iter().any(|beginning| title.starts_with(beginning))
        };
        let children = self.0.iter().filter(|(_, process)| process.parent == postmaster);
        let mut workers: Vec<u32> = children.map(|(pid, _)| *pid).filter(is_one).collect();
        workers.sort_unstable();
        workers
    }
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

/// Sends a signal.
///
/// # Errors
/// When the process is gone already.
pub(crate) fn send(pid: u32, signal: Signal) -> anyhow::Result<()> {
    let pid = Pid::from_raw(i32::try_from(pid)?).context("0 is no process")?;
    kill_process(pid, signal).with_context(|| format!("cannot signal {pid:?}"))
}

/// Sends a signal to all that still live.
pub(crate) fn send_all(pids: &[u32], signal: Signal) {
    for pid in pids {
        // One that has ended meanwhile needs no signal.
        let _gone = send(*pid, signal);
    }
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
        let process = |command: &str, parent| Process {
            command: command.to_owned(),
            parent,
        };
        let processes = Processes(HashMap::from([
            (2, process("trastienda", 1)),
            (3, process("postgres", 2)),
            (4, process("postgres", 3)),
            (5, process("postgres", 1)),
        ]));
        assert_eq!(processes.server("postgres", 2), Some(3));
        assert_eq!(processes.server("nats-server", 2), None);
        let mut tree = processes.tree(2);
        tree.sort_unstable();
        assert_eq!(tree, [2, 3, 4]);
    }
}
