//! The child process that reads a file: standard input to standard output, and nothing else.
//!
//! It limits itself before it looks at a byte: memory, processor time, and no file or socket can be opened. Whoever
//! takes it over through a damaged file has what the file said, and a process that ends. Not here: who starts it.

use std::io::{Read, Write};
use std::process::ExitCode;

use imports::limits::MAX_FILE_BYTES;
use rustix::process::{Resource, Rlimit, setrlimit};

/// The hidden subcommand's name, in every binary that may be asked to read a file.
pub const SUBCOMMAND: &str = "read-import-file";

/// Beyond what the process holds when it begins.
const MEMORY_BYTES: u64 = 1 << 30;
const CPU_SECONDS: u64 = 30;
/// Of twenty: whoever else wants the processor gets most of it.
const NICENESS: i32 = 10;

/// Whether this process was started as that child. Asked before anything else is set up.
pub fn is_asked_for() -> bool {
    std::env::args_os().nth(1).is_some_and(|word| word == SUBCOMMAND)
}

/// Reads the file from standard input and writes the table, or why there is none, as JSON. Ends with a failure only if it
/// could not answer.
pub fn run() -> ExitCode {
    match limit_itself().and_then(|()| answer()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn limit_itself() -> std::io::Result<()> {
    let exactly = |value| Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    // Tills come first. A system that does not let a process be modest loses nothing but that.
    let _ = rustix::process::nice(NICENESS);
    setrlimit(Resource::As, exactly(held_bytes() + MEMORY_BYTES))?;
    setrlimit(Resource::Cpu, exactly(CPU_SECONDS))?;
    // Nothing is written to files, no memory image is left behind, and with the three standard streams open there is no
    // number left for a file or a socket.
    setrlimit(Resource::Fsize, exactly(0))?;
    setrlimit(Resource::Core, exactly(0))?;
    setrlimit(Resource::Nofile, exactly(3))?;
    Ok(())
}

/// Address space in use, which allocators reserve generously.
fn held_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .unwrap_or(0);
    pages * 4_096
}

fn answer() -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    std::io::stdin().take(most + 1).read_to_end(&mut bytes)?;
    let table = imports::read(&bytes);
    let mut out = std::io::BufWriter::new(std::io::stdout());
    serde_json::to_writer(&mut out, &table)?;
    out.flush()
}
