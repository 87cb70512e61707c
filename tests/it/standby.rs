//! Two command services on one log, as processes: one decides, the other stands by and takes over when the first is
//! stopped, killed, or ends in order.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, http, send};
use crate::product::{binary, scratch, spawn};

pub const TENANT: &str = "tienda";
const PASSWORD: &str = "correct-horse-battery";
/// From the owner's end to the standby's first answer: 5 s are promised; the rest is room for a machine that runs other
/// tests, too.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(15);
/// For everything that has no bound of its own, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What several processes share.
pub struct Shop {
    folder: PathBuf,
    database: testkit::Database,
    kek: PathBuf,
}

impl Shop {
    pub async fn new(name: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = scratch(name);
        std::fs::create_dir_all(&folder).unwrap();
        let kek = folder.join("kek");
        std::fs::write(&kek, [7; 32]).unwrap();
        std::fs::set_permissions(&kek, std::fs::Permissions::from_mode(0o600)).unwrap();
        Self {
            folder,
            database: testkit::database().await,
            kek,
        }
    }

    fn settings(&self) -> Vec<String> {
        vec![
            format!("DATABASE_URL={}", self.database.url()),
            format!("TRASTIENDA_KEYS__KEK_FILE={}", self.kek.display()),
            "TRASTIENDA_METRICS_LISTEN=127.0.0.1:0".to_owned(),
        ]
    }

    /// Through the command line and the inbox, hence by whoever owns the log.
    pub async fn open(&self) {
        let password = self.folder.join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        let output = Command::new("env")
            .args(self.settings())
            .arg(binary("trastienda"))
            .args([
                "tenant",
                "create",
                "--id",
                TENANT,
                "--name",
                "Tienda",
                "--currency",
                "HNL",
            ])
            .args([
                "--time-zone",
                "America/Tegucigalpa",
                "--admin",
                "admin",
                "--password-file",
            ])
            .arg(&password)
            .env_remove("TRASTIENDA_NATS_SERVER")
            .env_remove("TRASTIENDA_TOOLS")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    async fn stores(&self) -> i64 {
        let pool = sqlx::PgPool::connect(self.database.url()).await.unwrap();
        let count = sqlx::query_scalar("select count(*) from events where type = 'admin.store_opened'")
            .fetch_one(&pool)
            .await
            .unwrap();
        pool.close().await;
        count
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// A service as a process of its own.
pub struct Service {
    child: Child,
    pub base: String,
}

impl Service {
    async fn start(shop: &Shop, name: &str) -> Self {
        Self::run(shop, "command-service", name, &[]).await
    }

    /// Runs one of the services' binaries with more settings than those that all share.
    pub async fn run(shop: &Shop, program: &str, name: &str, settings: &[String]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut args = shop.settings();
        args.push(format!("TRASTIENDA_HTTP__LISTEN=127.0.0.1:{port}"));
        args.extend_from_slice(settings);
        args.push(binary(program).to_string_lossy().into_owned());
        let child = spawn(Path::new("env"), &args, &shop.folder.join(format!("{name}.log")));
        let service = Self {
            child,
            base: format!("http://127.0.0.1:{port}"),
        };
        service.until("/livez", 200, PATIENCE).await;
        service
    }

    async fn get(&self, path: &str) -> Option<(u16, Value)> {
        let request = http()
            .get(format!("{}{path}", self.base))
            .timeout(Duration::from_secs(1));
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.json().await.ok()?))
    }

    /// Asks until this status is answered; tells how long that took.
    #[track_caller]
    pub fn until(&self, path: &str, status: u16, limit: Duration) -> impl Future<Output = Duration> {
        let caller = std::panic::Location::caller();
        async move {
            let started = Instant::now();
            loop {
                let answer = self.get(path).await;
                if answer.as_ref().is_some_and(|(found, _)| *found == status) {
                    return started.elapsed();
                }
                assert!(
                    started.elapsed() < limit,
                    "{caller}: {}{path} does not answer {status}: {answer:?}",
                    self.base
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn stands_by(&self) {
        self.until("/readyz", 503, PATIENCE).await;
        let (status, body) = self.get("/readyz").await.unwrap();
        assert_eq!(status, 503, "{body}");
        let log = body["checks"]["log"].as_str().unwrap();
        assert!(log.starts_with("standing by"), "{body}");
        assert_eq!(self.get("/livez").await.unwrap().0, 200);
    }

    fn signal(&self, signal: testkit::signal::Signal) {
        assert!(testkit::signal::send(self.child.id(), signal));
    }

    pub async fn sign_in(&self) -> Client {
        Client::sign_in(&self.base, TENANT, "admin", PASSWORD).await
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open_store(client: &Client, store: &str) -> reqwest::RequestBuilder {
    client
        .request(Method::POST, "/api/v1/admin/stores")
        .header("X-Idempotency-Key", format!("open-{store}"))
        .json(&json!({ "store": store, "name": store }))
}

/// Opens a store under a key that belongs to it; tells whether an earlier answer was given again.
async fn opens(client: &Client, store: &str) -> bool {
    let answer = send(open_store(client, store)).await;
    let was_replayed = answer.is_replayed();
    answer.ok();
    was_replayed
}

#[tokio::test]
async fn a_standby_takes_over_from_an_owner_that_is_stopped_killed_or_ends() {
    let shop = Shop::new("standby").await;
    let first = Service::start(&shop, "first").await;
    first.until("/readyz", 200, PATIENCE).await;
    shop.open().await;
    let at_first = first.sign_in().await;
    assert!(!opens(&at_first, "one").await);

    let second = Service::start(&shop, "second").await;
    second.stands_by().await;
    let at_second = at_first.with_base(&second.base);
    let refused = send(open_store(&at_second, "two")).await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.problem(503, "service.unavailable");

    testkit::signal::stop(first.child.id()).await;
    let begun = open_store(&at_first, "two").send();
    let taken_over = async {
        let took = second.until("/readyz", 200, TAKEN_OVER_WITHIN).await;
        eprintln!("taken over {took:?} after the stop");
        assert!(!opens(&at_second, "three").await);
        first.signal(testkit::signal::CONT);
    };
    // The stopped process answers when it runs again: it is not the owner any more.
    let (begun, ()) = tokio::join!(begun, taken_over);
    assert_eq!(begun.unwrap().status().as_u16(), 503);
    first.stands_by().await;
    assert!(!opens(&at_second, "two").await, "it had not landed");

    second.signal(testkit::signal::KILL);
    let took = first.until("/readyz", 200, TAKEN_OVER_WITHIN).await;
    eprintln!("taken over {took:?} after the kill");
    assert!(opens(&at_first, "two").await, "its answer is known");
    drop(second);

    let third = Service::start(&shop, "third").await;
    third.stands_by().await;
    first.signal(testkit::signal::TERM);
    let took = third.until("/readyz", 200, TAKEN_OVER_WITHIN).await;
    eprintln!("taken over {took:?} after an orderly end");
    let at_third = third.sign_in().await;
    assert!(opens(&at_third, "three").await);
    assert!(!opens(&at_third, "four").await);
    assert_eq!(shop.stores().await, 4);
}
