//! `replay`: a month of a real retailer, sent as commands over HTTP, received as webhooks, reconciled to the penny.
//!
//! Every idempotency key derives from the file, so that a second run is answered from the first and adds nothing.
//! Catalogue and opening stock go in as files (`imports`). `orders` builds the commands, `pipeline` sends them in an order that cannot matter, `expected` counts the webhooks that
//! follow from them, `reconcile` compares.

mod expected;
mod imports;
mod orders;
mod pipeline;
mod progress;
mod reconcile;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;

use self::orders::{Order, Shop};
use self::pipeline::Sent;
use self::reconcile::Reconciliation;
use self::report::Report;
use crate::api::{self, Call};
use crate::client::{self, Client};
use crate::clock::Deadline;
use crate::demo::{self, Demo};
use crate::receiver::{self, DEFAULT_PORT, Receiver, Summary};
use crate::retail::file::RetailFile;
use crate::retail::plan::Plan;
use crate::signature::Secret;

/// The tenant that `up` keeps empty for this.
const TENANT: &str = "london";
const HOOK: &str = "/hook";
const EVENT_TYPES: &[&str] = &["sale.*", "inventory.*", "customer.*"];
/// How long one command is tried before the replay gives up; a restart of the product fits in.
const CALL_PATIENCE: Duration = Duration::from_secs(120);
/// From the last answer: read models and webhooks must be complete by then.
const QUIET_PATIENCE: Duration = Duration::from_secs(540);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Reads that must agree before the log counts as being at rest.
const STEADY_READS: usize = 3;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Invoice lines as CSV, plain or gzip.
    file: PathBuf,
    /// The product's address, instead of the one in demo.json.
    #[arg(long)]
    url: Option<String>,
    /// Written by `cargo xtask up`.
    #[arg(long, default_value = "./data/demo.json")]
    demo: PathBuf,
    /// Where webhooks are received; the product must be allowed to post there.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    receiver_port: u16,
    /// Commands under way at the same time.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=512))]
    concurrency: u16,
}

/// Replays and reconciles. True when everything agrees.
///
/// # Errors
/// When the file or demo.json cannot be read, or the product stops answering.
pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let demo = Demo::read(&arguments.demo)?;
    let file = RetailFile::read(&arguments.file)?;
    let prefix = format!("replay-{}", &file.sha256[..8]);
    let plan = Plan::new(file.lines);
    report::say(&report::opening(&plan));

    let state = demo::state_folder(&arguments.demo);
    let receiver = Receiver::start(receiver::Options {
        port: arguments.receiver_port,
        journal: Some(state.join(format!("{prefix}-webhooks.jsonl"))),
        ..receiver::Options::default()
    })
    .await?;
    let client = Client::new(client::Options {
        base_url: arguments
            .url
            .unwrap_or(demo.base_url.clone())
            .trim_end_matches('/')
            .to_owned(),
        tenant: TENANT.to_owned(),
        user: demo.tenant(TENANT)?.user("admin")?.clone(),
        reason: "Replay of a month of invoices".to_owned(),
        patience: CALL_PATIENCE,
        token_file: Some(state.join("token.json")),
    })?;
    let mut replay = Replay {
        client: &client,
        shop: Shop {
            prefix: &prefix,
            plan: &plan,
        },
        receiver: &receiver,
        concurrency: usize::from(arguments.concurrency),
        sent: Sent::default(),
    };
    let outcome = replay.run().await;
    receiver.stop().await?;
    let report = outcome?;
    report.print()?;
    Ok(report.is_right())
}

struct Replay<'a> {
    client: &'a Client,
    shop: Shop<'a>,
    receiver: &'a Receiver,
    concurrency: usize,
    sent: Sent,
}

