//! Processor time by program: the product, its database, its broker, and the load itself.
//!
//! Throughput on a shared machine depends on the neighbours, the processor time of one command hardly does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the kernel counts in, on every Linux that this runs on.
const TICK: Duration = Duration::from_millis(10);

/// What this process is called here, whatever its file is called.
pub const OWN: &str = "load";

/// Time since each program's start, over all of its processes below ours.
#[derive(Debug, Clone, Default)]
pub struct Spent(BTreeMap<String, u64>);

struct Process {
    pid: u32,
    parent: u32,
    name: String,
    /// Its own and that of its ended children.
    ticks: u64,
}

impl Spent {
    /// As of now.
    pub fn now() -> Self {
        let all: Vec<Process> = std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter_map(|pid| parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
            .collect();
        let mut ours = BTreeSet::from([std::process::id()]);
        // Children may have smaller numbers than their parents; a few rounds reach every depth there is.
        loop {
            let more: Vec<u32> = all
                .iter()
                .filter(|process| ours.contains(&process.parent) && !ours.contains(&process.pid))
                .map(|process| process.pid)
                .collect();
            if more.is_empty() {
                break;
            }
            ours.extend(more);
        }
        let mut spent = BTreeMap::new();
        for process in all.into_iter().filter(|process| ours.contains(&process.pid)) {
            let is_own = process.pid == std::process::id();
            let name = if is_own { OWN.to_owned() } else { process.name };
            *spent.entry(name).or_default() += process.ticks;
        }
        Self(spent)
    }

    /// Microseconds that a program spent since `earlier`, per command.
    pub fn per_command_us(&self, earlier: &Self, program: &str, commands: u64) -> f64 {
        let of = |spent: &Self| spent.0.get(program).copied().unwrap_or(0);
        let ticks = u32::try_from(of(self).saturating_sub(of(earlier))).unwrap_or(u32::MAX);
        let commands = u32::try_from(commands.max(1)).unwrap_or(u32::MAX);
        (TICK * ticks).as_secs_f64() * 1e6 / f64::from(commands)
    }
}

/// `pid (name) state ppid … utime stime cutime cstime …`; the name may hold anything but ends with the last bracket.
fn parse(stat: &str) -> Option<Process> {
    let (start, rest) = stat.rsplit_once(')')?;
    let (pid, name) = start.split_once(" (")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // An ended pgbench is a child of ours, and no load of the product.
    let with_ended_children = if pid.parse::<u32>().ok()? == std::process::id() {
        0
    } else {
        number(13)? + number(14)?
    };
    Some(Process {
        pid: pid.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        name: name.to_owned(),
        ticks: number(11)? + number(12)? + with_ended_children,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_columns() {
        let stat = "42 (a (b) c) S 7 1 1 0 -1 0 0 0 0 0 11 22 33 44 20 0 1 0 5 0 0";
        let process = parse(stat).unwrap();
        assert_eq!((process.pid, process.parent, process.ticks), (42, 7, 110));
        assert_eq!(process.name, "a (b) c");
    }

    #[test]
    fn our_own_time_is_among_what_was_spent() {
        assert!(Spent::now().0.contains_key(OWN));
    }
}
