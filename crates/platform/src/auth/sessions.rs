//! Whether a token's session still stands: its user's role or password may have changed since, or the user was shut out.
//!
//! The log decides, as it does for keys of external systems. A process looks at a user's stream when its last look is a
//! second old, so that a token ends everywhere within about a second; operations that must not wait even so long ask
//! the engine (command-service, `require_current_session`). Not here: what a token says (`token`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use schemas::events::AdminEvent;
use schemas::ids::{TenantId, Username};
use schemas::{Event, StreamName, Version};

use super::api_key_store::ReadStream;
use crate::bounded_cache::BoundedCache;
use crate::http::Principal;

/// A look at the log holds for this long.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a request waits for a look. Without an answer what was known holds on: a token alone says who it is for, and
/// the database that does not answer here answers nothing else either.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// Events of a user's stream that are read at once.
const LIFE_MAX: usize = 500;
/// Users that a process remembers, and for how long at least without a look.
const USERS_MAX: usize = 20_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(3_600);

/// What the log says of a user's sessions, up to a version of the stream.
#[derive(Debug, Clone, Copy)]
struct Standing {
    version: Version,
    /// As in `domain::admin::User`: 1, and one more for each change of role or password and each time out. 0 before the
    /// user exists.
    session_version: i64,
    enabled: bool,
    looked_at: Instant,
}

/// Asked at the door of every process. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    read_stream: ReadStream,
    known: BoundedCache<(TenantId, Username), Standing>,
    look_every: Duration,
}

impl Sessions {
    /// Over the log's reader.
    pub fn new(read_stream: ReadStream) -> Self {
        Self::looking_every(LOOK_EVERY, read_stream)
    }

    fn looking_every(look_every: Duration, read_stream: ReadStream) -> Self {
        Self(Arc::new(Inner {
            read_stream,
            known: BoundedCache::new(USERS_MAX, REMEMBERED_FOR),
            look_every,
        }))
    }

    /// Whether nothing has ended the session that a verified token speaks of.
    pub async fn stands(&self, principal: &Principal) -> bool {
        let user = (principal.tenant.clone(), principal.username.clone());
        let known = self.0.known.get(&user);
        let standing = match known {
            Some(known) if known.looked_at.elapsed() < self.0.look_every => known,
            Some(known) => {
                // Whoever comes meanwhile does not look as well.
                let looked_at = Instant::now();
                self.0.known.insert(user.clone(), Standing { looked_at, ..known });
                self.look(&user, known).await.unwrap_or(known)
            }
            None => {
                let nothing = Standing {
                    version: Version::EMPTY,
                    session_version: 0,
                    enabled: false,
                    looked_at: Instant::now(),
                };
                match self.look(&user, nothing).await {
                    Some(standing) => standing,
                    None => return true,
                }
            }
        };
        standing.enabled && standing.session_version == principal.session_version
    }

    /// What the log says now; nothing when it does not answer in time.
    async fn look(&self, user: &(TenantId, Username), known: Standing) -> Option<Standing> {
        match tokio::time::timeout(LOOK_TIMEOUT, self.read(user, known)).await {
            Ok(Ok(standing)) => {
                self.0.known.insert(user.clone(), standing);
                Some(standing)
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "a user's sessions cannot be looked up");
                None
            }
            Err(_) => {
                tracing::warn!("a user's sessions were not looked up in time");
                None
            }
        }
    }

    async fn read(&self, user: &(TenantId, Username), mut standing: Standing) -> Result<Standing, String> {
        standing.looked_at = Instant::now();
        loop {
            let (tenant, stream) = (user.0.clone(), stream_of(&user.1));
            let since = (self.0.read_stream)(tenant, stream, standing.version, LIFE_MAX).await?;
            for recorded in &since {
                let event = recorded.event().map_err(|error| error.to_string())?;
                standing.version = recorded.version;
                if let Event::Admin(event) = event {
                    standing.evolve(&event);
                }
            }
            if since.len() < LIFE_MAX {
                return Ok(standing);
            }
        }
    }
}

impl Standing {
    fn evolve(&mut self, event: &AdminEvent) {
        match event {
            AdminEvent::UserCreated(_) => (self.session_version, self.enabled) = (1, true),
            AdminEvent::UserRoleChanged(_) | AdminEvent::UserPasswordChanged(_) => self.session_version += 1,
            AdminEvent::UserDisabled(_) => {
                self.session_version += 1;
                self.enabled = false;
            }
            AdminEvent::UserEnabled(_) => self.enabled = true,
            _ => {}
        }
    }
}

