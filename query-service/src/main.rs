//! The query service as a process of its own: its API on one port, its metrics page on another.
//!
//! Configured like every service (`TRASTIENDA_CONFIG`, environment). Read models are filled by the projector, which
//! also brings their schema up to date.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use platform::auth::{TokenSettings, TokenVerifier, signing_keys};
use platform::clock::SystemClock;
use platform::config::Config;
use platform::db::{self, DbRole};
use platform::http::health::{self, Checks};
use platform::http::{CursorKey, Gateway, GuardSettings, ServerLimits, openapi, serve};
use platform::tasks::{OnEnd, Tasks};
use platform::vault::{Kek, Vault};
use query_service::{Progress, QueryService, ROUTES};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests and tasks may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::load(None)?;
    let _telemetry = platform::telemetry::init(&config, "query-service")?;
    platform::crypto::install_default_provider();
    let api = TcpListener::bind(config.http.listen).await?;
    let metrics = TcpListener::bind(config.metrics_listen).await?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let tasks = Tasks::new();
    let gateway = Arc::new(gateway(&config).await?);
    let limits = ServerLimits {
        max_connections: config.http.max_connections,
        header_read_timeout: Duration::from_millis(config.http.header_read_timeout_ms),
        ..ServerLimits::default()
    };
    let stop = tasks.stop_token();
    tasks.spawn("api", OnEnd::Fatal, async move {
        Ok(serve(api, gateway, limits, stop).await?)
    });
    let (page, stop) = (Arc::new(health::metrics_app()), tasks.stop_token());
    tasks.spawn("metrics page", OnEnd::Fatal, async move {
        Ok(serve(metrics, page, ServerLimits::default(), stop).await?)
    });

    let failure = tokio::select! {
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        cause = tasks.failure() => Some(cause),
    };
    tokio::select! {
        stopped = tasks.stop(STOP_LIMIT) => stopped?,
        _ = interrupt.recv() => anyhow::bail!("stopped at once by a second signal"),
    }
    failure.map_or(Ok(()), |cause| Err(anyhow::Error::msg(cause)))
}

async fn gateway(config: &Config) -> anyhow::Result<Gateway> {
    let owner = config.database_url.as_ref();
    let engine_url = config
        .engine_database_url
        .as_ref()
        .or(owner)
        .context("DATABASE_URL is not set")?;
    let api_url = config
        .api_database_url
        .as_ref()
        .or(owner)
        .context("DATABASE_URL is not set")?;
    // Keys of persons are read past row security, hence the engine's role for the vault alone.
    let engine_pool = db::pool(
        engine_url.expose(),
        DbRole::Engine,
        config.database.engine_connections,
    )
    .await?;
    let api_pool = db::pool(api_url.expose(), DbRole::Api, config.database.api_connections).await?;
    let kek = Kek::from_config(&config.keys)?;
    let (cursors, fingerprints) = (kek.derive("list cursors"), kek.derive("request fingerprints"));
    let vault = Vault::open(engine_pool, kek);
    let keys = signing_keys(&vault)
        .await?
        .into_iter()
        .map(|key| Ok((key.id.clone(), key.public()?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let verifier = TokenVerifier::new(&TokenSettings::of(&config.auth), keys, Arc::new(SystemClock))?;
    let progress = Progress::Elsewhere(api_pool.clone());
    let service = QueryService::new(api_pool.clone(), vault, CursorKey::new(cursors), progress);
    let document = openapi::document(&[openapi::spec_for(&service.operations())?], ROUTES)?;
    let checks = Checks::new().with("database", move || {
        let pool = api_pool.clone();
        async move {
            let answer = sqlx::query("select 1").execute(&pool).await;
            answer
                .map(|_| ())
                .map_err(|_| "the database does not answer".to_owned())
        }
    });
    let services = vec![service.service(), health::service(checks, &document)];
    Gateway::new(
        services,
        Arc::new(verifier),
        GuardSettings::of(&config.http, fingerprints),
    )
    .map_err(anyhow::Error::msg)
}
