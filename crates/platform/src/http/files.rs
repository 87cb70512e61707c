//! Operations whose body is a file and not JSON: which they are, how large, and how many are taken in at a time.
//!
//! Files are held whole while they are handled, so their number bounds the memory. Not here: what is in them.

use std::sync::Arc;
use std::time::Duration;

use poem::http::HeaderMap;
use poem::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::codes;
use super::problem::Problem;

/// Files that are received or handled at a time, in one process.
const AT_ONCE: usize = 4;
/// From the headers to the end of the body: 20 MiB at 4 Mbit/s.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(45);

/// What a gateway knows about files.
pub(super) struct Files {
    operations: &'static [&'static str],
    pub max_bytes: usize,
    slots: Arc<Semaphore>,
}

impl Files {
    pub fn new(operations: &'static [&'static str], max_bytes: usize) -> Self {
        Self {
            operations,
            max_bytes,
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    pub fn takes(&self, operation: &str) -> bool {
        self.operations.contains(&operation)
    }

    /// A place, to be kept until the request is answered.
    ///
    /// # Errors
    /// `service.busy` when all are taken, and `request.content_type` for a compressed body or one that does not say what it is.
    pub fn admit(&self, headers: &HeaderMap) -> Result<OwnedSemaphorePermit, Problem> {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let encoding = text(CONTENT_ENCODING);
        if text(CONTENT_TYPE).is_empty()
            || !(encoding.is_empty() || encoding.eq_ignore_ascii_case("identity"))
        {
            return Err(Problem::new(&codes::CONTENT_TYPE));
        }
        Arc::clone(&self.slots)
            .try_acquire_owned()
            .map_err(|_| Problem::new(&codes::SERVICE_BUSY).retry_after(2))
    }
}
