//! What every process of the platform does around its work: listen, run, stop in order.
//!
//! Stopping: new requests are refused, what is in flight is finished, tasks end; a second signal exits at once.
//! Deliberately absent: which services run in a process.

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches};
use futures::future::BoxFuture;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::auth::{
    ApiKeySecrets, ApiKeys, KeyStore, SignInLimits, TokenSettings, TokenVerifier, signing_keys,
};
use crate::clock::SharedClock;
use crate::config::{Config, HttpConfig, Secret};
use crate::db::{self, DbRole, Migration};
use crate::http::health::{self, Checks};
use crate::http::{DenialLog, Features, Gateway, GuardSettings, ServerLimits, make_room_for, serve};
use crate::memory;
use crate::tasks::{OnEnd, Tasks};
use crate::vault::{Kek, Vault};

/// How long requests and tasks may take to end.
pub const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Scrapers that may be connected at the same time.
const SCRAPERS_MAX: usize = 64;

/// Where a service's metrics page listens unless `metrics_listen` says otherwise.
const METRICS_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// A service's whole command line; what else can be set is in the configuration.
#[derive(clap::Parser)]
#[command(version)]
struct ServiceArgs {
    /// Configuration file (TOML); otherwise TRASTIENDA_CONFIG names it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ServiceArgs {
    /// As this process was called; ends the process on `--help`, `--version` and what it does not know.
    fn of_process(service_name: &'static str) -> Self {
        Self::parsed(service_name, std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    fn parsed(
        service_name: &'static str,
        args: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, clap::Error> {
        let matches = Self::command().name(service_name).try_get_matches_from(args)?;
        Self::from_arg_matches(&matches)
    }
}

/// The requests to stop: Ctrl-C and SIGTERM.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Listens from here on; a signal that comes before anybody waits is kept.
    ///
    /// # Errors
    /// When the process cannot have handlers.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Listens, starts a service, and runs until a signal or a failure: the whole life of a service's own process.
///
/// # Errors
/// What made the process end, unless it was asked to.
pub async fn run(
    service_name: &'static str,
    start: impl AsyncFnOnce(&Config, &Tasks) -> anyhow::Result<Gateway>,
) -> anyhow::Result<()> {
    let args = ServiceArgs::of_process(service_name);
    crate::failpoint::set_up();
    let config = Config::load(args.config.as_deref())?;
    let _telemetry = crate::telemetry::init(&config, service_name)?;
    crate::crypto::install_default_provider();
    let api = TcpListener::bind(config.http.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.http.listen))?;
    let metrics_at = config.metrics_listen.unwrap_or(METRICS_LISTEN);
    let metrics = TcpListener::bind(metrics_at)
        .await
        .with_context(|| format!("cannot listen on {metrics_at}"))?;
    let mut stop = StopSignals::listen()?;
    let tasks = Tasks::new();
    let gateway = tokio::select! {
        started = start(&config, &tasks) => started?,
        () = stop.received() => return Ok(()),
    };
    listen(&tasks, &config.http, api, metrics, gateway);
    let failure = tokio::select! {
        () = stop.received() => None,
        cause = tasks.failure() => Some(cause),
    };
    tracing::info!("stopping");
    tokio::select! {
        stopped = tasks.stop(STOP_LIMIT) => stopped?,
        () = stop.received() => anyhow::bail!("stopped at once by a second signal"),
    }
    failure.map_or(Ok(()), |cause| Err(anyhow::Error::msg(cause)))
}

/// Serves the API and the metrics page until the stop.
pub fn listen(tasks: &Tasks, http: &HttpConfig, api: TcpListener, metrics: TcpListener, gateway: Gateway) {
    memory::give_back(tasks);
    let limits = ServerLimits::of(http);
    make_room_for(limits.max_connections + SCRAPERS_MAX);
    let (gateway, api_limits, stop) = (Arc::new(gateway), limits.clone(), tasks.stop_token());
    tasks.spawn("api", OnEnd::Fatal, async move {
        Ok(serve(api, gateway, api_limits, stop).await?)
    });
    let limits = ServerLimits {
        max_connections: SCRAPERS_MAX,
        ..limits
    };
    let (page, stop) = (Arc::new(health::metrics_app()), tasks.stop_token());
    tasks.spawn("metrics page", OnEnd::Fatal, async move {
        Ok(serve(metrics, page, limits, stop).await?)
    });
}

/// What a configuration says about databases and keys, connected.
pub struct Connected {
    /// The log's own connection uses this URL, too.
    pub engine_url: String,
    pub engine_pool: PgPool,
    pub api_pool: PgPool,
    pub vault: Vault,
    pub keys: DerivedKeys,
}

impl Connected {
    /// Brings the schema up to date when the owner's URL is configured, opens the pools and the vault.
    ///
    /// # Errors
    /// When something is not configured or does not answer.
    pub async fn open(config: &Config, migrations: &[Migration]) -> anyhow::Result<Self> {
        let owner = config.database_url.as_ref();
        if let Some(owner) = owner {
            db::migrate(owner.expose(), migrations)
                .await
                .context("the schema cannot be brought up to date")?;
        }
        let url = |own: &Option<Secret>| {
            let url = own.as_ref().or(owner).context("DATABASE_URL is not set")?;
            anyhow::Ok(url.expose().to_owned())
        };
        let engine_url = url(&config.engine_database_url)?;
        let api_url = url(&config.api_database_url)?;
        let kek = Kek::from_config(&config.keys)?;
        Self::with_urls(config, engine_url, &api_url, kek).await
    }

    /// As [`Self::open`] without migrations, with what the caller knows.
    ///
    /// # Errors
    /// When a database does not answer.
    pub async fn with_urls(
        config: &Config,
        engine_url: String,
        api_url: &str,
        kek: Kek,
    ) -> anyhow::Result<Self> {
        let engine_pool = db::pool(&engine_url, DbRole::Engine, config.database.engine_connections).await?;
        let api_pool = db::pool(api_url, DbRole::Api, config.database.api_connections).await?;
        let keys = DerivedKeys::of(&kek);
        let vault = Vault::open(engine_pool.clone(), kek);
        Ok(Self {
            engine_url,
            engine_pool,
            api_pool,
            vault,
            keys,
        })
    }

    /// A verifier of the platform's own tokens.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn token_verifier(&self, config: &Config, clock: SharedClock) -> anyhow::Result<TokenVerifier> {
        let keys = signing_keys(&self.vault)
            .await?
            .into_iter()
            .map(|key| Ok((key.id.clone(), key.public()?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(TokenVerifier::new(&TokenSettings::of(&config.auth), keys, clock)?)
    }

    /// The guard's bounds, with denied access recorded through the command inbox.
    pub fn guard(&self, config: &Config, tasks: &Tasks) -> GuardSettings {
        let denials = DenialLog::start(tasks, self.engine_pool.clone());
        GuardSettings::of(&config.http, self.keys.fingerprints)
            .serving(Features::of(&config.enable))
            .recording(denials)
    }

    /// Judges, counts and records external systems' calls; `store` reads their keys' streams from the log.
    pub fn api_keys(
        &self,
        config: &Config,
        tasks: &Tasks,
        store: Arc<dyn KeyStore>,
        clock: SharedClock,
    ) -> ApiKeys {
        let secrets = ApiKeySecrets::new(self.keys.api_keys);
        let guesses = SignInLimits::of(&config.auth);
        let days = config.external.log_retention_days;
        ApiKeys::start(tasks, secrets, store, guesses, days, clock)
    }

    /// The checks that every service has: the database answers.
    pub fn checks(&self) -> Checks {
        Checks::new().with("database", answers(&self.api_pool))
    }
}

/// A check that a database answers.
pub fn answers(pool: &PgPool) -> impl Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + use<> {
    let pool = pool.clone();
    move || {
        let pool = pool.clone();
        Box::pin(async move {
            let answer = sqlx::query("select 1").execute(&pool).await;
            answer
                .map(|_| ())
                .map_err(|_| "the database does not answer".to_owned())
        })
    }
}

/// Keys for other uses than encryption; all processes with the same key-encryption key have the same.
#[derive(Clone)]
pub struct DerivedKeys {
    /// Of requests, for idempotency.
    pub fingerprints: [u8; 32],
    /// Of list cursors.
    pub cursors: [u8; 32],
    /// Of the demo's passwords.
    pub demo: [u8; 32],
    /// Of the hashes of pull connectors' tokens.
    pub integration_tokens: [u8; 32],
    /// Of the hashes of external systems' keys.
    pub api_keys: [u8; 32],
}

impl DerivedKeys {
    pub fn of(kek: &Kek) -> Self {
        Self {
            fingerprints: kek.derive("request fingerprints"),
            cursors: kek.derive("list cursors"),
            demo: kek.derive("demo passwords"),
            integration_tokens: kek.derive("integration tokens"),
            api_keys: kek.derive("api keys"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_service_takes_its_configuration_file_and_refuses_what_it_does_not_know() {
        let parsed = |args: &[&str]| {
            let args = ["projector"].iter().chain(args).map(OsString::from);
            ServiceArgs::parsed("projector", args)
        };
        assert!(parsed(&[]).unwrap().config.is_none());
        let named = parsed(&["--config", "a.toml"]).unwrap();
        assert_eq!(named.config.as_deref(), Some(Path::new("a.toml")));
        for wrong in [&["--confg", "a.toml"][..], &["a.toml"], &["--config"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
