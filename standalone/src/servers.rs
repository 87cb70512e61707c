//! Postgres and NATS: private ones below the data folder, or those that the configuration names.

use std::path::Path;

use anyhow::Context;
use platform::config::Config;
use private_servers::{Nats, NatsOptions, Postgres, PostgresOptions, find};

use crate::cli::StandaloneArgs;

/// The database's name on a private server.
const DATABASE: &str = "trastienda";

/// What the services connect to, and what was started for them.
pub struct Servers {
    pub owner_url: String,
    pub engine_url: String,
    pub api_url: String,
    pub nats_url: String,
    postgres: Option<Postgres>,
    nats: Option<Nats>,
}

impl Servers {
    /// Starts what is not configured; both at once, since they do not need each other.
    pub async fn start(data: &Path, args: &StandaloneArgs, config: &Config) -> anyhow::Result<Self> {
        let postgres = async {
            if config.database_url.is_some() {
                return Ok(None);
            }
            let bin_dir = find::postgres(args.postgres_bin.as_deref())?;
            let postgres = Postgres::start(PostgresOptions::new(data.join("postgres"), bin_dir)).await?;
            postgres.create_database(DATABASE).await?;
            anyhow::Ok(Some(postgres))
        };
        let nats = async {
            if config.nats_url.is_some() {
                return Ok(None);
            }
            let repository = std::env::current_dir().ok();
            let server = find::nats_server(args.nats_server.as_deref(), repository.as_deref())?;
            anyhow::Ok(Some(
                Nats::start(NatsOptions::new(data.join("nats"), server)).await?,
            ))
        };
        let (postgres, nats) = tokio::join!(postgres, nats);
        let postgres = postgres.context("the private Postgres did not start")?;
        let nats = nats.context("the private NATS did not start")?;
        let nats_url = match (&nats, &config.nats_url) {
            (Some(nats), _) => nats.url(),
            (None, Some(url)) => url.expose().to_owned(),
            (None, None) => anyhow::bail!("there is no NATS"),
        };
        let (owner_url, engine_url, api_url) = match &postgres {
            Some(postgres) => (
                postgres.url(DATABASE),
                postgres.url_as(DATABASE, "trastienda_engine"),
                postgres.url_as(DATABASE, "trastienda_api"),
            ),
            None => configured(config)?,
        };
        Ok(Self {
            owner_url,
            engine_url,
            api_url,
            nats_url,
            postgres,
            nats,
        })
    }

    /// Resolves when a private server died too often to be started again.
    pub async fn failure(&self) -> String {
        let postgres = async {
            match &self.postgres {
                Some(postgres) => format!("the private Postgres failed: {}", postgres.failed().await),
                None => std::future::pending().await,
            }
        };
        let nats = async {
            match &self.nats {
                Some(nats) => format!("the private NATS failed: {}", nats.failed().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            cause = postgres => cause,
            cause = nats => cause,
        }
    }

    /// Stops the private NATS, then the private Postgres, and waits for both; configured servers go on.
    pub async fn stop(&self) {
        if let Some(nats) = &self.nats {
            nats.stop().await;
        }
        if let Some(postgres) = &self.postgres {
            postgres.stop().await;
        }
    }
}

/// The URLs of configured servers; a role without one of its own uses the owner's with another user.
fn configured(config: &Config) -> anyhow::Result<(String, String, String)> {
    let owner = config
        .database_url
        .as_ref()
        .context("database_url is not configured")?
        .expose()
        .to_owned();
    let role = |url: &Option<platform::config::Secret>| {
        url.as_ref()
            .map_or_else(|| owner.clone(), |url| url.expose().to_owned())
    };
    Ok((
        owner.clone(),
        role(&config.engine_database_url),
        role(&config.api_database_url),
    ))
}
