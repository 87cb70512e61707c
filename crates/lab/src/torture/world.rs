//! What the load works on, per tenant: a store of its own, items with much and with little stock, customers, a hook.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context;

use super::fleet::Fleet;
use crate::api::{self, Call, Credit};
use crate::client::{self, Accepted, Answer, Client};
use crate::clock::Deadline;
use crate::journal::Journal;
use crate::receiver::Receiver;
use crate::signature::Secret;
use crate::verify::Ack;

/// Longer than any recovery.
const CALL_PATIENCE: Duration = Duration::from_secs(240);
/// Longer than any answer of a process that is not halted.
const REQUEST_PATIENCE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
const EVENT_TYPES: &[&str] = &["sale.*", "inventory.*", "customer.*"];
pub(super) const STORE: &str = "torture";
pub(super) const TERMINAL: &str = "torture-1";
pub(super) const ITEMS: usize = 24;
/// The last ones have little stock, so that the rules refuse some sales.
const SCARCE_ITEMS: usize = 4;
pub(super) const CUSTOMERS: usize = 12;
const MUCH: i64 = 20_000;
const LITTLE: i64 = 10;
/// Little enough that some credit sales are refused.
const CREDIT_LIMIT_MINOR: i64 = 400_000;

/// One tenant under load.
pub(super) struct World {
    pub tenant: String,
    pub client: Client,
    pub endpoint_id: String,
    pub hook: String,
    last_position: AtomicI64,
}

pub(super) fn sku(number: usize) -> String {
    format!("TORTURE-{number:02}")
}

pub(super) fn customer(number: usize) -> String {
    format!("torture-{number:02}")
}

/// In minor units.
pub(super) fn price_minor(number: usize) -> i64 {
    500 + 25 * i64::try_from(number).unwrap_or(0)
}

/// Signs in to each tenant and creates what the load needs.
pub(super) async fn build(
    fleet: &Fleet,
    tenants: &[&str],
    seed: u64,
    receiver: &Receiver,
    acks: &Journal,
) -> anyhow::Result<Vec<World>> {
    let mut worlds = Vec::new();
    for tenant in tenants {
        let client = Client::new(client::Options {
            base_url: fleet.demo.base_url.clone(),
            tenant: (*tenant).to_owned(),
            user: fleet.demo.tenant(tenant)?.user("admin")?.clone(),
            reason: "torture".to_owned(),
            patience: CALL_PATIENCE,
            token_file: None,
        })?
        .routed(fleet.routes.clone())
        .hasty(REQUEST_PATIENCE, LONGEST_PAUSE)?;
        let mut world = World {
            tenant: (*tenant).to_owned(),
            client,
            endpoint_id: String::new(),
            hook: format!("/torture/{tenant}"),
            last_position: AtomicI64::new(0),
        };
        world
            .furnish(seed, receiver, acks)
            .await
            .with_context(|| format!("cannot furnish {tenant}"))?;
        worlds.push(world);
    }
    Ok(worlds)
}

impl World {
    /// The highest position that this tenant was answered.
    pub(super) fn last_position(&self) -> i64 {
        self.last_position.load(Ordering::Relaxed)
    }

    /// Sends a command until it is answered, and journals the answer.
    pub(super) async fn ask(&self, call: Call, acks: &Journal) -> anyhow::Result<Answer> {
        let key = call.key.clone().context("every command of the load has a key")?;
        let answer = self.client.call(&call).await?;
        let mut ack = Ack {
            tenant: self.tenant.clone(),
            key,
            status: 200,
            position: None,
            code: None,
        };
        match &answer {
            Answer::Accepted(accepted) => {
                ack.position = accepted.position();
                self.last_position
                    .fetch_max(ack.position.unwrap_or(0), Ordering::Relaxed);
            }
            Answer::Refused(refused) => {
                ack.status = refused.status;
                ack.code = Some(refused.code.clone());
            }
        }
        acks.write(&ack).await?;
        Ok(answer)
    }

    /// One small command that changes something; answers its position.
    pub(super) async fn probe(&self, key: String, acks: &Journal) -> anyhow::Result<i64> {
        let adjust = api::adjust_stock(STORE, &sku(0), 1, "probe");
        let accepted = self.must(adjust.keyed(key), acks).await?;
        accepted.position().context("an answer without a position")
    }

    pub(super) async fn must(&self, call: Call, acks: &Journal) -> anyhow::Result<Accepted> {
        let path = call.path.clone();
        match self.ask(call, acks).await? {
            Answer::Accepted(accepted) => Ok(accepted),
            Answer::Refused(refused) => Err(anyhow::Error::new(refused).context(path)),
        }
    }

    /// Waits until the read models hold the last answer, and the receiver has every delivery.
    pub(super) async fn wait_until_delivered(
        &self,
        receiver: &Receiver,
        deadline: Deadline,
        look_every: Duration,
    ) -> anyhow::Result<()> {
        let position = self.last_position();
        self.client.accepted(&api::tenant().at_least(position)).await?;
        loop {
            // In this order: once the last event has come all are matched.
            let received = receiver.summary(&self.hook);
            let statistics: api::EndpointStatistics = self
                .client
                .read(&api::endpoint_statistics(&self.endpoint_id))
                .await?;
            let is_quiet = statistics.delivered == statistics.matched
                && received.received >= statistics.matched
                && received.highest_position >= position;
            if is_quiet {
                return Ok(());
            }
            anyhow::ensure!(
                deadline.pause(look_every).await,
                "{} of {} deliveries, {} received up to position {}, not {position}",
                statistics.delivered,
                statistics.matched,
                received.received,
                received.highest_position
            );
        }
    }

    async fn furnish(&mut self, seed: u64, receiver: &Receiver, acks: &Journal) -> anyhow::Result<()> {
        let key = |name: &str| format!("torture-{seed:x}-{name}");
        self.must(api::open_store(STORE, "Torture").keyed(key("store")), acks)
            .await?;
        self.must(
            api::register_terminal(TERMINAL, STORE, "Torture 1").keyed(key("terminal")),
            acks,
        )
        .await?;
        let endpoint = api::create_endpoint("torture", &receiver.url(&self.hook), EVENT_TYPES, 16)
            .keyed(key("endpoint"));
        let endpoint: api::Endpoint = serde_json::from_value(self.must(endpoint, acks).await?.body)?;
        receiver.add_hook(&self.hook, Secret::parse(&endpoint.secret)?);
        self.endpoint_id = endpoint.endpoint_id;
        for number in 0..ITEMS {
            let sku = sku(number);
            let create = api::create_item(&sku, &format!("Thing {number}"), "counted", price_minor(number));
            self.must(create.keyed(key(&format!("item-{number}"))), acks)
                .await?;
            let stock = if number < ITEMS - SCARCE_ITEMS {
                MUCH
            } else {
                LITTLE
            };
            let receive = api::receive_stock(STORE, "torture", &[(&sku, stock)]);
            self.must(receive.keyed(key(&format!("stock-{number}"))), acks)
                .await?;
        }
        for number in 0..CUSTOMERS {
            let id = customer(number);
            let register = api::register_customer(
                &id,
                "person",
                &format!("Person {number}"),
                Credit::Limited(CREDIT_LIMIT_MINOR),
            );
            self.must(register.keyed(key(&format!("customer-{number}"))), acks)
                .await?;
        }
        Ok(())
    }
}
