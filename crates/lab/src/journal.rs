//! A journal of JSON lines with group commit: whoever writes waits until the line is where it was promised to be.
//!
//! Lines that wait are written together, so that durability costs one flush per batch and not per line.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Lines written together at most.
const MAX_BATCH: usize = 1_024;

/// When a line counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When the operating system has it; the disk follows at this interval.
    Flushed { sync_every: Duration },
    /// When the disk has it.
    Synced,
}

struct Waiting {
    line: Vec<u8>,
    written: oneshot::Sender<()>,
}

/// The writing side. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Journal {
    lines: mpsc::Sender<Waiting>,
}

/// The task that writes; join it after the last [`Journal`] is gone.
#[derive(Debug)]
pub struct Writing(JoinHandle<anyhow::Result<()>>);

impl Writing {
    /// Waits until everything is on the disk.
    ///
    /// # Errors
    /// When writing failed.
    pub async fn finish(self) -> anyhow::Result<()> {
        self.0.await.context("the journal's writer panicked")?
    }
}

impl Journal {
    /// Opens for appending; a last line that a crash cut off is removed first.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path, durability: Durability) -> anyhow::Result<(Self, Writing)> {
        let cannot = || format!("cannot open the journal {}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(cannot)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .with_context(cannot)?;
        cut_torn_line(&file).with_context(cannot)?;
        let (lines, waiting) = mpsc::channel(MAX_BATCH * 4);
        let path = path.to_owned();
        let writing = tokio::task::spawn_blocking(move || write_all(file, &path, durability, waiting));
        Ok((Self { lines }, Writing(writing)))
    }

    /// Writes one line and waits until it is as durable as promised.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn write(&self, entry: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let (written, done) = oneshot::channel();
        self.lines
            .send(Waiting { line, written })
            .await
            .ok()
            .context("the journal's writer has ended")?;
        done.await.context("the journal could not be written")
    }
}

/// Keeps whole lines only, and goes to the end.
fn cut_torn_line(mut file: &File) -> std::io::Result<()> {
    use std::io::Seek;
    let mut reader = BufReader::new(file);
    let (mut whole, mut line) = (0_u64, Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 || line.last() != Some(&b'\n') {
            break;
        }
        whole += u64::try_from(read).unwrap_or(0);
    }
    file.set_len(whole)?;
    file.seek(std::io::SeekFrom::End(0))?;
    Ok(())
}

fn write_all(
    mut file: File,
    path: &Path,
    durability: Durability,
    mut waiting: mpsc::Receiver<Waiting>,
) -> anyhow::Result<()> {
    let mut synced = Instant::now();
    let mut batch: Vec<Waiting> = Vec::with_capacity(MAX_BATCH);
    let mut text = Vec::new();
    while waiting.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
        text.clear();
        batch.iter().for_each(|entry| text.extend_from_slice(&entry.line));
        file.write_all(&text)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let sync = match durability {
            Durability::Synced => true,
            Durability::Flushed { sync_every } => synced.elapsed() >= sync_every,
        };
        if sync {
            file.sync_data()
                .with_context(|| format!("cannot sync {}", path.display()))?;
            synced = Instant::now();
        }
        for entry in batch.drain(..) {
            // Whoever waited may have gone; the line stands anyway.
            let _gone = entry.written.send(());
        }
    }
    file.sync_data()
        .with_context(|| format!("cannot sync {}", path.display()))
}

/// The entries of a journal, in order; none when the file is absent. A last line without its end is left out.
///
/// # Errors
/// When a whole line is not an entry.
pub fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut reader = BufReader::new(file);
    let (mut entries, mut line) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 || line.last() != Some(&b'\n') {
            return Ok(entries);
        }
        let entry = serde_json::from_slice(&line)
            .with_context(|| format!("line {} of {} is not an entry", entries.len() + 1, path.display()))?;
        entries.push(entry);
    }
}

/// A fresh file name under the system's temporary folder, for tests.
#[cfg(test)]
pub(crate) fn scratch(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("lab-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    if path.exists() {
        std::fs::remove_file(&path).unwrap();
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_back_in_order_by_the_next_run() {
        let path = scratch("journal-order");
        for round in 0..2_i64 {
            let (journal, writing) = Journal::open(&path, Durability::Synced).unwrap();
            for number in 0..50_i64 {
                journal.write(&(round, number)).await.unwrap();
            }
            drop(journal);
            writing.finish().await.unwrap();
        }
        let entries: Vec<(i64, i64)> = read(&path).unwrap();
        assert_eq!(entries.len(), 100);
        assert_eq!(entries.last(), Some(&(1, 49)));
    }

    #[tokio::test]
    async fn a_line_cut_off_by_a_crash_is_not_an_entry_and_does_not_spoil_the_next() {
        let path = scratch("journal-torn");
        std::fs::write(&path, "[1,2]\n[3,").unwrap();
        assert_eq!(read::<(i64, i64)>(&path).unwrap(), [(1, 2)]);
        let (journal, writing) = Journal::open(&path, Durability::Synced).unwrap();
        journal.write(&(5, 6)).await.unwrap();
        drop(journal);
        writing.finish().await.unwrap();
        assert_eq!(read::<(i64, i64)>(&path).unwrap(), [(1, 2), (5, 6)]);
    }
}
