//! How the servers are reached: by one URL for every client, and by nobody else.

use std::os::unix::fs::PermissionsExt;

use private_servers::{Nats, NatsOptions};
use sqlx::{Connection, PgConnection};

use crate::fixtures::{Folder, nats_server, postgres_in};

#[tokio::test]
async fn a_database_is_created_once_and_reached_by_its_url() {
    let folder = Folder::new("url");
    let postgres = postgres_in(&folder.0).await;
    postgres.create_database("trastienda").await.unwrap();
    postgres.create_database("trastienda").await.unwrap();
    let mut connection = PgConnection::connect(&postgres.url("trastienda")).await.unwrap();
    let seen: (String, String, String, String) = sqlx::query_as(
        "select current_database()::text, current_user::text, current_setting('fsync'), current_setting('listen_addresses')",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(
        seen,
        (
            "trastienda".into(),
            "trastienda_owner".into(),
            "on".into(),
            String::new()
        )
    );
    let upper: String = sqlx::query_scalar("select upper('ñandú')")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(upper, "ÑANDÚ");
    assert!(postgres.create_database("x\"; drop").await.is_err());
    postgres.stop().await;
}

#[tokio::test]
async fn a_long_data_path_gets_a_short_private_socket_folder() {
    let folder = Folder::new("long");
    let deep = folder
        .0
        .join("a-folder-name-of-forty-letters-and-no-less")
        .join("and-another-one-that-makes-it-too-long-for-a-socket");
    let postgres = postgres_in(&deep).await;
    let url = postgres.url("postgres");
    let socket = url
        .split("host=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    if !deep.join("elsewhere").exists() {
        assert!(socket.starts_with("/tmp/trastienda-"), "{socket}");
    }
    assert!(socket.len() < 90, "{socket}");
    assert_eq!(
        std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777,
        0o700
    );
    PgConnection::connect(&url).await.unwrap();
    postgres.stop().await;
    private_servers::Postgres::remove(&deep).await.unwrap();
    assert!(!std::path::Path::new(&socket).exists());
}

#[tokio::test]
async fn nats_refuses_those_who_do_not_know_its_password() {
    let folder = Folder::new("password");
    let mut options = NatsOptions::new(&folder.0, nats_server());
    options.require_password = true;
    let nats = Nats::start(options).await.unwrap();
    let (user, password) = nats.credentials().unwrap();
    let known = async_nats::ConnectOptions::with_user_and_password(user.into(), password.into());
    known.connect(nats.url()).await.unwrap();
    let address = nats.url().split('@').nth(1).unwrap().to_owned();
    assert!(async_nats::connect(address).await.is_err());
    let mode = std::fs::metadata(folder.0.join("password"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    nats.stop().await;
}
