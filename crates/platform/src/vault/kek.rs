//! The key-encryption key: 32 bytes from a file or the configuration. It never enters the database.

use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::cipher::{KEY_BYTES, Key};
use crate::config::KeysConfig;

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    #[error("cannot use the key file {}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// Others than the owner may read the file.
    #[error("the key file {} may be read by others or written by its group: its mode must be 0600, 0400 or 0440", path.display())]
    Exposed { path: PathBuf },
    #[error("a key-encryption key is 32 bytes, or their base64")]
    Malformed,
    #[error("neither keys.kek_file nor keys.kek is configured")]
    Missing,
}

/// Wraps the tenants' keys.
#[derive(Clone)]
pub struct Kek {
    pub(super) key: Key,
    id: String,
}

impl Kek {
    /// The configured one.
    ///
    /// # Errors
    /// When none is configured or the configured one is not usable.
    pub fn from_config(keys: &KeysConfig) -> Result<Self, KekError> {
        match (&keys.kek_file, &keys.kek) {
            (Some(path), _) => Self::load(path),
            (None, Some(text)) => Self::from_base64(text.expose()),
            (None, None) => Err(KekError::Missing),
        }
    }

    /// # Errors
    /// When it is not the base64 of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, KekError> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| KekError::Malformed)?);
        Key::from_slice(&bytes).map(Self::new).ok_or(KekError::Malformed)
    }

    /// Reads a file of 32 bytes or their base64.
    ///
    /// # Errors
    /// When it cannot be read, is readable by others, or holds no key.
    pub fn load(path: &Path) -> Result<Self, KekError> {
        let fail = |source| KekError::File {
            path: path.to_owned(),
            source,
        };
        let mode = std::fs::metadata(path).map_err(fail)?.permissions().mode();
        // A group may read: that is how secrets are mounted in containers.
        if mode & 0o027 != 0 {
            return Err(KekError::Exposed {
                path: path.to_owned(),
            });
        }
        let bytes = Zeroizing::new(std::fs::read(path).map_err(fail)?);
        if bytes.len() == KEY_BYTES {
            return Key::from_slice(&bytes).map(Self::new).ok_or(KekError::Malformed);
        }
        Self::from_base64(std::str::from_utf8(&bytes).map_err(|_| KekError::Malformed)?)
    }

    /// Reads the file, or makes one with a fresh key (mode 0600) where there is none. Of two processes that make it
    /// at the same time, one wins and both use its key.
    ///
    /// # Errors
    /// When the file cannot be read or written, is readable by others, or holds no key.
    pub fn load_or_create(path: &Path) -> Result<Self, KekError> {
        let fail = |source| KekError::File {
            path: path.to_owned(),
            source,
        };
        if path.try_exists().map_err(fail)? {
            return Self::load(path);
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(fail)?;
        // Written under another name and linked in: the file appears whole, or not at all.
        let draft = folder.join(format!(".kek-{}", crate::clock::fresh_id()));
        let outcome =
            write_key(&draft, &Key::generate()).and_then(|()| match std::fs::hard_link(&draft, path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                other => other,
            });
        let removed = std::fs::remove_file(&draft);
        outcome.and(removed).map_err(fail)?;
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(fail)?;
        Self::load(path)
    }

    /// Names the key without telling it: 16 hexadecimal digits of a hash.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A key for another purpose, the same for every process that holds this one (HMAC-SHA256 over the purpose).
    pub fn derive(&self, purpose: &str) -> [u8; KEY_BYTES] {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(self.key.bytes())
            .expect("HMAC takes keys of any length");
        hmac::Mac::update(&mut mac, b"trastienda derived key\0");
        hmac::Mac::update(&mut mac, purpose.as_bytes());
        hmac::Mac::finalize(mac).into_bytes().into()
    }

    fn new(key: Key) -> Self {
        let hash = Sha256::new()
            .chain_update(b"trastienda kek id")
            .chain_update(key.bytes())
            .finalize();
        Self {
            key,
            id: hex::encode(&hash[..8]),
        }
    }
}

impl std::fmt::Debug for Kek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kek({})", self.id)
    }
}

fn write_key(path: &Path, key: &Key) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    // The mode above is subject to the process's mask.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(key.bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> PathBuf {
        let path = std::env::temp_dir().join(format!("trastienda-kek-{}", crate::clock::fresh_id()));
        std::fs::create_dir(&path).unwrap();
        path
    }

    #[test]
    fn a_fresh_key_file_is_private_and_stays_the_same() {
        let folder = folder();
        let path = folder.join("keys/kek");
        let made = Kek::load_or_create(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(std::fs::read(&path).unwrap().len(), 32);
        assert_eq!(Kek::load_or_create(&path).unwrap().id(), made.id());
        assert_eq!(std::fs::read_dir(folder.join("keys")).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn many_who_make_the_file_at_once_agree_on_one_key() {
        let folder = folder();
        let path = folder.join("kek");
        let ids: Vec<String> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Kek::load_or_create(&path).unwrap().id().to_owned()))
                .collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = folder();
        let path = folder.join("kek");
        std::fs::write(&path, [7; 32]).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Kek::load(&path), Err(KekError::Exposed { .. })));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_same_bytes_are_the_same_key_from_file_and_from_base64() {
        let folder = folder();
        let path = folder.join("kek");
        std::fs::write(&path, STANDARD.encode([7; 32]) + "\n").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let text = STANDARD.encode([7; 32]);
        assert_eq!(
            Kek::load(&path).unwrap().id(),
            Kek::from_base64(&text).unwrap().id()
        );
        assert!(matches!(Kek::from_base64("c2hvcnQ="), Err(KekError::Malformed)));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn debug_shows_the_name_and_not_the_key() {
        let kek = Kek::from_base64(&STANDARD.encode([7; 32])).unwrap();
        assert_eq!(format!("{kek:?}"), format!("Kek({})", kek.id()));
    }
}
