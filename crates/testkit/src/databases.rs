//! A database per test, dropped after it; and templates, so that migrations run once per process.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use crate::servers::postgres;

/// The roles of the services belong to the cluster, not to a database: tests that migrate side by side would race
/// to create them.
const ROLES: &str = "create role trastienda_engine login bypassrls; create role trastienda_api login";

static NEXT: AtomicU32 = AtomicU32::new(1);
static ROLES_EXIST: OnceCell<()> = OnceCell::const_new();
static TEMPLATES: LazyLock<Mutex<HashMap<String, Arc<OnceCell<String>>>>> = LazyLock::new(Mutex::default);

/// An empty database of the process's cluster. It goes when this is dropped.
#[derive(Debug)]
pub struct Database {
    url: String,
    name: String,
}

impl Database {
    /// The URL for the owner of everything in it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The test is over either way; a janitor that is gone leaves it to the removal of the whole cluster.
        drop(JANITOR.send(std::mem::take(&mut self.name)));
    }
}

/// A fresh, empty database.
pub async fn database() -> Database {
    create(None).await
}

/// A fresh copy of a template, which `migrate` makes once per process and key from the URL of an empty database.
/// It must close its connections, or they are ended for it.
pub async fn database_from_template<F, Work>(key: &str, migrate: F) -> Database
where
    F: FnOnce(String) -> Work,
    Work: Future<Output = anyhow::Result<()>>,
{
    let cell = {
        let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(templates.entry(key.to_owned()).or_default())
    };
    let template = cell
        .get_or_init(|| async {
            let mut template = create(None).await;
            migrate(template.url.clone())
                .await
                .unwrap_or_else(|error| panic!("template {key}: {error:#}"));
            let name = std::mem::take(&mut template.name);
            // A copy needs a source that nobody is connected to.
            run(format!("alter database {name} with allow_connections false")).await;
            run(format!(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
            ))
            .await;
            name
        })
        .await;
    create(Some(template)).await
}

async fn create(template: Option<&str>) -> Database {
    let server = postgres().await;
    ROLES_EXIST.get_or_init(|| run(ROLES.to_owned())).await;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let source = template.unwrap_or("template1");
    run(format!("create database {name} template {source}")).await;
    Database {
        url: server.url(&name),
        name,
    }
}

/// On a connection of its own: pools belong to a runtime, and every test has another one.
async fn run(statement: String) {
    let url = postgres().await.url("postgres");
    let mut connection = PgConnection::connect(&url)
        .await
        .unwrap_or_else(|error| panic!("test cluster: {error}"));
    let done = connection.execute(AssertSqlSafe(statement.clone())).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    connection
        .close()
        .await
        .unwrap_or_else(|error| panic!("test cluster: {error}"));
}

/// Drops databases behind the tests' backs, so that hundreds of them do not fill the disk.
static JANITOR: LazyLock<Sender<String>> = LazyLock::new(|| {
    let (sender, names) = channel::<String>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            runtime.block_on(run(format!("drop database if exists {name} with (force)")));
        }
    });
    sender
});
