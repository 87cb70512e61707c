//! Folders are not shared: the second comer gets a clear refusal, and the first one does not notice.

use private_servers::{DataFolder, Error, Nats, NatsOptions, Postgres, PostgresOptions, find};

use crate::fixtures::{Folder, nats_in, nats_server, postgres_in, remember, remember_in_jetstream};

#[tokio::test]
async fn a_second_nats_on_the_same_store_is_refused() {
    let folder = Folder::new("second-nats");
    let first = nats_in(&folder.0).await;
    let second = Nats::start(NatsOptions::new(&folder.0, nats_server())).await;
    assert!(matches!(second, Err(Error::InUse { .. })), "{second:?}");
    assert_eq!(remember_in_jetstream(&first.url()).await, 1);
    first.stop().await;
    // The lock went with the first one.
    nats_in(&folder.0).await.stop().await;
}

#[tokio::test]
async fn a_second_postgres_on_the_same_cluster_is_refused() {
    let folder = Folder::new("second-postgres");
    let first = postgres_in(&folder.0).await;
    let second = Postgres::start(PostgresOptions::new(&folder.0, find::postgres(None).unwrap())).await;
    assert!(matches!(second, Err(Error::InUse { .. })), "{second:?}");
    assert_eq!(remember(&first.url("postgres")).await, 1);
    first.stop().await;
}

#[test]
fn a_data_folder_has_one_holder_who_is_named() {
    let folder = Folder::new("data-folder");
    let first = DataFolder::open(&folder.0.join("data")).unwrap();
    let second = DataFolder::open(first.path()).unwrap_err().to_string();
    assert!(
        second.contains(&format!("in use by process {}", std::process::id())),
        "{second}"
    );
    let path = first.path().to_path_buf();
    drop(first);
    DataFolder::open(&path).unwrap();
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let folder = Folder::new("not-ours");
    std::fs::write(folder.0.join("thesis.txt"), "years of work").unwrap();
    assert!(matches!(DataFolder::open(&folder.0), Err(Error::NotOurs { .. })));
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
}
