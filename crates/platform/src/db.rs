//! Postgres: pools, migrations, and the transaction of one tenant.
//!
//! Roles (row-level security is forced on every table that carries a tenant):
//! `trastienda_owner` owns the schema; `trastienda_engine` bypasses row security (engine, projector, dispatcher);
//! `trastienda_api` owns nothing, and sees only the tenant that its transaction names.
//! The log's own connection is not here (crates/event-store).

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, Postgres, Transaction};

use schemas::ids::TenantId;

/// A step of the schema. Steps are numbered per module and never edited once released.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Such as `log` or `dispatcher`.
    pub module: &'static str,
    pub version: i32,
    pub sql: &'static str,
}

/// Roles that every database needs; run by the owner. Roles belong to the cluster, so another database's migration may
/// create them at the same moment.
const ROLES: &str = r"
do $$ begin
  if not exists (select from pg_roles where rolname = 'trastienda_engine') then
    begin create role trastienda_engine login bypassrls; exception when duplicate_object or unique_violation then null; end;
  end if;
  if not exists (select from pg_roles where rolname = 'trastienda_api') then
    begin create role trastienda_api login; exception when duplicate_object or unique_violation then null; end;
  end if;
end $$;
grant usage on schema public to trastienda_engine, trastienda_api;
create table if not exists schema_migrations (
  module text not null, version int not null, applied_at timestamptz not null default now(), primary key (module, version));
";

/// How long a starting service waits for a server that is starting, too.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// A pooled connection that has not been used for longer is asked whether it still lives.
const TRUSTED_FOR: Duration = Duration::from_millis(500);

/// A key for the advisory lock under which migrations run: two services that start together apply them once.
const MIGRATION_LOCK: i64 = 0x7472_6173_0001;

/// Applies what is missing, in order, each step in a transaction of its own; before it what every database needs.
///
/// # Errors
/// Any SQL error; the failed step is rolled back.
pub async fn migrate(owner_url: &str, migrations: &[Migration]) -> Result<(), sqlx::Error> {
    let mut connection = connect_patiently(owner_url).await?;
    sqlx::query("select pg_advisory_lock($1)")
        .bind(MIGRATION_LOCK)
        .execute(&mut connection)
        .await?;
    connection.execute(ROLES).await?;
    let own = [
        &crate::lease::MIGRATION,
        &crate::auth::api_key_store::MIGRATION,
        &crate::auth::api_key_store::CALLS_MIGRATION,
    ];
    for step in own.into_iter().chain(migrations) {
        let mut transaction = connection.begin().await?;
        let fresh = sqlx::query(
            "insert into schema_migrations (module, version) values ($1, $2) on conflict do nothing",
        )
        .bind(step.module)
        .bind(step.version)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if fresh == 1 {
            transaction.execute(step.sql).await?;
        }
        transaction.commit().await?;
    }
    connection.close().await
}

/// A connection, also to a server that is only just starting or recovering from a crash: a service that starts beside it
/// waits instead of ending.
async fn connect_patiently(url: &str) -> Result<PgConnection, sqlx::Error> {
    // The pool is what tries again; nothing else of it is needed.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(START_PATIENCE)
        .connect(url)
        .await;
    match pool {
        Ok(pool) => Ok(pool.acquire().await?.detach()),
        // Says why, which "timed out" does not.
        Err(sqlx::Error::PoolTimedOut) => PgConnection::connect(url).await,
        Err(error) => Err(error),
    }
}

/// Which role a pool signs in as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbRole {
    /// Bypasses row security; for the engine, projector and dispatcher.
    Engine,
    /// Sees one tenant per transaction; for API handlers.
    Api,
}

/// How to connect as a role. `url` may be the owner's; only its user is replaced.
///
/// # Errors
/// When the URL is malformed.
pub fn options(url: &str, role: DbRole) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let user = match role {
        DbRole::Engine => "trastienda_engine",
        DbRole::Api => "trastienda_api",
    };
    Ok(options.username(user).application_name(user))
}

/// Opens a bounded pool as a role. `url` is the owner's; only its user is replaced.
///
/// # Errors
/// When the URL is malformed or the database does not answer in time; one that is starting is waited for.
pub async fn pool(url: &str, role: DbRole, max_connections: u32) -> Result<PgPool, sqlx::Error> {
    let options = options(url, role)?;
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(10))
        // Asking a connection whether it lives costs a round trip per statement; one that was used a moment ago does.
        .test_before_acquire(false)
        .before_acquire(|connection, use_before| {
            Box::pin(async move {
                if use_before.idle_for > TRUSTED_FOR {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await
}

/// A transaction that sees one tenant only. The setting is local to it, so nothing leaks through the pool.
///
/// # Errors
/// When no connection is free in time or the database fails.
pub async fn tenant_transaction(
    pool: &PgPool,
    tenant: &TenantId,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query("select set_config('trastienda.tenant', $1, true)")
        .bind(tenant.as_str())
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}

/// DDL that forces row security on a table with a `tenant` column and lets the API role read it.
pub fn tenant_policy(table: &str) -> String {
    format!(
        "alter table {table} enable row level security;
         alter table {table} force row level security;
         drop policy if exists tenant_only on {table};
         create policy tenant_only on {table} using (tenant = current_setting('trastienda.tenant', true));
         grant select on {table} to trastienda_api;
         grant select, insert, update, delete on {table} to trastienda_engine;"
    )
}
