//! Starts the child that reads a file, feeds it, and takes its answer within limits of size and time.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use imports::{FileError, Table};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::child::SUBCOMMAND;

/// For the whole of a child's life, which gives way to everybody else; a real file of the largest size takes a tenth of it
/// even so. What a hostile one may burn is bounded by the child's processor time.
const PATIENCE: Duration = Duration::from_secs(90);
/// Of a child's answer. Two million cells of a list as people have them come to a third of it; it is what a hostile file
/// can make this process hold, some of them at a time.
const MAX_ANSWER_BYTES: u64 = 96 << 20;

/// The binary that reads files.
#[derive(Debug, Clone)]
pub enum ParserProgram {
    /// A binary of the product, asked by its hidden subcommand.
    Child(PathBuf),
    /// In this process: for unit tests, whose binary has no subcommand.
    #[cfg(test)]
    Inline,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParserError {
    /// The file is to blame.
    #[error(transparent)]
    File(#[from] FileError),
    /// The child was ended: it took too long, wanted too much memory, or fell over. The file is to blame.
    #[error("reading the file took too much time or memory")]
    Ended,
    /// The child could not be started or asked; the next try may succeed.
    #[error("the process that reads files cannot be used")]
    Unavailable(#[source] std::io::Error),
}

impl ParserError {
    /// In Spanish, as `Display` says it in English.
    pub fn es(&self) -> String {
        match self {
            ParserError::File(error) => error.es(),
            ParserError::Ended => "leer el archivo llevó demasiado tiempo o memoria".to_owned(),
            ParserError::Unavailable(_) => "el proceso que lee archivos no se puede usar".to_owned(),
        }
    }
}

impl ParserProgram {
    /// The binary that runs now.
    ///
    /// # Errors
    /// When the system does not tell which it is.
    pub fn this_one() -> std::io::Result<Self> {
        Ok(Self::Child(std::env::current_exe()?))
    }

    pub(super) async fn read(&self, file: Vec<u8>) -> Result<Table, ParserError> {
        match self {
            Self::Child(program) => {
                let reading = in_child(program, file);
                tokio::time::timeout(PATIENCE, reading)
                    .await
                    .unwrap_or(Err(ParserError::Ended))
            }
            #[cfg(test)]
            Self::Inline => Ok(imports::read(&file)?),
        }
    }
}

async fn in_child(program: &PathBuf, file: Vec<u8>) -> Result<Table, ParserError> {
    let mut child = Command::new(program)
        .arg(SUBCOMMAND)
        .env_clear()
        // The allocator's reserve would count against the child's memory.
        .env("MIMALLOC_ARENA_RESERVE", "0")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A runner that stops, or whose patience ends, takes its child along.
        .kill_on_drop(true)
        .spawn()
        .map_err(ParserError::Unavailable)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(ParserError::Ended);
    };
    let feeding = async move {
        // A child that ends early closes its input; its answer, or its end, tells why.
        let _ = stdin.write_all(&file).await;
        drop(stdin);
    };
    let answering = async move {
        let mut answer = Vec::new();
        let read = stdout.take(MAX_ANSWER_BYTES + 1).read_to_end(&mut answer).await;
        read.map(|_| answer)
    };
    let ((), answer) = tokio::join!(feeding, answering);
    let answer = answer.map_err(ParserError::Unavailable)?;
    let is_whole = u64::try_from(answer.len()).is_ok_and(|bytes| bytes <= MAX_ANSWER_BYTES);
    let status = child.wait().await.map_err(ParserError::Unavailable)?;
    if !status.success() || !is_whole {
        tracing::warn!(%status, "a process that read a file was ended");
        return Err(ParserError::Ended);
    }
    // Megabytes of JSON are no work for a thread that answers tills.
    let parsed = tokio::task::spawn_blocking(move || serde_json::from_slice(&answer));
    let table: Result<Table, FileError> = parsed
        .await
        .map_err(|_| ParserError::Ended)?
        .map_err(|_| ParserError::Ended)?;
    Ok(table?)
}
