//! `up --fresh`: removes a data folder, if it really is one and nobody uses it.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Result;

/// Written by the standalone into each folder that it makes; the name is private-servers' `MARKER`.
const MARKER: &str = "trastienda-data";
/// Where a cluster goes that cannot run below its data folder; see private-servers.
const SYSTEM_PREFIX: &str = "/var/lib/trastienda-";
/// Servers of a standalone that was just killed need a moment for their last words.
const SERVERS_END_WITHIN: Duration = Duration::from_secs(15);

/// Removes the folder; one that is absent or empty is fresh already.
pub fn remove(folder: &Path) -> Result {
    let Ok(entries) = fs::read_dir(folder) else {
        return match folder.exists() {
            true => Err(format!("{} cannot be read as a folder", folder.display()).into()),
            false => Ok(()),
        };
    };
    if entries.count() == 0 {
        return Ok(());
    }
    let folder = folder
        .canonicalize()
        .map_err(|error| format!("cannot resolve {}: {error}", folder.display()))?;
    if !folder.join(MARKER).is_file() {
        return Err(format!(
            "{} has no file {MARKER}: it is not ours to remove",
            folder.display()
        )
        .into());
    }
    let lock_path = folder.join("lock");
    // Held until everything is gone, so that nobody starts on a folder that is being removed.
    let lock = File::open(&lock_path).ok();
    if let Some(Err(TryLockError::WouldBlock)) = lock.as_ref().map(File::try_lock) {
        let holder = fs::read_to_string(&lock_path).unwrap_or_default();
        return Err(format!(
            "{} is in use by process {}: stop that first",
            folder.display(),
            holder.trim()
        )
        .into());
    }
    wait_for_servers(&folder)?;
    if let Ok(home) = folder.join("postgres/elsewhere").canonicalize()
        && home.to_string_lossy().starts_with(SYSTEM_PREFIX)
    {
        remove_all(&home)?;
    }
    remove_all(&folder)
}

fn remove_all(folder: &Path) -> Result {
    fs::remove_dir_all(folder).map_err(|error| format!("cannot remove {}: {error}", folder.display()).into())
}

fn wait_for_servers(folder: &Path) -> Result {
    let deadline = Instant::now() + SERVERS_END_WITHIN;
    for name in ["postgres", "nats"] {
        let Ok(pid) = fs::read_to_string(folder.join(name).join("server.pid")) else {
            continue;
        };
        let pid = pid.trim();
        while runs_on(pid, folder) {
            if Instant::now() >= deadline {
                return Err(format!(
                    "{name} (process {pid}) still runs on {}: stop it first",
                    folder.display()
                )
                .into());
            }
            sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// A number in a file proves nothing: the process must name our folder, or one that a link in it leads to.
fn runs_on(pid: &str, folder: &Path) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).into_owned();
    let elsewhere = folder.join("postgres/elsewhere").canonicalize();
    line.contains(&*folder.to_string_lossy())
        || elsewhere.is_ok_and(|elsewhere| line.contains(&*elsewhere.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("trastienda-xtask-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_folder_without_the_marker_is_not_removed() {
        let folder = folder("not-ours");
        fs::write(folder.join("thesis.txt"), "years of work").unwrap();
        assert!(remove(&folder).err().unwrap().message.contains("not ours"));
        assert!(folder.join("thesis.txt").exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_absent_and_an_empty_folder_are_fresh() {
        let folder = folder("empty");
        assert!(remove(&folder).is_ok());
        fs::remove_dir_all(&folder).unwrap();
        assert!(remove(&folder).is_ok());
    }

    #[test]
    fn a_folder_in_use_is_not_removed_and_a_free_one_is() {
        let folder = folder("in-use");
        fs::write(folder.join(MARKER), "").unwrap();
        fs::write(folder.join("lock"), "4711").unwrap();
        let lock = File::open(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        assert!(
            remove(&folder)
                .err()
                .unwrap()
                .message
                .contains("in use by process 4711")
        );
        drop(lock);
        assert!(remove(&folder).is_ok());
        assert!(!folder.exists());
    }
}
