//! Starts the write side in a process: the engine, its inbox, the purge, and the HTTP service; as the log's owner if
//! nobody is, else standing by.

use std::sync::Arc;

use anyhow::Context;
use event_store::{PostgresReader, PostgresWriter, WriterOptions};
use platform::auth::{
    IntegrationTokens, PasswordCosts, PasswordHasher, SignInLimits, TokenIssuer, TokenSettings, signing_keys,
};
use platform::clock::SharedClock;
use platform::config::Config;
use platform::db::{self, DbRole, Migration};
use platform::http::Service;
use platform::process::Connected;
use platform::tasks::Tasks;

use crate::engine::snapshots::{self, Snapshots};
use crate::engine::{Engine, EngineOptions, inbox};
use crate::http::Http;
use crate::processes::ProcessOptions;
use crate::{processes, purge, routes};

/// The tables that the write side needs: the log's and the engine's own.
pub fn migrations() -> Vec<Migration> {
    let log = event_store::MIGRATIONS.iter().map(|(version, sql)| Migration {
        module: "log",
        version: *version,
        sql,
    });
    log.chain([snapshots::MIGRATION, inbox::MIGRATION, processes::MIGRATION])
        .collect()
}

/// A running write side.
pub struct WriteSide {
    pub engine: Engine,
    pub passwords: PasswordHasher,
    pub service: Service,
}

impl WriteSide {
    /// Starts at once, whether the log can be had or not: [`Engine::ownership`] tells.
    ///
    /// # Errors
    /// When the log must not be written, or something that it needs does not answer.
    pub async fn start(
        config: &Config,
        tasks: &Tasks,
        connected: &Connected,
        clock: SharedClock,
    ) -> anyhow::Result<Self> {
        let pool = connected.engine_pool.clone();
        let options = WriterOptions {
            instance: instance(),
            allow_unsafe_durability: config.trial.allow_unsafe_durability,
            ..WriterOptions::default()
        };
        let writer = PostgresWriter::open(db::options(&connected.engine_url, DbRole::Engine)?, options)
            .await
            .context("the log cannot be reached")?;
        let head = writer.head();
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
        let reader = PostgresReader::new(pool.clone());
        processes::start(tasks, &engine, &reader, &pool, &ProcessOptions::default());
        purge::start(tasks, pool, Arc::clone(&clock));
        let passwords = PasswordHasher::new(PasswordCosts::of(&config.auth))?;
        let keys = signing_keys(&connected.vault).await?;
        let issuer = TokenIssuer::new(TokenSettings::of(&config.auth), keys, Arc::clone(&clock))?;
        let http = Http::new(
            Arc::new(engine.clone()),
            Arc::new(connected.vault.clone()),
            Arc::new(issuer),
            passwords.clone(),
            SignInLimits::of(&config.auth),
            clock,
        );
        let tokens = IntegrationTokens::new(connected.keys.integration_tokens);
        let service = routes::service(Arc::new(http), tokens)?;
        Ok(Self {
            engine,
            passwords,
            service,
        })
    }
}

/// Names this process to people: `host/process id`.
fn instance() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}/{}", host.trim(), std::process::id())
}
