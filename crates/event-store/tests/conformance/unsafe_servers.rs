//! Promise: a server that could lose an acknowledged append is refused at the start.

use std::time::Duration;

use event_store::{AppendError, LogWriter, PostgresWriter, WriterOptions};
use private_servers::{PostgresOptions, find};
use sqlx::AssertSqlSafe;

use crate::fixture::{Postgres, Store, migrate, patient, single};

fn refusal(result: Result<PostgresWriter, AppendError>) -> String {
    match result {
        Err(AppendError::Unusable(reason)) => reason,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("an unusable server was accepted"),
    }
}

async fn server_with(setting_off: &str) -> private_servers::Postgres {
    let mut options = PostgresOptions::new(testkit::scratch_folder("unsafe"), find::postgres(None).unwrap());
    options.settings.push((setting_off.to_owned(), "off".to_owned()));
    private_servers::Postgres::start(options).await.unwrap()
}

#[tokio::test]
async fn a_server_without_fsync_or_full_page_writes_is_refused() {
    for setting in ["fsync", "full_page_writes"] {
        let server = server_with(setting).await;
        let url = server.url("postgres");
        migrate(url.clone()).await.unwrap();
        let store = Postgres::at(url, None).await;
        let reason = refusal(store.writer().await);
        assert!(reason.contains(&format!("{setting} = off")), "{reason}");
        // A trial may say that it knows.
        let options = WriterOptions {
            allow_unsafe_durability: true,
            ..patient()
        };
        let mut writer = PostgresWriter::connect_with(store.engine_target(), options)
            .await
            .unwrap();
        writer.append(&[single("sale/1", 0)]).await.unwrap();
        server.stop().await;
    }
}

#[tokio::test]
async fn asynchronous_commit_is_refused_even_when_only_the_role_has_it() {
    let store = Postgres::fresh().await;
    let database: String = sqlx::query_scalar("select current_database()")
        .fetch_one(&store.owner)
        .await
        .unwrap();
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
    sqlx::query("revoke insert on events from trastienda_engine")
        .execute(&store.owner)
        .await
        .unwrap();
    let reason = refusal(store.writer().await);
    assert!(reason.contains("may not insert"), "{reason}");
    sqlx::query("drop table events")
        .execute(&store.owner)
        .await
        .unwrap();
    let reason = refusal(store.writer().await);
    assert!(reason.contains("events"), "{reason}");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_not_called_unusable() {
    let options = WriterOptions {
        connect_timeout: Duration::from_secs(1),
        connect_retries: 1,
        ..patient()
    };
    // Port 1 of the loopback address: nobody listens there.
    let result = PostgresWriter::connect("postgres://trastienda_engine@127.0.0.1:1/none", options).await;
    assert!(matches!(result.err(), Some(AppendError::Unknown(_))));
}
