//! Searches the servers' log files for what must never stand there. Not here: what that is (`secrets`).
//!
//! Bounded: so many entries of so many levels, so many bytes of each file's end and in all. What the bound leaves out
//! is counted, never passed over in silence.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::findings::Findings;
use super::secrets;

const MAX_DEPTH: usize = 6;
const MAX_ENTRIES: usize = 50_000;
const MAX_FILE_BYTES: u64 = 64 << 20;
const MAX_BYTES: u64 = 256 << 20;
/// What is longer is searched in pieces.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Searches every `*.log` below a folder. Blocks.
pub(super) fn check(folder: &Path, findings: &mut Findings) {
    let mut left = MAX_BYTES;
    for path in log_files(folder, findings) {
        match search(&path, MAX_FILE_BYTES.min(left), findings) {
            Ok(bytes) => {
                findings.count("log_files");
                findings.add("log_bytes", usize::try_from(bytes).unwrap_or(usize::MAX));
                left -= bytes.min(left);
            }
            // Another user's file, or one that is just being rotated away.
            Err(_unreadable) => findings.count("log_files_unreadable"),
        }
    }
}

fn log_files(folder: &Path, findings: &mut Findings) -> Vec<PathBuf> {
    let (mut files, mut entries) = (Vec::new(), 0);
    let mut waiting = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        let Ok(listing) = std::fs::read_dir(&folder) else {
            findings.count("log_folders_unreadable");
            continue;
        };
        for entry in listing.flatten() {
            entries += 1;
            if entries > MAX_ENTRIES {
                findings.count("log_folders_cut_off");
                return files;
            }
            // Links are not followed: neither kind holds for them.
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && depth < MAX_DEPTH {
                waiting.push((path, depth + 1));
            } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "log") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Searches the last `most` bytes. Answers how many bytes it read.
fn search(path: &Path, most: u64, findings: &mut Findings) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > most {
        findings.count("log_files_cut_off");
        file.seek(SeekFrom::Start(length - most))?;
    }
    let mut reader = BufReader::new(file.take(most));
    let (mut line, mut number, mut bytes) = (Vec::new(), 0_u64, 0_u64);
    loop {
        line.clear();
        let read = (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(bytes);
        }
        number += 1;
        bytes += u64::try_from(read).unwrap_or(0);
        if let Some(what) = secrets::found_in_text(&String::from_utf8_lossy(&line)) {
            // Never the line itself: this report must not become the next leak.
            findings.error(
                "secrets",
                format!("{} line {number} holds {what}", path.display()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::scratch;

    #[test]
    fn a_card_number_in_a_log_below_the_folder_is_found_and_not_repeated() {
        let folder = scratch("logs-marker").with_file_name("logs-searched");
        std::fs::create_dir_all(folder.join("postgres")).unwrap();
        std::fs::write(
            folder.join("postgres/postgres.log"),
            "all is well\nunit imei:490154203237518\npaid with 4111111111111111\n",
        )
        .unwrap();
        std::fs::write(folder.join("journal.jsonl"), "whsec_abc\n").unwrap();
        let mut findings = Findings::default();
        check(&folder, &mut findings);
        let verdict = findings.verdict();
        assert_eq!(
            (verdict.counted("log_files"), verdict.errors_of("secrets")),
            (1, 1)
        );
        assert!(verdict.errors()[0].contains("line 3"));
        assert!(!verdict.errors()[0].contains("4111"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_the_end_of_a_large_file_is_read_and_that_is_said() {
        let path = scratch("large.log");
        std::fs::write(&path, "whsec_early\nquiet\nwhsec_late\n").unwrap();
        let mut findings = Findings::default();
        assert_eq!(search(&path, 12, &mut findings).unwrap(), 12);
        let verdict = findings.verdict();
        assert_eq!(
            (verdict.errors_of("secrets"), verdict.counted("log_files_cut_off")),
            (1, 1)
        );
    }
}
