//! Passwords: argon2id on a bounded number of threads, and the same effort for users who do not exist.
//!
//! Each check takes memory and a core for tens of milliseconds, so only a few run at once, a bounded number waits, and
//! what comes on top is told to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::config::AuthConfig;

/// Checks that may wait for a thread; about two seconds' worth on two cores.
const MAX_WAITING: usize = 64;
/// Shortest password that is taken, in characters; shorter ones of earlier days still sign in.
pub const PASSWORD_MIN_CHARS: usize = 12;
/// Longest password, in bytes: hashing is not to be fed with megabytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// Why a password was not hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already; come back in a few seconds.
    #[error("too many passwords wait to be checked")]
    Busy,
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    #[error("argon2 failed: {0}")]
    Failed(String),
}

/// What one check costs.
#[derive(Debug, Clone, Copy)]
pub struct PasswordCosts {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
    /// Checks at the same time.
    pub at_once: usize,
}

impl PasswordCosts {
    pub fn of(config: &AuthConfig) -> Self {
        Self {
            memory_kib: config.argon2_memory_kib,
            iterations: config.argon2_iterations,
            parallelism: config.argon2_parallelism,
            at_once: config.argon2_at_once,
        }
    }
}

/// Hashes and checks passwords. Cheap to clone; clones share the limits.
#[derive(Clone)]
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    threads: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// The hash of a password that nobody has, checked for users who do not exist.
    dummy: Arc<str>,
}

impl PasswordHasher {
    /// # Errors
    /// When argon2 does not accept the costs.
    pub fn new(costs: PasswordCosts) -> Result<Self, PasswordError> {
        let params =
            Params::new(costs.memory_kib, costs.iterations, costs.parallelism, None).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = crate::clock::fresh_id();
        let dummy = argon2
            .hash_password(nobody.as_bytes())
            .map_err(failed)?
            .to_string();
        Ok(Self {
            argon2,
            threads: Arc::new(Semaphore::new(costs.at_once.max(1))),
            waiting: Arc::default(),
            dummy: dummy.into(),
        })
    }

    /// The PHC text of a new password.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, PasswordError> {
        check_length(&password)?;
        let argon2 = self.argon2.clone();
        self.on_a_thread(move || {
            argon2
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(failed)
        })
        .await?
    }

    /// Whether the password belongs to the hash. Without a hash (no such user) the same work is done and the answer
    /// is no.
    ///
    /// # Errors
    /// See [`PasswordError`].
    pub async fn verify(
        &self,
        password: Zeroizing<String>,
        hash: Option<Zeroizing<String>>,
    ) -> Result<bool, PasswordError> {
        check_length(&password)?;
        let (argon2, dummy) = (self.argon2.clone(), Arc::clone(&self.dummy));
        self.on_a_thread(move || {
            let stored = hash.as_ref().map_or(&*dummy, |hash| hash.as_str());
            let matches = argon2.verify_password(password.as_bytes(), stored).is_ok();
            matches && hash.is_some()
        })
        .await
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let waiting = Waiting::enter(&self.waiting)?;
        let slot = Arc::clone(&self.threads).acquire_owned().await.map_err(failed)?;
        drop(waiting);
        // The slot travels with the work: a caller that goes away must not let more of it start.
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(slot);
            result
        })
        .await
        .map_err(failed)
    }
}

/// A place in the queue, left when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Result<Self, PasswordError> {
        let place = Waiting(count);
        if count.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            Err(PasswordError::Busy)
        } else {
            Ok(place)
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn check_length(password: &str) -> Result<(), PasswordError> {
    if password.len() > MAX_PASSWORD_BYTES {
        Err(PasswordError::TooLong)
    } else {
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(at_once: usize) -> PasswordHasher {
        PasswordHasher::new(PasswordCosts {
            memory_kib: 64,
            iterations: 1,
            parallelism: 1,
            at_once,
        })
        .unwrap()
    }

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let hasher = hasher(2);
        let hash = hasher.hash(secret("corréct hórse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(
            hasher
                .verify(secret("corréct hórse"), Some(secret(&hash)))
                .await
                .unwrap()
        );
        assert!(
            !hasher
                .verify(secret("correct horse"), Some(secret(&hash)))
                .await
                .unwrap()
        );
        assert_ne!(hash, hasher.hash(secret("corréct hórse")).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_with_other_costs_still_matches() {
        let old = hasher(1).hash(secret("geheim")).await.unwrap();
        let costlier = PasswordCosts {
            memory_kib: 128,
            iterations: 2,
            parallelism: 1,
            at_once: 1,
        };
        let hasher = PasswordHasher::new(costlier).unwrap();
        assert!(hasher.verify(secret("geheim"), Some(secret(&old))).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_signs_in_without_a_hash_or_with_a_broken_one() {
        let hasher = hasher(1);
        assert!(!hasher.verify(secret("x"), None).await.unwrap());
        assert!(!hasher.verify(secret("x"), Some(secret("plain"))).await.unwrap());
        assert!(!hasher.verify(secret(""), Some(secret(""))).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_queue_says_that_it_is_full() {
        let hasher = hasher(1);
        let taken = Arc::clone(&hasher.threads).acquire_owned().await.unwrap();
        let mut waiting = futures::stream::FuturesUnordered::new();
        for _ in 0..MAX_WAITING {
            waiting.push(hasher.verify(secret("x"), None));
        }
        // Lets every one of them take its place.
        assert!(futures::poll!(futures::StreamExt::next(&mut waiting)).is_pending());
        assert!(matches!(
            hasher.verify(secret("x"), None).await,
            Err(PasswordError::Busy)
        ));
        drop(waiting);
        drop(taken);
        assert!(!hasher.verify(secret("x"), None).await.unwrap());
    }

    #[tokio::test]
    async fn an_endless_password_is_refused() {
        assert!(matches!(
            hasher(1).hash(secret(&"x".repeat(1025))).await,
            Err(PasswordError::TooLong)
        ));
    }
}
