//! What died comes back: at the same address, with everything that was acknowledged.

use sqlx::{Connection, PgConnection};

use private_servers::{Error, Health, Nats, NatsOptions};

use crate::fixtures::{
    Folder, Holder, PATIENCE, is_gone, kill_9, nats_in, pid_of, postgres_in, remember, remember_in_jetstream,
    wait_for,
};

async fn new_pid(health: &mut tokio::sync::watch::Receiver<Health>, old: u32) -> u32 {
    let came_back = health.wait_for(|health| pid_of(health).is_some_and(|pid| pid != old));
    pid_of(&tokio::time::timeout(PATIENCE, came_back).await.unwrap().unwrap()).unwrap()
}

#[tokio::test]
async fn a_killed_postmaster_is_waited_for_and_started_again_on_the_same_socket() {
    let folder = Folder::new("kill-postgres");
    let postgres = postgres_in(&folder.0).await;
    let url = postgres.url("postgres");
    let mut health = postgres.health();
    for kills in 1..=3_u32 {
        let pid = pid_of(&health.borrow()).unwrap();
        assert_eq!(remember(&url).await, i64::from(kills));
        kill_9(pid);
        let new = new_pid(&mut health, pid).await;
        assert!(
            !std::path::Path::new(&format!("/proc/{pid}")).exists(),
            "the postmaster is still a zombie"
        );
        assert_ne!(new, pid);
        assert_eq!(postgres.restarts(), u64::from(kills));
    }
    assert_eq!(remember(&url).await, 4);
    postgres.stop().await;
}

#[tokio::test]
async fn a_killed_nats_is_started_again_on_the_same_ports_and_clients_reconnect() {
    let folder = Folder::new("kill-nats");
    let nats = nats_in(&folder.0).await;
    let url = nats.url();
    let client = async_nats::connect(&url).await.unwrap();
    assert_eq!(remember_in_jetstream(&url).await, 1);
    let mut health = nats.health();
    let pid = pid_of(&health.borrow()).unwrap();
    kill_9(pid);
    new_pid(&mut health, pid).await;
    assert_eq!(nats.url(), url);
    assert_eq!(nats.restarts(), 1);
    let answers = tokio::time::timeout(PATIENCE, async {
        while client.flush().await.is_err()
            || client.connection_state() != async_nats::connection::State::Connected
        {
            tokio::task::yield_now().await;
        }
    });
    answers.await.unwrap();
    assert_eq!(remember_in_jetstream(&url).await, 2);
    nats.stop().await;
}

#[tokio::test]
async fn after_a_killed_holder_everything_is_there_at_the_same_urls() {
    let folder = Folder::new("kill-holder");
    let mut holder = Holder::start(&folder.0);
    let before = holder.held.clone();
    assert_eq!(remember(&before.postgres_url).await, 1);
    assert_eq!(remember_in_jetstream(&before.nats_url).await, 1);
    holder.kill();
    // At once: the servers of the first holder may still be on their way out.
    let holder = Holder::start(&folder.0);
    assert_eq!(holder.held.postgres_url, before.postgres_url);
    assert_eq!(holder.held.nats_url, before.nats_url);
    assert_eq!(remember(&before.postgres_url).await, 2);
    assert_eq!(remember_in_jetstream(&before.nats_url).await, 2);
    holder.stop();
}

#[tokio::test]
async fn after_the_holder_and_its_servers_were_killed_together_everything_is_there() {
    let folder = Folder::new("kill-all");
    let mut holder = Holder::start(&folder.0);
    let before = holder.held.clone();
    assert_eq!(remember(&before.postgres_url).await, 1);
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&holder.child),
        rustix::process::Signal::STOP,
    )
    .unwrap();
    // The holder cannot react between the three kills.
    kill_9(before.postgres_pid);
    kill_9(before.nats_pid);
    holder.kill();
    wait_for("both are gone", || {
        is_gone(before.postgres_pid) && is_gone(before.nats_pid)
    });
    let holder = Holder::start(&folder.0);
    assert_eq!(remember(&holder.held.postgres_url).await, 2);
    holder.stop();
}

#[tokio::test]
async fn a_server_that_never_comes_back_is_given_up_and_reported() {
    let folder = Folder::new("give-up");
    // A server that works once: its file goes away.
    let copy = folder.0.join("nats-server");
    std::fs::copy(crate::fixtures::nats_server(), &copy).unwrap();
    let nats = Nats::start(NatsOptions::new(folder.0.join("store"), &copy))
        .await
        .unwrap();
    let pid = pid_of(&nats.health().borrow()).unwrap();
    std::fs::remove_file(&copy).unwrap();
    kill_9(pid);
    let cause = tokio::time::timeout(PATIENCE, nats.failed()).await.unwrap();
    assert!(cause.contains("in a row"), "{cause}");
    nats.stop().await;
}

#[tokio::test]
async fn a_server_that_does_not_start_says_why_with_its_own_words() {
    let folder = Folder::new("bad-setting");
    let mut options =
        private_servers::PostgresOptions::new(&folder.0, private_servers::find::postgres(None).unwrap());
    options.settings.push(("no_such_setting".into(), "1".into()));
    let error = private_servers::Postgres::start(options).await.unwrap_err();
    assert!(matches!(error, Error::NotStarted { .. }));
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test]
async fn a_stop_flushes_and_the_next_start_needs_no_recovery() {
    let folder = Folder::new("clean-stop");
    let postgres = postgres_in(&folder.0).await;
    let url = postgres.url("postgres");
    remember(&url).await;
    // An open connection must not hold the stop up.
    let mut idle = PgConnection::connect(&url).await.unwrap();
    let _open = sqlx::query("begin").execute(&mut idle).await.unwrap();
    postgres.stop().await;
    assert_eq!(*postgres.health().borrow(), Health::Stopped);
    let postgres = postgres_in(&folder.0).await;
    let log = std::fs::read_to_string(folder.0.join("postgres.log")).unwrap();
    assert!(!log.contains("automatic recovery"), "{log}");
    postgres.stop().await;
}
