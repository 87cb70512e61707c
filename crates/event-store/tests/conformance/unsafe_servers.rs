//! Promise: a server that could lose an acknowledged append is refused at the start.

use std::time::Duration;

use event_store::{AppendError, LogWriter, PostgresWriter, WriterOptions};
use sqlx::AssertSqlSafe;

use crate::fixture::{Postgres, Store, patient, single};

fn refusal(result: Result<PostgresWriter, AppendError>) -> String {
    match result {
        Err(AppendError::Unusable(reason)) => reason,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("an unusable server was accepted"),
    }
}

#[tokio::test]
async fn a_server_without_fsync_or_full_page_writes_is_refused() {
    for setting in ["fsync", "full_page_writes"] {
        let server = crate::server::private(&[(setting, "off")]).await;
        let store = Postgres::at(server.database().await).await;
        let reason = refusal(store.writer().await);
        assert!(reason.contains(&format!("{setting} = off")), "{reason}");
        // A trial may say that it knows.
        let options = WriterOptions { allow_unsafe_durability: true, ..patient() };
        let mut writer = PostgresWriter::connect_with(store.engine_target(), options).await.unwrap();
        writer.append(&[single("sale/1", 0)]).await.unwrap();
    }
}

#[tokio::test]
async fn asynchronous_commit_is_refused_even_when_only_the_role_has_it() {
    let store = Postgres::fresh().await;
    let database: String =
        sqlx::query_scalar("select current_database()").fetch_one(&store.owner).await.unwrap();
    sqlx::query(AssertSqlSafe(format!(
        "alter role trastienda_engine in database \"{database}\" set synchronous_commit = off"
    )))
    .execute(&store.owner)
    .await
    .unwrap();
    let reason = refusal(store.writer().await);
    assert!(reason.contains("synchronous_commit = off"), "{reason}");
}

#[tokio::test]
async fn a_database_without_the_logs_tables_or_rights_is_refused() {
    let store = Postgres::fresh().await;
    sqlx::query("revoke insert on events from trastienda_engine").execute(&store.owner).await.unwrap();
    let reason = refusal(store.writer().await);
    assert!(reason.contains("may not insert"), "{reason}");
    sqlx::query("drop table events").execute(&store.owner).await.unwrap();
    let reason = refusal(store.writer().await);
    assert!(reason.contains("events"), "{reason}");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_not_called_unusable() {
    let options = WriterOptions { connect_timeout: Duration::from_secs(1), connect_retries: 1, ..patient() };
    // Port 1 of the loopback address: nobody listens there.
    let result = PostgresWriter::connect("postgres://trastienda_engine@127.0.0.1:1/none", options).await;
    assert!(matches!(result.err(), Some(AppendError::Unknown(_))));
}
