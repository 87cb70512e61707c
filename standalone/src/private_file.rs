//! Small JSON files that hold secrets: written whole or not at all, readable by their owner alone.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;

/// Replaces the file with `content`, with mode 0600; who reads it meanwhile sees the old one or the new one.
///
/// # Errors
/// A folder that cannot be written to; content that is no JSON.
pub fn write_json(path: &Path, content: &impl Serialize) -> anyhow::Result<()> {
    let next = path.with_extension("json.next");
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)?;
    out.write_all(serde_json::to_string_pretty(content)?.as_bytes())?;
    out.write_all(b"\n")?;
    out.sync_all()?;
    std::fs::rename(next, path)?;
    Ok(())
}

/// Removes a file; one that is not there is no error.
pub fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
