//! Postgres and NATS go away and come back, under load: what was acknowledged is there, the rest says when to come
//! back, and nobody has to help.
//!
//! How long they are away is short here; `OUTAGE_SECONDS` makes it as long as the laboratory wants.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use private_servers::{Postgres, PostgresOptions, find};
use serde_json::{Value, json};
use testkit::receiver::Receiver;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::client::{Client, http};
use crate::product::{Product, scratch};

const TENANT: &str = "telefonia-teg";
const WORKERS: usize = 4;
/// Everything must be well again by then.
const RECOVERED_WITHIN: Duration = Duration::from_secs(60);

/// How long a server is away.
fn outage(short_s: u64) -> Duration {
    let wanted = std::env::var_os("OUTAGE_SECONDS").map(|text| text.to_str().unwrap().parse().unwrap());
    Duration::from_secs(wanted.unwrap_or(short_s))
}

/// A cluster that the test stops and starts, in a folder of its own.
pub struct OwnPostgres {
    folder: PathBuf,
    server: Option<Postgres>,
}

impl OwnPostgres {
    pub async fn start(name: &str) -> Self {
        let folder = scratch(&format!("{name}-postgres"));
        let mut own = Self { folder, server: None };
        own.start_again().await;
        own.server().create_database("trastienda").await.unwrap();
        own
    }

    pub async fn start_again(&mut self) {
        let options = PostgresOptions::new(&self.folder, find::postgres(None).unwrap());
        self.server = Some(Postgres::start(options).await.unwrap());
    }

    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    fn server(&self) -> &Postgres {
        self.server.as_ref().unwrap()
    }

    pub fn url(&self) -> String {
        self.server().url("trastienda")
    }

    /// For the end of a test: stops it and removes its data.
    pub async fn remove(mut self) {
        self.stop().await;
        Postgres::remove(&self.folder).await.unwrap();
    }
}

