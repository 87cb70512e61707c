//! A pid file is a hint: numbers are reused, and a process that is not our server is left alone.

use std::process::Command;

use crate::fixtures::{Folder, cluster_of, is_gone, nats_in, postgres_in, remember};

#[tokio::test]
async fn a_stale_pid_file_that_names_a_stranger_leaves_the_stranger_alone() {
    let folder = Folder::new("stranger");
    let postgres = postgres_in(&folder.0.join("postgres")).await;
    let url = postgres.url("postgres");
    assert_eq!(remember(&url).await, 1);
    postgres.stop().await;
    nats_in(&folder.0.join("nats")).await.stop().await;

    let cluster = cluster_of(&folder.0.join("postgres"));
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    let line = format!("{}\n", stranger.id());
    // Postgres itself would refuse to start: the process that its file names is alive.
    let postmaster = format!("{}\n{}\n", stranger.id(), cluster.display());
    std::fs::write(cluster.join("postmaster.pid"), postmaster).unwrap();
    std::fs::write(folder.0.join("postgres/server.pid"), &line).unwrap();
    std::fs::write(folder.0.join("nats/server.pid"), &line).unwrap();

    let postgres = postgres_in(&folder.0.join("postgres")).await;
    let nats = nats_in(&folder.0.join("nats")).await;
    assert_eq!(remember(&url).await, 2);
    assert!(!is_gone(stranger.id()), "the stranger was killed");
    postgres.stop().await;
    nats.stop().await;
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_leftover_server_without_a_holder_is_stopped_by_the_next_start() {
    let folder = Folder::new("leftover");
    let nats = nats_in(&folder.0).await;
    let url = nats.url();
    nats.stop().await;
    // As if the parent-death signal had been lost: a server that nobody holds.
    let mut leftover = Command::new(crate::fixtures::nats_server())
        .arg("-c")
        .arg(folder.0.canonicalize().unwrap().join("nats-server.conf"))
        .spawn()
        .unwrap();
    std::fs::write(folder.0.join("server.pid"), leftover.id().to_string()).unwrap();
    let nats = nats_in(&folder.0).await;
    assert!(is_gone(leftover.id()));
    leftover.wait().unwrap();
    assert_eq!(nats.url(), url);
    nats.stop().await;
}
