//! Webhooks: a backlog of matched events to one receiver, beside a bare loop of signed POSTs to the same receiver; and how
//! long a single command's webhook takes while nothing else happens.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use lab::clock::Deadline;
use sha2::Sha256;

use crate::histogram::{Latencies, rate};
use crate::http::{Load, Until};
use crate::product::Product;
use crate::receiver::Receiver;
use crate::shop::Shop;
use crate::sizes::CONNECTIONS;

const DRAIN_PATIENCE: Duration = Duration::from_secs(120);
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Between two single commands, so that everything that follows the log has gone back to sleep.
const IDLE: Duration = Duration::from_millis(15);
/// Single commands before the first that counts: connections are opened, keys are read.
const WARM_UP: u32 = 5;

/// What a block measured.
#[derive(Debug, Clone, Copy)]
pub struct Delivered {
    /// Deliveries per second, from the answer to the resume to the last arrival.
    pub rate: f64,
    /// The bare loop's, mean of before and after.
    pub bare: f64,
}

impl Delivered {
    pub fn ratio(self) -> f64 {
        self.rate / self.bare
    }
}

/// An endpoint with a backlog that nobody has sent yet.
pub struct Backlog<'a> {
    shop: &'a Shop,
    receiver: &'a Receiver,
    endpoint_id: String,
    length: u64,
}

impl<'a> Backlog<'a> {
    /// Pauses a new endpoint and lets `length` matching events happen.
    ///
    /// # Errors
    /// When the product refuses, or the events are not matched in time.
    pub async fn build(
        product: &Product,
        shop: &'a Shop,
        receiver: &'a Receiver,
        name: &str,
        length: u32,
        numbers: &Arc<AtomicU64>,
    ) -> anyhow::Result<Self> {
        let url = format!("http://{}/bench", receiver.address);
        let endpoint_id = shop.paused_endpoint(name, &url, i64::from(CONNECTIONS)).await?;
        product.settle().await?;
        let requests = shop.requests().await?;
        let load = Load {
            address: product.address,
            connections: CONNECTIONS,
            until: Until::Count(u64::from(length)),
            numbers: Arc::clone(numbers),
            write: Arc::new(move |number, out| requests.adjust(number, out)),
        };
        load.run().await?;
        product.settle().await?;
        let backlog = Self {
            shop,
            receiver,
            endpoint_id,
            length: u64::from(length),
        };
        let deadline = Deadline::after(DRAIN_PATIENCE);
        while backlog.held().await? < backlog.length {
            ensure!(
                deadline.pause(LOOK_EVERY).await,
                "the backlog is not matched in time"
            );
        }
        Ok(backlog)
    }

    async fn held(&self) -> anyhow::Result<u64> {
        let statistics = self.shop.statistics(&self.endpoint_id).await?;
        Ok(u64::try_from(statistics.held)?)
    }

    /// Resumes the endpoint and waits for everything.
    ///
    /// # Errors
    /// When it does not arrive within two minutes.
    pub async fn drain(&self) -> anyhow::Result<Delivered> {
        // Before any delivery there is no sample of a body, so the first loop sends one of the same length.
        let before = bare_loop(self.receiver, self.length).await?;
        let expected = self.receiver.expect(self.length);
        let resumed = Instant::now();
        self.shop
            .endpoint(&self.endpoint_id, reqwest::Method::POST, "/resume")
            .await?;
        let arrived = expected.arrived(DRAIN_PATIENCE).await?;
        let after = bare_loop(self.receiver, self.length).await?;
        self.wait_until_recorded().await?;
        Ok(Delivered {
            rate: rate(self.length, arrived - resumed),
            bare: f64::midpoint(before, after),
        })
    }

    /// Every delivery is recorded, and none was sent twice.
    async fn wait_until_recorded(&self) -> anyhow::Result<()> {
        let deadline = Deadline::after(DRAIN_PATIENCE);
        loop {
            let statistics = self.shop.statistics(&self.endpoint_id).await?;
            if u64::try_from(statistics.delivered)? >= self.length {
                return Ok(());
            }
            ensure!(
                deadline.pause(LOOK_EVERY).await,
                "not all deliveries are recorded: {statistics:?}"
            );
        }
    }

    /// One command at a time on the idle, active endpoint: from sending it to the arrival of its webhook.
    ///
    /// # Errors
    /// When one does not arrive within 30 s.
    pub async fn single(&self, samples: u32, block: usize) -> anyhow::Result<Latencies> {
        let mut latencies = Latencies::new()?;
        for number in 0..samples + WARM_UP {
            tokio::time::sleep(IDLE).await;
            let expected = self.receiver.expect(1);
            let sent = Instant::now();
            self.shop
                .adjust(&format!("bench-single-{block}-{number}"))
                .await?;
            let arrived = expected.arrived(WEBHOOK_PATIENCE).await?;
            if number >= WARM_UP {
                latencies.record(arrived.saturating_duration_since(sent));
            }
        }
        Ok(latencies)
    }

    /// Deletes the endpoint, so that it costs the next block nothing.
    ///
    /// # Errors
    /// When the product refuses.
    pub async fn end(self) -> anyhow::Result<()> {
        self.shop
            .endpoint(&self.endpoint_id, reqwest::Method::DELETE, "")
            .await?;
        Ok(())
    }
}

/// Signed POSTs with nothing around them: 64 in flight, a fresh id, timestamp and signature each, no row read or written.
async fn bare_loop(receiver: &Receiver, count: u64) -> anyhow::Result<f64> {
    let body = receiver
        .sample()
        .unwrap_or_else(|| vec![b'x'; TYPICAL_BODY_BYTES]);
    let host = receiver.address;
    let key = <Hmac<Sha256> as KeyInit>::new_from_slice(&[7; 32]).context("a key of any length will do")?;
    let load = Load {
        address: host,
        connections: CONNECTIONS,
        until: Until::Count(count),
        numbers: Arc::default(),
        write: Arc::new(move |number, out| {
            let id = format!("msg_{number:032x}");
            let now = lab::clock::now().unix_timestamp();
            let mut mac = key.clone();
            mac.update(format!("{id}.{now}.").as_bytes());
            mac.update(&body);
            let signature = STANDARD.encode(mac.finalize().into_bytes());
            let head = format!(
                "POST /bench HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/cloudevents+json\r\nwebhook-id: {id}\
                 \r\nwebhook-timestamp: {now}\r\nwebhook-signature: v1,{signature}\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(&body);
        }),
    };
    let measured = load.run().await?;
    Ok(rate(measured.answered, measured.took))
}

/// A stock adjustment as a CloudEvent.
const TYPICAL_BODY_BYTES: usize = 480;
