//! Starts the write side in a process: the lease, the engine, its inbox, the purge, and the HTTP service.

use std::sync::Arc;

use anyhow::Context;
use event_store::{PostgresReader, PostgresWriter, WriterOptions};
use platform::auth::{PasswordCosts, PasswordHasher, TokenIssuer, TokenSettings, signing_keys};
use platform::clock::SharedClock;
use platform::config::Config;
use platform::db::{self, DbRole, Migration};
use platform::http::Service;
use platform::process::Connected;
use platform::tasks::Tasks;

use crate::engine::snapshots::{self, Snapshots};
use crate::engine::{Engine, EngineOptions, inbox};
use crate::http::Http;
use crate::{purge, routes};

/// The tables that the write side needs: the log's and the engine's own.
pub fn migrations() -> Vec<Migration> {
    let log = event_store::MIGRATIONS.iter().map(|(version, sql)| Migration {
        module: "log",
        version: *version,
        sql,
    });
    log.chain([snapshots::MIGRATION, inbox::MIGRATION]).collect()
}

/// A running write side.
pub struct WriteSide {
    pub engine: Engine,
    pub passwords: PasswordHasher,
    pub service: Service,
}

impl WriteSide {
    /// Waits for the lease of the log, then starts.
    ///
    /// # Errors
    /// When the log cannot be owned, or something that it needs does not answer.
    pub async fn start(
        config: &Config,
        tasks: &Tasks,
        connected: &Connected,
        clock: SharedClock,
    ) -> anyhow::Result<Self> {
        let pool = connected.engine_pool.clone();
        let options = WriterOptions {
            allow_unsafe_durability: config.trial.allow_unsafe_durability,
            ..WriterOptions::default()
        };
        let writer =
            PostgresWriter::connect_with(db::options(&connected.engine_url, DbRole::Engine)?, options)
                .await
                .context("the log cannot be owned")?;
        let head = writer.head().unwrap_or_default();
        let engine = Engine::start(
            tasks,
            PostgresReader::new(pool.clone()),
            writer,
            head,
            Some(Snapshots::new(pool.clone())),
            Arc::clone(&clock),
            EngineOptions::of(&config.engine),
        );
        inbox::start(tasks, engine.clone(), pool.clone());
        purge::start(tasks, pool, Arc::clone(&clock));
        let passwords = PasswordHasher::new(PasswordCosts::of(&config.auth))?;
        let keys = signing_keys(&connected.vault).await?;
        let issuer = TokenIssuer::new(TokenSettings::of(&config.auth), keys, Arc::clone(&clock))?;
        let http = Http::new(
            Arc::new(engine.clone()),
            Arc::new(connected.vault.clone()),
            Arc::new(issuer),
            passwords.clone(),
            clock,
        );
        let service = routes::service(Arc::new(http))?;
        Ok(Self {
            engine,
            passwords,
            service,
        })
    }
}