/// The name of a user's stream, as the rules spell it (domain::streams); a test of the command service holds the two
/// together.
pub fn stream_of(username: &Username) -> StreamName {
    StreamName::new("user", username.as_str())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use schemas::events::admin::Role;
    use schemas::{Position, RecordedEvent};
    use serde_json::json;
    use serde_json::value::RawValue;
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    /// A user's stream, and how often it was read.
    #[derive(Clone, Default)]
    struct Log {
        events: Arc<Mutex<Vec<RecordedEvent>>>,
        reads: Arc<AtomicUsize>,
        is_gone: Arc<Mutex<bool>>,
    }

    impl Log {
        fn add(&self, event_type: &str, data: serde_json::Value) {
            let mut events = self.events.lock().unwrap();
            let number = i64::try_from(events.len()).unwrap() + 1;
            let raw = |text: String| RawValue::from_string(text).unwrap();
            events.push(RecordedEvent {
                position: Position(number),
                tenant: TenantId::new("t").unwrap(),
                stream: StreamName::new("user", "ana"),
                version: Version(number),
                id: Uuid::nil(),
                event_type: event_type.into(),
                schema_version: 1,
                data: raw(data.to_string()),
                meta: raw("{}".to_owned()),
                recorded_at: OffsetDateTime::UNIX_EPOCH,
            });
        }

        fn reader(&self) -> ReadStream {
            let log = self.clone();
            Arc::new(move |_, stream, after, max| {
                log.reads.fetch_add(1, Ordering::Relaxed);
                let events = log.events.lock().unwrap().clone();
                let is_gone = *log.is_gone.lock().unwrap();
                Box::pin(async move {
                    assert_eq!(stream.as_str(), "user/ana");
                    let since = events.into_iter().filter(|event| event.version > after);
                    if is_gone {
                        Err("gone".to_owned())
                    } else {
                        Ok(since.take(max).collect())
                    }
                })
            })
        }

        fn with_ana() -> Self {
            let log = Self::default();
            let sealed = json!({ "sealed": "x" });
            log.add(
                "admin.user_created",
                json!({ "username": "ana", "role": "cashier", "display_name": sealed, "password_hash": sealed }),
            );
            log
        }
    }

    fn ana(session_version: i64) -> Principal {
        Principal {
            tenant: TenantId::new("t").unwrap(),
            username: Username::new("ana").unwrap(),
            role: Role::Cashier,
            session_version,
            terminal: None,
        }
    }

    #[tokio::test]
    async fn a_session_ends_with_its_users_role_password_or_time() {
        let log = Log::with_ana();
        let sessions = Sessions::looking_every(Duration::ZERO, log.reader());
        assert!(sessions.stands(&ana(1)).await);
        assert!(!sessions.stands(&ana(2)).await);
        log.add(
            "admin.user_role_changed",
            json!({ "username": "ana", "role": "manager" }),
        );
        assert!(!sessions.stands(&ana(1)).await);
        assert!(sessions.stands(&ana(2)).await);
        log.add("admin.user_disabled", json!({ "username": "ana" }));
        assert!(!sessions.stands(&ana(3)).await, "whoever is shut out has none");
        log.add("admin.user_enabled", json!({ "username": "ana" }));
        assert!(sessions.stands(&ana(3)).await);
        assert!(!sessions.stands(&ana(2)).await);
    }

    #[tokio::test]
    async fn the_log_is_asked_once_in_a_while_and_its_silence_ends_no_session() {
        let log = Log::with_ana();
        let sessions = Sessions::looking_every(Duration::from_secs(3_600), log.reader());
        for _ in 0..100 {
            assert!(sessions.stands(&ana(1)).await);
        }
        assert_eq!(log.reads.load(Ordering::Relaxed), 1);
        let sessions = Sessions::looking_every(Duration::ZERO, log.reader());
        assert!(sessions.stands(&ana(1)).await);
        *log.is_gone.lock().unwrap() = true;
        assert!(sessions.stands(&ana(1)).await);
        assert!(!sessions.stands(&ana(2)).await, "what was known holds on");
    }
}
