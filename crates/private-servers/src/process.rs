//! Other processes, as `/proc` shows them: who runs on a folder, and how to end it.
//!
//! A pid in a file proves nothing, since numbers are reused: a process is only ever signalled when its command line
//! names our folder.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

/// Between two looks at a process that was asked to end.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A signal, and how long to wait for its effect.
pub(crate) type Ask = (Signal, Duration);

/// Sends a signal; a process that is gone already is not an error.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    if let Err(error) = kill_process(pid, signal) {
        tracing::debug!(pid = pid.as_raw_nonzero(), %error, "the signal was not delivered");
    }
}

/// Whether the process lives (a zombie does not) and one of its arguments is exactly this path.
pub(crate) fn runs_on(pid: u32, path: &Path) -> bool {
    // A zombie's command line is empty.
    let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    line.split(|byte| *byte == 0)
        .any(|argument| argument == path.as_os_str().as_bytes())
}

/// The number in the first line of a pid file.
pub(crate) fn pid_in(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok()
}

/// Ends the process that one of the pid files names, if it is ours, and removes nothing.
pub(crate) async fn end_leftover(pid_files: &[PathBuf], path: &Path, asks: &[Ask]) {
    for pid in pid_files.iter().filter_map(|file| pid_in(file)) {
        if !runs_on(pid, path) {
            continue;
        }
        tracing::warn!(pid, folder = %path.display(), "a server of an earlier run is still there: it is stopped");
        for (ask, patience) in asks {
            signal(pid, *ask);
            if gone(*patience, || !runs_on(pid, path)).await {
                break;
            }
        }
    }
}

/// Waits until no process works in the folder; what is still there after `patience` is killed.
pub(crate) async fn wait_until_nobody_works_in(folder: &Path, patience: Duration) {
    if gone(patience, || working_in(folder).is_empty()).await {
        return;
    }
    for pid in working_in(folder) {
        tracing::warn!(pid, folder = %folder.display(), "a leftover process does not end: it is killed");
        signal(pid, Signal::KILL);
    }
    gone(patience, || working_in(folder).is_empty()).await;
}

/// Postgres and all that it forks have the cluster as their current folder.
fn working_in(folder: &Path) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder))
        .filter(|pid| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("postgres"))
        })
        .collect()
}

async fn gone(patience: Duration, is_gone: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if is_gone() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
}
