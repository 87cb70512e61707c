//! The kit's own promises, so that a failing test elsewhere can be believed.

#![allow(clippy::unwrap_used, reason = "a helper that fails should fail its test")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use testkit::{Answer, Receiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, other) = tokio::join!(testkit::database(), testkit::database());
    assert_ne!(one.url(), other.url());
    let mut connection = PgConnection::connect(one.url()).await.unwrap();
    connection.execute("create table mine (n int)").await.unwrap();
    let mut connection = PgConnection::connect(other.url()).await.unwrap();
    assert!(connection.execute("select * from mine").await.is_err());
}

static MIGRATIONS: AtomicU32 = AtomicU32::new(0);

async fn from_template() -> testkit::Database {
    testkit::database_from_template("numbers", |url| async move {
        MIGRATIONS.fetch_add(1, Ordering::Relaxed);
        // Left open on purpose: the kit ends it.
        let connection = Box::leak(Box::new(PgConnection::connect(&url).await?));
        connection
            .execute("create table numbers as select generate_series(1, 10) as n")
            .await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_template_is_migrated_once_and_copied_for_each() {
    let databases = tokio::join!(from_template(), from_template(), from_template());
    for database in [databases.0, databases.1, databases.2] {
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        let sum: i64 = sqlx::query_scalar("select sum(n) from numbers")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(sum, 55);
        connection.execute("delete from numbers").await.unwrap();
    }
    assert_eq!(MIGRATIONS.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_private_nats_is_another_one() {
    let shared = testkit::nats().await;
    let private = testkit::private_nats().await;
    assert_ne!(shared.url(), private.url());
    async_nats::connect(private.url()).await.unwrap();
    async_nats::connect(shared.url()).await.unwrap();
    private.stop().await;
    async_nats::connect(shared.url()).await.unwrap();
}

async fn post(receiver: &Receiver, body: &str) -> String {
    let mut stream = TcpStream::connect(receiver.address()).await.unwrap();
    let request = format!(
        "POST /hook?a=1 HTTP/1.1\r\nhost: x\r\nX-Reason: ñ\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer).await);
    answer
}

#[tokio::test]
async fn a_receiver_records_bytes_and_misbehaves_as_told() {
    let receiver = Receiver::start().await;
    receiver.answer(|request| match request.number {
        0 => Answer::status(503).retry_after(7),
        1 => Answer::drop_connection(),
        2 => Answer::status(200).body("0123456789").cut_after(4),
        _ => Answer::status(204).after(Duration::from_millis(5)),
    });
    assert!(post(&receiver, "{\"n\":0}").await.contains("retry-after: 7\r\n"));
    assert_eq!(post(&receiver, "1").await, "");
    let cut = post(&receiver, "2").await;
    assert!(
        cut.contains("content-length: 10\r\n") && cut.ends_with("\r\n0123"),
        "{cut}"
    );
    assert!(post(&receiver, "3").await.starts_with("HTTP/1.1 204"));
    let received = receiver.wait_for(4).await;
    assert_eq!(received[0].body, b"{\"n\":0}");
    assert_eq!(received[0].header("x-reason"), Some("ñ"));
    assert_eq!(
        (received[3].method.as_str(), received[3].target.as_str()),
        ("POST", "/hook?a=1")
    );
}
