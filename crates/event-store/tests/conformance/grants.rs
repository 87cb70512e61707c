//! Promise: the log's own role adds and reads; only the owner of the schema could change anything.

use event_store::LogWriter;
use platform::db::{self, DbRole};
use sqlx::PgPool;

use crate::fixture::{Postgres, Store, single};

async fn sqlstate(pool: &PgPool, sql: &'static str) -> Option<String> {
    let error = sqlx::query(sql).execute(pool).await.err()?;
    error.as_database_error().and_then(|e| e.code()).map(Into::into)
}

#[tokio::test]
async fn the_engine_can_only_insert_into_and_read_events() {
    let store = Postgres::fresh().await;
    store
        .writer()
        .await
        .unwrap()
        .append(&[single("sale/1", 0)])
        .await
        .unwrap();
    for sql in [
        "update events set version = version",
        "delete from events",
        "truncate events",
        "update commands set keyed = false",
        "truncate commands",
        "alter table events disable row level security",
        "drop table events",
    ] {
        assert_eq!(
            sqlstate(&store.engine, sql).await.as_deref(),
            Some("42501"),
            "{sql}"
        );
    }
    assert_eq!(sqlstate(&store.engine, "select * from events").await, None);
    assert_eq!(sqlstate(&store.engine, "delete from commands").await, None);
}

#[tokio::test]
async fn the_api_role_sees_nothing_of_the_log() {
    let store = Postgres::fresh().await;
    let api = db::pool(&store.url, DbRole::Api, 1).await.unwrap();
    for sql in [
        "select * from events",
        "select * from commands",
        "insert into events select * from events",
    ] {
        assert_eq!(sqlstate(&api, sql).await.as_deref(), Some("42501"), "{sql}");
    }
}

#[tokio::test]
async fn row_security_is_forced_on_the_logs_tables() {
    let store = Postgres::fresh().await;
    let unforced: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class
         where relname in ('events', 'commands') and not (relrowsecurity and relforcerowsecurity)",
    )
    .fetch_all(&store.owner)
    .await
    .unwrap();
    assert!(unforced.is_empty(), "{unforced:?}");
}
