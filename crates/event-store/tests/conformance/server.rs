//! Private Postgres for this suite.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

pub struct Server {
    folder: String,
}
static SHARED: OnceCell<Server> = OnceCell::const_new();
static NUMBER: AtomicUsize = AtomicUsize::new(0);

pub async fn database() -> String {
    SHARED.get_or_init(|| private(&[])).await.database().await
}

pub async fn private(settings: &[(&str, &str)]) -> Server {
    let folder = format!("/tmp/esct-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
    std::fs::create_dir_all(format!("{folder}/s")).unwrap();
    let unshare = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-user=1000", "--map-group=1000", "--", program]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    assert!(unshare("initdb").args(["-D", &format!("{folder}/d"), "-U", "trastienda_owner", "-A", "trust", "-E", "UTF8"]).status().unwrap().success());
    let mut start = unshare("setpriv");
    start.args(["--pdeathsig=INT", "--", "postgres", "-D", &format!("{folder}/d"), "-k", &format!("{folder}/s")]);
    start.args(["-c", "listen_addresses=", "-c", "max_connections=400"]);
    for (name, value) in settings {
        start.args(["-c", &format!("{name}={value}")]);
    }
    std::thread::spawn(move || start.status());
    let server = Server { folder };
    while PgConnection::connect(&server.url("postgres")).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server
}

impl Server {
    fn url(&self, name: &str) -> String {
        format!("postgres://trastienda_owner@{}/{name}", format!("{}/s", self.folder).replace('/', "%2F"))
    }
    pub async fn database(&self) -> String {
        let name = format!("db{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        connection.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
        self.url(&name)
    }
}
