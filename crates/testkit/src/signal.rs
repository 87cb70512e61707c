//! Signals to processes that a test started. Not by the `kill` program, which a bare Debian lacks.

use std::time::Duration;

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// Kills at once.
pub const KILL: Signal = Signal::KILL;
/// Asks for an orderly end.
pub const TERM: Signal = Signal::TERM;
/// As Ctrl-C.
pub const INT: Signal = Signal::INT;
/// Stops until [`CONT`].
pub const STOP: Signal = Signal::STOP;
/// Lets go on.
pub const CONT: Signal = Signal::CONT;

/// Sends a signal; false when there is no such process any more.
pub fn send(pid: u32, signal: Signal) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, signal).is_ok()
}

/// Stops a process and returns once none of its threads runs any more: the signal alone only asks for that, and on a busy
/// machine a thread goes on for a moment.
pub async fn stop(pid: u32) {
    assert!(send(pid, STOP), "there is no process {pid}");
    while !is_stopped(pid) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn is_stopped(pid: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.flatten().all(|task| {
        // A thread that ends meanwhile runs no more. The state stands behind the name, which may hold brackets.
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else {
            return true;
        };
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    })
}