impl Replay<'_> {
    async fn run(&mut self) -> anyhow::Result<Report> {
        let head_before = self.steady_head(0).await?;
        let received_before = self.receiver.summary(HOOK).received;
        let started = Instant::now();
        self.send("store and till", self.shop.premises()).await?;
        self.import("catalogue", imports::catalogue(self.shop)?).await?;
        let endpoint = self.create_endpoint().await?;
        self.import("opening stock", imports::opening_stock(self.shop)?)
            .await?;
        self.send("customers", self.shop.customers()).await?;
        self.send("sales, returns, write-offs", self.shop.documents()?)
            .await?;
        let seconds = started.elapsed().as_secs_f64();

        report::say("waiting for read models and webhooks");
        let deadline = Deadline::after(QUIET_PATIENCE);
        let (created_at, last_position) = (endpoint.position, self.sent.last_position);
        let ((statistics, received), webhooks_expected) = tokio::try_join!(
            self.webhooks_at_rest(&endpoint.endpoint_id, deadline),
            expected::webhooks(self.client, &endpoint.endpoint_id, created_at, last_position)
        )?;
        let reconciliation =
            Reconciliation::read(self.client, &self.shop.plan.expected, self.sent.last_position).await?;
        let head_after = self.steady_head(self.sent.last_position).await?;
        Ok(Report {
            lines: self.shop.plan.lines,
            unsendable: self.shop.plan.unsendable.clone(),
            sent: std::mem::take(&mut self.sent),
            reconciliation,
            webhooks_expected,
            statistics,
            received,
            received_before,
            head_before,
            head_after,
            seconds,
            seconds_in_all: started.elapsed().as_secs_f64(),
            sign_ins: self.client.sign_ins(),
            retries: self.client.retries(),
        })
    }

    async fn send(&mut self, what: &str, orders: Vec<Order<'_>>) -> anyhow::Result<()> {
        let sent = pipeline::send(self.client, what, orders, self.concurrency).await?;
        self.sent.add(sent);
        Ok(())
    }

    /// Uploads a file, and waits until all of it is carried out.
    async fn import(&mut self, what: &str, call: Call) -> anyhow::Result<()> {
        report::say(&format!("importing the {what}"));
        let accepted = self.client.accepted(&call).await?;
        self.sent.count(&accepted);
        self.sent.imported_rows += imports::carried_out(self.client, accepted).await?;
        Ok(())
    }

    /// After the catalogue and before anything that moves stock or money, so that it gets all of it.
    async fn create_endpoint(&mut self) -> anyhow::Result<api::Endpoint> {
        let call = api::create_endpoint("replay", &self.receiver.url(HOOK), EVENT_TYPES, 32)
            .keyed(format!("{}-endpoint", self.shop.prefix));
        let accepted = self.client.accepted(&call).await.context(
            "cannot create the webhook endpoint (a second run must use the same --receiver-port as the first)",
        )?;
        self.sent.count(&accepted);
        let endpoint: api::Endpoint = serde_json::from_value(accepted.body)
            .context("unexpected answer to the creation of an endpoint")?;
        self.receiver.add_hook(HOOK, Secret::parse(&endpoint.secret)?);
        Ok(endpoint)
    }

    /// The log's head: where the read models stand once they no longer move.
    async fn steady_head(&self, at_least: i64) -> anyhow::Result<i64> {
        let deadline = Deadline::after(QUIET_PATIENCE);
        let (mut head, mut agreeing) = (-1, 0);
        loop {
            let read = self.client.accepted(&api::tenant().at_least(at_least)).await?;
            let position = read.position().context("a read gives no position")?;
            agreeing = if position == head { agreeing + 1 } else { 1 };
            head = position;
            if agreeing >= STEADY_READS {
                return Ok(head);
            }
            anyhow::ensure!(
                deadline.pause(LOOK_EVERY * 3).await,
                "the log does not come to rest: others write to it"
            );
        }
    }

    /// Waits until the last event of the last command has come, and everything that matched was delivered. What is
    /// still missing at the deadline stays missing in the answer.
    async fn webhooks_at_rest(
        &self,
        endpoint_id: &str,
        deadline: Deadline,
    ) -> anyhow::Result<(api::EndpointStatistics, Summary)> {
        loop {
            // In this order: once the last event has come all are matched, so the later figures are the final ones.
            let received = self.receiver.summary(HOOK);
            let statistics: api::EndpointStatistics =
                self.client.read(&api::endpoint_statistics(endpoint_id)).await?;
            let complete = statistics.delivered == statistics.matched
                && received.received >= statistics.matched
                && received.highest_position >= self.sent.last_position;
            if complete || !deadline.pause(LOOK_EVERY).await {
                return Ok((statistics, received));
            }
        }
    }
}
