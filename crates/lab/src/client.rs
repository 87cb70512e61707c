//! A client of one tenant: signs in, says why, and asks again (under the same key) until there is an answer.
//!
//! Faults (no connection, 429, 5xx, a command in flight) are retried within a limit; what the rules refuse is an answer.

mod attempt;
mod routes;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use rand::RngExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::Mutex;

use self::attempt::{Attempt, judge};
pub use self::routes::Routes;
use crate::api::{self, Call, Page};
use crate::clock::{self, Deadline};
use crate::demo::User;

const REQUEST_PATIENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A token that lives no longer than this is replaced before it is used.
const TOKEN_RESERVE: time::Duration = time::Duration::seconds(60);
/// Pages of one list; what is longer is not what this reads.
const MAX_PAGES: usize = 10_000;

/// A bare client for loopback: no redirects, no proxies.
///
/// # Errors
/// When TLS cannot be set up.
#[expect(
    clippy::disallowed_methods,
    reason = "the product's guarded client refuses loopback, and there the bench works"
)]
pub fn plain_http(patience: Duration) -> anyhow::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .timeout(patience)
        .connect_timeout(Duration::from_secs(5))
        .pool_max_idle_per_host(256)
        .tcp_nodelay(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    builder.build().context("cannot set up HTTP")
}

/// Who the client is, and how patient.
#[derive(Debug, Clone)]
pub struct Options {
    pub base_url: String,
    pub tenant: String,
    pub user: User,
    /// For `X-Reason`.
    pub reason: String,
    /// How long one call is tried.
    pub patience: Duration,
    /// Where the token is kept between runs (signing in is recorded in the log, so a second run avoids it).
    pub token_file: Option<PathBuf>,
}

/// What was answered in the end.
#[derive(Debug, Clone)]
pub enum Answer {
    Accepted(Accepted),
    Refused(Refused),
}

#[derive(Debug, Clone)]
pub struct Accepted {
    pub body: Value,
    pub replayed: bool,
}

/// The rules, or the API's door, said no.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} {code}: {detail}")]
pub struct Refused {
    pub status: u16,
    pub code: String,
    pub detail: String,
    pub replayed: bool,
}