/// A configuration file beside the data folder that a product of this name will have.
pub fn config(name: &str, text: &str) -> String {
    let path = scratch(&format!("{name}-config")).with_extension("toml");
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

/// What one worker was told.
#[derive(Default)]
pub struct Journal {
    acknowledged: Vec<(String, Value)>,
}

/// Clients that work while something is broken.
pub struct Workers {
    tasks: JoinSet<Journal>,
    /// Commands carried out, over all workers.
    pub carried_out: Arc<AtomicUsize>,
    /// Answers that asked to come back, over all workers.
    pub turned_away: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Workers {
    /// Starts them, each with an article of its own.
    pub async fn start(admin: &Client, prefix: &str) -> Self {
        let mut workers = Self {
            tasks: JoinSet::new(),
            carried_out: Arc::default(),
            turned_away: Arc::default(),
            stop: Arc::default(),
        };
        for number in 0..WORKERS {
            let sku = format!("{prefix}-{number}");
            let item = json!({ "sku": sku, "name": "Artículo", "kind": "counted", "price_minor": 1_000 });
            admin.post("/api/v1/catalogue/items", &item).await.ok();
            let counts = [Arc::clone(&workers.carried_out), Arc::clone(&workers.turned_away)];
            let work = keep_adjusting(admin.clone(), sku, counts, Arc::clone(&workers.stop));
            workers.tasks.spawn(work);
        }
        workers.wait_for(&workers.carried_out, WORKERS).await;
        workers
    }

    /// Waits until a count has grown by so much.
    pub async fn wait_for(&self, count: &AtomicUsize, more: usize) {
        let wanted = count.load(Ordering::Relaxed) + more;
        let deadline = Instant::now() + RECOVERED_WITHIN;
        while count.load(Ordering::Relaxed) < wanted {
            assert!(
                Instant::now() < deadline,
                "the commands are not answered as they should"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Each finishes its command.
    pub async fn stop(self) -> Vec<Journal> {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await
    }
}

fn adjustment(sku: &str) -> Value {
    json!({ "store": "centro", "sku": sku, "delta": 1 })
}

/// Adds one piece at a time until told to stop. Every key is repeated until it is carried out; until then every answer
/// must be a 503 that says when to come back, or a 409 that says so while the attempt before still waits for the server.
async fn keep_adjusting(
    client: Client,
    sku: String,
    counts: [Arc<AtomicUsize>; 2],
    stop: Arc<AtomicBool>,
) -> Journal {
    let [carried_out, turned_away] = counts;
    let mut journal = Journal::default();
    while !stop.load(Ordering::Relaxed) {
        let key = format!("{sku}-{}", journal.acknowledged.len());
        loop {
            let answer = client
                .post_keyed("/api/v1/inventory/adjustments", &key, &adjustment(&sku))
                .await;
            if answer.status.is_success() {
                journal.acknowledged.push((key, answer.body));
                carried_out.fetch_add(1, Ordering::Relaxed);
                break;
            }
            let is_in_flight = answer.body["code"] == "idempotency.in_flight";
            assert!(answer.status.as_u16() == 503 || is_in_flight, "{}", answer.body);
            assert!(answer.headers.contains_key("retry-after"), "{}", answer.body);
            turned_away.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    journal
}

/// Every acknowledgement stands, and each command took effect once.
pub async fn check(admin: &Client, prefix: &str, journals: &[Journal]) {
    for journal in journals {
        let (last_key, last) = journal.acknowledged.last().unwrap();
        let sku = last_key.rsplit_once('-').unwrap().0;
        assert!(sku.starts_with(prefix));
        let path = format!(
            "/api/v1/inventory/stock?store=centro&sku={sku}&min_position={}",
            last["position"]
        );
        let stock = get_in_time(admin, &path).await;
        assert_eq!(stock["items"][0]["on_hand"], journal.acknowledged.len(), "{sku}");
        for (key, answer) in &journal.acknowledged {
            let again = admin
                .post_keyed("/api/v1/inventory/adjustments", key, &adjustment(sku))
                .await;
            assert!(again.is_replayed(), "{key}: {}", again.body);
            assert_eq!(&again.ok(), answer, "{key}");
        }
    }
}

/// A read at a position; after a fault the read models may need a while to get there.
async fn get_in_time(client: &Client, path: &str) -> Value {
    let deadline = Instant::now() + RECOVERED_WITHIN;
    loop {
        let answer = client.get(path).await;
        if answer.body["code"] != "projection_behind" {
            return answer.ok();
        }
        assert!(
            Instant::now() < deadline,
            "the read models do not catch up: {}",
            answer.body
        );
    }
}

async fn answers(product: &Product, path: &str) -> u16 {
    let answer = http().get(format!("{}{path}", product.base_url())).send().await;
    answer.unwrap().status().as_u16()
}

pub async fn wait_until_ready(product: &Product) {
    let deadline = Instant::now() + RECOVERED_WITHIN;
    while answers(product, "/readyz").await != 200 {
        assert!(Instant::now() < deadline, "not ready again:\n{}", product.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_away_and_nothing_acknowledged_is_lost() {
    let mut postgres = OwnPostgres::start("outage").await;
    let config = config("outage", &format!("database_url = {:?}\n", postgres.url()));
    let product = Product::start("outage", &["--config", &config]).await;
    let admin = product.client(TENANT, "admin").await;
    let workers = Workers::start(&admin, "it-outage").await;

    postgres.stop().await;
    let since = Instant::now();
    let mut keys = Vec::new();
    while since.elapsed() < outage(5) {
        assert_eq!(answers(&product, "/livez").await, 200);
        let key = format!("it-outage-meanwhile-{}", keys.len());
        let read = admin.get("/api/v1/catalogue/items").await;
        let write = admin
            .post_keyed("/api/v1/inventory/adjustments", &key, &adjustment("USBC-1M"))
            .await;
        for answer in [read, write] {
            assert_eq!(answer.status.as_u16(), 503, "{}", answer.body);
            assert!(answer.headers.contains_key("retry-after"), "{}", answer.body);
        }
        keys.push(key);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(answers(&product, "/readyz").await, 503);
    postgres.start_again().await;
    wait_until_ready(&product).await;
    assert!(!keys.is_empty());
    for key in &keys {
        let again = admin
            .post_keyed("/api/v1/inventory/adjustments", key, &adjustment("USBC-1M"))
            .await;
        again.ok();
    }
    workers.wait_for(&workers.carried_out, WORKERS).await;
    let journals = workers.stop().await;
    check(&admin, "it-outage", &journals).await;
    drop(product);
    postgres.remove().await;
}

/// A door in front of a server: while it is shut, connections are cut and new ones are refused.
struct Door {
    port: u16,
    server: String,
    open: Option<JoinHandle<()>>,
}

impl Door {
    async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut door = Self {
            port: listener.local_addr().unwrap().port(),
            server: server.to_owned(),
            open: None,
        };
        door.serve(listener);
        door
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own task")]
    fn serve(&mut self, listener: TcpListener) {
        let server = self.server.clone();
        self.open = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut server = TcpStream::connect(&server).await.unwrap();
                connections.spawn(async move {
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        }));
    }

    async fn shut(&mut self) {
        let open = self.open.take().unwrap();
        open.abort();
        // The listener and all connections go with the task.
        assert!(open.await.unwrap_err().is_cancelled());
    }

    async fn open(&mut self) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 1], self.port).into()).unwrap();
        self.serve(socket.listen(64).unwrap());
    }
}

/// The position up to which NATS has the log, as the metrics say it.
async fn metric(product: &Product, name: &str) -> f64 {
    let url = product.demo["metrics_url"].as_str().unwrap();
    let text = http().get(url).send().await.unwrap().text().await.unwrap();
    let line = text
        .lines()
        .find(|line| line.split(' ').next() == Some(name))
        .unwrap_or_else(|| panic!("{name} is missing"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_goes_away_and_no_webhook_is_lost() {
    let nats = testkit::private_nats().await;
    let mut door = Door::before(nats.url().strip_prefix("nats://").unwrap()).await;
    let receiver = Receiver::start().await;
    let config = config(
        "no-nats",
        &format!("nats_url = \"nats://127.0.0.1:{}\"\n", door.port),
    );
    let allowed = receiver.address().to_string();
    let product = Product::start("no-nats", &["--config", &config, "--allow-outbound", &allowed]).await;
    let admin = product.client(TENANT, "admin").await;
    let endpoint = json!({ "name": "it-no-nats", "url": receiver.url("/hook"),
        "event_types": ["inventory.adjusted"], "payload": "full" });
    admin.post("/api/v1/webhooks/endpoints", &endpoint).await.ok();
    let workers = Workers::start(&admin, "it-no-nats").await;

    door.shut().await;
    let since = Instant::now();
    while since.elapsed() < outage(3) {
        admin.get("/api/v1/catalogue/items").await.ok();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        workers.turned_away.load(Ordering::Relaxed),
        0,
        "commands need no NATS"
    );
    let journals = workers.stop().await;
    door.open().await;
    let sent: usize = journals.iter().map(|journal| journal.acknowledged.len()).sum();
    let received = receiver
        .wait_until("every adjustment", |received| distinct(received) >= sent)
        .await;
    assert_eq!(distinct(&received), sent);
    check(&admin, "it-no-nats", &journals).await;
    let deadline = Instant::now() + RECOVERED_WITHIN;
    while metric(&product, RELAY_POSITION).await < metric(&product, "trastienda_log_head_position").await {
        assert!(
            Instant::now() < deadline,
            "the relay does not catch up:\n{}",
            product.log()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const RELAY_POSITION: &str = "trastienda_relay_position";

/// Different events among the deliveries.
fn distinct(received: &[testkit::receiver::Received]) -> usize {
    let ids: std::collections::BTreeSet<&str> = received
        .iter()
        .map(|one| one.header("webhook-id").unwrap())
        .collect();
    ids.len()
}
