//! Starts the write side in a process: the engine, its inbox, the purge, and the HTTP service; as the log's owner if
//! nobody is, else standing by.

use std::sync::Arc;

use anyhow::Context;
use event_store::{PostgresReader, PostgresWriter, Tail, Tailed, WriterOptions, stream_reader};
use platform::auth::{
    ApiKeySecrets, IntegrationTokens, KeyStore, PasswordCosts, PasswordHasher, PostgresKeys, Sessions,
    SignInLimits, TokenIssuer, TokenSettings, signing_keys,
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
use crate::imports::{self, Imports, ParserProgram};
use crate::processes::ProcessOptions;
use crate::routes::KeyDesk;
use crate::{processes, purge, routes};

/// The tables that the write side needs: the log's and the engine's own.
pub fn migrations() -> Vec<Migration> {
    let log = event_store::MIGRATIONS.iter().map(|(version, sql)| Migration {
        module: "log",
        version: *version,
        sql,
    });
    log.chain([
        snapshots::MIGRATION,
        inbox::MIGRATION,
        processes::MIGRATION,
        processes::MIGRATION_TRACES,
        imports::MIGRATION,
        imports::WAITING_MIGRATION,
        imports::TO_DO_MIGRATION,
        imports::HELD_MIGRATION,
    ])
    .collect()
}

/// A running write side.
pub struct WriteSide {
    pub engine: Engine,
    pub passwords: PasswordHasher,
    pub service: Service,
    /// Smart imports; their operations take files.
    pub imports: Service,
    /// Where external systems' keys are looked up.
    pub keys: Arc<dyn KeyStore>,
    /// Where users' sessions are looked up.
    pub sessions: Sessions,
    /// What this process appended a moment ago, for other followers in it.
    pub tail: Tail,
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
        let tail = Tail::default();
        let writer = writer.with_tail(tail.clone());
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
        let reader = Tailed::new(PostgresReader::new(pool.clone()), tail.clone());
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
        let streams = stream_reader(PostgresReader::new(connected.engine_pool.clone()));
        let keys = PostgresKeys::new(connected.engine_pool.clone(), Arc::clone(&streams));
        let keys: Arc<dyn KeyStore> = Arc::new(keys);
        let desk = KeyDesk {
            secrets: ApiKeySecrets::new(connected.keys.api_keys),
            store: Arc::clone(&keys),
        };
        let http = Arc::new(http);
        let imports = smart_imports(tasks, &engine, connected, &http)?;
        let service = routes::service(http, tokens, desk)?;
        Ok(Self {
            engine,
            passwords,
            service,
            imports,
            keys,
            sessions: Sessions::new(streams),
            tail,
        })
    }
}

/// Starts the imports; files are read by this very binary, as a child.
fn smart_imports(
    tasks: &Tasks,
    engine: &Engine,
    connected: &Connected,
    http: &Arc<Http>,
) -> anyhow::Result<Service> {
    let parser = ParserProgram::this_one().context("this process's own binary is not known")?;
    let imports = Imports::new(connected.engine_pool.clone(), Arc::new(engine.clone()), parser);
    imports.start(tasks, engine.ownership());
    Ok(imports::service(imports, Arc::clone(http)))
}

/// Names this process to people: `host/process id`.
fn instance() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}/{}", host.trim(), std::process::id())
}
