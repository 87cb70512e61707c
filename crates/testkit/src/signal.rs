//! Signals to processes that a test started. Not by the `kill` program, which a bare Debian lacks.

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
