//! Snapshots of long streams: a cache beside the log, thrown away without harm, read by nothing but the engine.
//!
//! Versioned with the code that wrote them: after a change of any state's shape or fold, bump [`CODE_VERSION`].

use std::collections::HashMap;

use domain::State;
use platform::db::Migration;
use platform::tasks::{OnEnd, Tasks};
use schemas::ids::TenantId;
use schemas::{StreamName, Version};
use sqlx::PgPool;
use tokio::sync::mpsc;

use super::cache::Resident;

/// Snapshots of other versions are ignored and overwritten.
const CODE_VERSION: i32 = 7;

/// Snapshots that wait to be written; more are dropped, since the next growth offers them again.
const WAITING_MAX: usize = 1_024;

/// The table `snapshots`, one row per stream; dropping all rows costs time and nothing else.
pub const MIGRATION: Migration = Migration {
    module: "engine",
    version: 1,
    sql: "create table snapshots (
            tenant text not null, stream text not null, version bigint not null, code_version int not null,
            state json not null, primary key (tenant, stream));
          alter table snapshots enable row level security;
          alter table snapshots force row level security;
          create policy tenant_only on snapshots using (tenant = current_setting('trastienda.tenant', true));
          grant select, insert, update, delete on snapshots to trastienda_engine;",
};

/// Reads and writes snapshots. Every failure is only a lost short cut.
#[derive(Clone)]
pub struct Snapshots {
    pool: PgPool,
}

/// A state worth keeping.
pub(super) struct Snapshot {
    pub tenant: TenantId,
    pub stream: StreamName,
    pub version: Version,
    pub state: State,
}

/// Takes snapshots from the loop and the loaders without making them wait.
#[derive(Clone)]
pub(super) struct SnapshotWriter {
    offered: mpsc::Sender<Snapshot>,
    /// By how many events a stream has grown when it is worth a snapshot.
    every: i64,
}

impl SnapshotWriter {
    /// Offers to `offered`, and drops what does not fit there.
    pub fn new(offered: mpsc::Sender<Snapshot>, every: i64) -> Self {
        Self { offered, every }
    }

    /// Takes a durable state that has grown enough since its last snapshot; tells whether it did.
    pub fn offer(&self, tenant: &TenantId, stream: &StreamName, resident: &Resident) -> bool {
        if resident.version.0 - resident.snapshot.0 < self.every {
            return false;
        }
        let _ = self.offered.try_send(Snapshot {
            tenant: tenant.clone(),
            stream: stream.clone(),
            version: resident.version,
            state: resident.state.clone(),
        });
        true
    }
}

impl Snapshots {
    /// Needs the engine's own role, which sees every tenant's rows.
    pub fn new(engine_pool: PgPool) -> Self {
        Self { pool: engine_pool }
    }

    /// The newest usable snapshot of each stream that has one.
    pub(super) async fn read(
        &self,
        keys: &[(TenantId, StreamName)],
    ) -> HashMap<(TenantId, StreamName), (State, Version)> {
        let tenants: Vec<&str> = keys.iter().map(|(tenant, _)| tenant.as_str()).collect();
        let streams: Vec<&str> = keys.iter().map(|(_, stream)| stream.as_str()).collect();
        let rows = sqlx::query_as::<_, (String, String, i64, String)>(
            "select s.tenant, s.stream, s.version, s.state::text from snapshots s
             join unnest($1::text[], $2::text[]) as k(tenant, stream) on s.tenant = k.tenant and s.stream = k.stream
             where s.code_version = $3",
        )
        .bind(tenants)
        .bind(streams)
        .bind(CODE_VERSION)
        .fetch_all(&self.pool)
        .await;
        let rows = rows.unwrap_or_else(|error| {
            tracing::warn!(%error, "snapshots cannot be read; whole streams are");
            Vec::new()
        });
        rows.into_iter()
            .filter_map(|(tenant, stream, version, state)| {
                let state: State = serde_json::from_str(&state).ok()?;
                Some((
                    (TenantId::new(&tenant).ok()?, StreamName::stored(&stream)),
                    (state, Version(version)),
                ))
            })
            .collect()
    }

    pub(super) fn start_writer(&self, tasks: &Tasks, every: i64) -> SnapshotWriter {
        let (sender, mut offered) = mpsc::channel::<Snapshot>(WAITING_MAX);
        let pool = self.pool.clone();
        let stop = tasks.stop_token();
        tasks.spawn("engine snapshots", OnEnd::MayFinish, async move {
            let mut batch = Vec::new();
            loop {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    taken = offered.recv_many(&mut batch, 256) => if taken == 0 { return Ok(()) },
                }
                if let Err(error) = write(&pool, &batch).await {
                    tracing::warn!(%error, snapshots = batch.len(), "snapshots were not written");
                }
                batch.clear();
            }
        });
        SnapshotWriter::new(sender, every)
    }
}

async fn write(pool: &PgPool, batch: &[Snapshot]) -> anyhow::Result<()> {
    // The newest of each stream only: one statement may not touch a row twice.
    let newest: HashMap<(&str, &str), &Snapshot> = batch
        .iter()
        .map(|snapshot| ((snapshot.tenant.as_str(), snapshot.stream.as_str()), snapshot))
        .collect();
    let mut tenants = Vec::with_capacity(newest.len());
    let mut streams = Vec::with_capacity(newest.len());
    let mut versions = Vec::with_capacity(newest.len());
    let mut states = Vec::with_capacity(newest.len());
    for ((tenant, stream), snapshot) in newest {
        tenants.push(tenant);
        streams.push(stream);
        versions.push(snapshot.version.0);
        states.push(serde_json::to_string(&snapshot.state)?);
    }
    sqlx::query(
        "insert into snapshots (tenant, stream, version, code_version, state)
         select t, s, v, $5, d::json from unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) as u(t, s, v, d)
         on conflict (tenant, stream) do update
         set version = excluded.version, code_version = excluded.code_version, state = excluded.state
         where snapshots.version < excluded.version or snapshots.code_version <> excluded.code_version",
    )
    .bind(tenants)
    .bind(streams)
    .bind(versions)
    .bind(states)
    .bind(CODE_VERSION)
    .execute(pool)
    .await?;
    Ok(())
}