impl Accepted {
    /// The position of the command's last event, or what a read has seen.
    pub fn position(&self) -> Option<i64> {
        self.body.get("position").and_then(Value::as_i64)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct HeldToken {
    value: String,
    /// Tokens are of one server; a data folder that was made anew has other keys.
    base_url: String,
    username: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// Signed in to one tenant. Shared by reference.
pub struct Client {
    http: reqwest::Client,
    options: Options,
    /// None: one address answers everything.
    routes: Option<Routes>,
    /// Which of several addresses answered last.
    preferred: AtomicUsize,
    longest_pause: Duration,
    longest_retry_after: Duration,
    token: Mutex<Option<HeldToken>>,
    sign_ins: AtomicU64,
    retries: AtomicU64,
}

impl Client {
    /// # Errors
    /// When HTTP cannot be set up.
    pub fn new(options: Options) -> anyhow::Result<Self> {
        let token = options
            .token_file
            .as_ref()
            .and_then(|file| std::fs::read(file).ok());
        let token = token
            .and_then(|text| serde_json::from_slice::<HeldToken>(&text).ok())
            .filter(|held| held.base_url == options.base_url && held.username == options.user.username);
        Ok(Self {
            http: plain_http(REQUEST_PATIENCE)?,
            options,
            routes: None,
            preferred: AtomicUsize::new(0),
            longest_pause: LONGEST_PAUSE,
            longest_retry_after: LONGEST_PAUSE * 5,
            token: Mutex::new(token),
            sign_ins: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        })
    }

    /// Asks several processes instead of one.
    #[must_use]
    pub fn routed(mut self, routes: Option<Routes>) -> Self {
        self.routes = routes;
        self
    }

    /// Gives up a single attempt sooner, and comes back sooner than a polite client would, whatever the server asks for:
    /// so that times to recovery are the product's and not the client's.
    ///
    /// # Errors
    /// When HTTP cannot be set up.
    pub fn hasty(mut self, request_patience: Duration, longest_pause: Duration) -> anyhow::Result<Self> {
        self.http = plain_http(request_patience)?;
        self.longest_pause = longest_pause;
        self.longest_retry_after = longest_pause;
        Ok(self)
    }

    /// The addresses that can answer this call.
    fn targets(&self, call: &Call) -> &[String] {
        let Some(routes) = &self.routes else {
            return std::slice::from_ref(&self.options.base_url);
        };
        routes.targets(call)
    }

    /// How often this client signed in.
    pub fn sign_ins(&self) -> u64 {
        self.sign_ins.load(Ordering::Relaxed)
    }

    /// How many attempts had to be repeated.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Sends a call until it is answered.
    ///
    /// # Errors
    /// When there was no answer in time, or signing in is refused.
    pub async fn call(&self, call: &Call) -> anyhow::Result<Answer> {
        let deadline = Deadline::after(self.options.patience);
        let mut pause = FIRST_PAUSE;
        let mut refused_token: Option<String> = None;
        let mut turn = 0;
        loop {
            let token = self.token(deadline, refused_token.take()).await?;
            match self.attempt(call, Some(&token), turn).await {
                Attempt::Answer(answer) => return Ok(answer),
                Attempt::SignIn if !deadline.pause(FIRST_PAUSE).await => {
                    bail!(
                        "{} {} is not authorised, even after signing in again",
                        call.method,
                        call.path
                    );
                }
                Attempt::SignIn => refused_token = Some(token),
                Attempt::Again {
                    why,
                    pause: asked,
                    here,
                } => {
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    turn += usize::from(!here);
                    // Each address is asked before anybody waits.
                    if !here && turn % self.targets(call).len().max(1) != 0 && !deadline.has_passed() {
                        continue;
                    }
                    let asked = asked.map(|asked| asked.min(self.longest_retry_after));
                    if !deadline.pause(asked.unwrap_or_else(|| jittered(pause))).await {
                        bail!(
                            "no answer to {} {} in time; the last attempt: {why}",
                            call.method,
                            call.path
                        );
                    }
                    pause = (pause * 2).min(self.longest_pause);
                }
            }
        }
    }

    /// As [`Client::call`], for what must be accepted.
    ///
    /// # Errors
    /// Also when it is refused.
    pub async fn accepted(&self, call: &Call) -> anyhow::Result<Accepted> {
        match self.call(call).await? {
            Answer::Accepted(accepted) => Ok(accepted),
            Answer::Refused(refused) => {
                Err(anyhow::Error::new(refused).context(format!("{} {}", call.method, call.path)))
            }
        }
    }

    /// Reads a typed answer.
    ///
    /// # Errors
    /// When it is refused or has another shape.
    pub async fn read<T: DeserializeOwned>(&self, call: &Call) -> anyhow::Result<T> {
        let accepted = self.accepted(call).await?;
        serde_json::from_value(accepted.body).with_context(|| format!("unexpected answer to {}", call.path))
    }

    /// All pages of a list; the first decides how much it has seen, so rows of one list may be newer than others.
    ///
    /// # Errors
    /// As [`Client::read`].
    pub async fn list<T: DeserializeOwned>(&self, call: &Call) -> anyhow::Result<Vec<T>> {
        let mut page: Page<T> = self.read(call).await?;
        let mut items = std::mem::take(&mut page.items);
        for _ in 0..MAX_PAGES {
            let Some(cursor) = page.next.take() else {
                return Ok(items);
            };
            page = self.read(&call.after(&cursor)).await?;
            items.append(&mut page.items);
        }
        bail!("{} has more than {MAX_PAGES} pages", call.path)
    }

    async fn attempt(&self, call: &Call, token: Option<&str>, turn: usize) -> Attempt {
        let targets = self.targets(call);
        let place = (self.preferred.load(Ordering::Relaxed) + turn) % targets.len().max(1);
        let Some(base_url) = targets.get(place) else {
            return Attempt::Again {
                why: "no address is known".to_owned(),
                pause: None,
                here: true,
            };
        };
        let url = format!("{base_url}{}", call.path);
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .header("Accept-Language", "en");
        if let Some(token) = token {
            request = request
                .bearer_auth(token)
                .header(api::REASON_HEADER, self.options.reason.as_bytes());
        }
        if let Some(key) = &call.key {
            request = request.header(api::KEY_HEADER, key);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(file) = &call.file {
            request = request
                .header("Content-Type", "application/octet-stream")
                .body(file.clone());
        }
        match request.send().await {
            Ok(response) => {
                let attempt = judge(response, token.is_some()).await;
                if matches!(attempt, Attempt::Answer(_)) && call.method != reqwest::Method::GET {
                    self.preferred.store(place, Ordering::Relaxed);
                }
                attempt
            }
            Err(error) => Attempt::Again {
                why: format!("{:#}", anyhow::Error::new(error)),
                pause: None,
                here: false,
            },
        }
    }

    /// A token that is good for a while; `refused` is one that the server did not take.
    async fn token(&self, deadline: Deadline, refused: Option<String>) -> anyhow::Result<String> {
        let mut held = self.token.lock().await;
        let good = held.as_ref().filter(|token| {
            token.expires_at > clock::now() + TOKEN_RESERVE && refused.as_ref() != Some(&token.value)
        });
        if let Some(token) = good {
            return Ok(token.value.clone());
        }
        let user = &self.options.user;
        let call = api::sign_in(&self.options.tenant, &user.username, &user.password);
        let mut pause = FIRST_PAUSE;
        let mut turn = 0;
        loop {
            let why = match self.attempt(&call, None, turn).await {
                Attempt::Answer(Answer::Accepted(accepted)) => {
                    let fresh: api::Token =
                        serde_json::from_value(accepted.body).context("unexpected answer to a sign-in")?;
                    self.sign_ins.fetch_add(1, Ordering::Relaxed);
                    return Ok(self.hold(&mut held, fresh));
                }
                Attempt::Answer(Answer::Refused(refused)) => {
                    return Err(
                        anyhow::Error::new(refused).context(format!("cannot sign in as {}", user.username))
                    );
                }
                Attempt::SignIn => bail!("cannot sign in as {}: wrong password", user.username),
                Attempt::Again { why, .. } => why,
            };
            self.retries.fetch_add(1, Ordering::Relaxed);
            turn += 1;
            if !deadline.pause(jittered(pause)).await {
                bail!("cannot sign in as {} in time: {why}", user.username);
            }
            pause = (pause * 2).min(self.longest_pause);
        }
    }

    fn hold(&self, held: &mut Option<HeldToken>, fresh: api::Token) -> String {
        let token = HeldToken {
            value: fresh.access_token.clone(),
            base_url: self.options.base_url.clone(),
            username: self.options.user.username.clone(),
            expires_at: clock::now() + time::Duration::seconds(fresh.expires_in),
        };
        if let Some(file) = &self.options.token_file {
            // A convenience: without it the next run signs in again.
            let _best_effort = keep(file, &token);
        }
        *held = Some(token);
        fresh.access_token
    }
}

fn keep(file: &std::path::Path, token: &HeldToken) -> anyhow::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)?;
    out.write_all(&serde_json::to_vec(token)?)?;
    Ok(())
}

/// Half of the pause to one and a half of it, so that many clients do not come back together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..1.5))
}
