//! Folders that one process owns: a lock for as long as it lives, a marker that says whose they are.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::Context;
use crate::{Error, Result};

/// The file that makes a folder a Trastienda data folder: only such a one is ever removed or written to.
pub const MARKER: &str = "trastienda-data";

const LOCK: &str = "lock";

/// A data folder, held by this process until the value is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: FolderLock,
}

impl DataFolder {
    /// Makes or takes the folder.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process holds it, [`Error::NotOurs`] when it holds something else.
    pub fn open(path: &Path) -> Result<Self> {
        let path = private_folder(path)?;
        let marker = path.join(MARKER);
        if !marker.exists() {
            let mut entries = fs::read_dir(&path).context(|| format!("cannot read {}", path.display()))?;
            // Only the lock may be there: a start that was killed between the two files.
            if entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != LOCK)) {
                return Err(Error::NotOurs { folder: path });
            }
        }
        let lock = FolderLock::take(&path)?;
        if !marker.exists() {
            fs::write(
                &marker,
                "This folder belongs to Trastienda; `cargo xtask up --fresh` may remove it.\n",
            )
            .context(|| format!("cannot write {}", marker.display()))?;
        }
        Ok(Self { path, _lock: lock })
    }

    /// The folder's absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// An advisory lock on a file in the folder; the kernel drops it with the process, however that ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
                let holder = if known {
                    format!("process {}", holder.trim())
                } else {
                    "another process".into()
                };
                return Err(Error::InUse {
                    folder: folder.to_path_buf(),
                    holder,
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(Error::Io {
                    what: format!("cannot lock {}", path.display()),
                    source,
                });
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        written.context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { _file: file })
    }
}

/// Makes the folder with mode 0700 if it is absent; gives its absolute path without links.
pub(crate) fn private_folder(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .context(|| format!("cannot make {}", path.display()))?;
    }
    path.canonicalize()
        .context(|| format!("cannot resolve {}", path.display()))
}

/// A folder in a place where everybody may write: it must be a real folder of ours that nobody else may enter.
pub(crate) fn private_folder_in_tmp(path: &Path) -> Result<()> {
    let unsafe_because = |problem: String| Error::Unsafe {
        folder: path.to_path_buf(),
        problem,
    };
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(source) => {
            return Err(Error::Io {
                what: format!("cannot make {}", path.display()),
                source,
            });
        }
    }
    let found = fs::symlink_metadata(path).context(|| format!("cannot look at {}", path.display()))?;
    if !found.is_dir() {
        return Err(unsafe_because("it is not a folder".into()));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(unsafe_because(format!("it belongs to user {}", found.uid())));
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .context(|| format!("cannot change the mode of {}", path.display()))
}

/// A short name for a path, the same at each start and in each build.
pub(crate) fn short_name(path: &Path) -> String {
    // FNV-1a: the name must be stable and short, not secret.
    let hash = path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{hash:016x}")
}
