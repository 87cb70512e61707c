//! The file's documents as commands with their idempotency keys, and what each must wait for.

use anyhow::Context;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::api::{self, Call, Credit, SaleLine, Ticket};
use crate::retail::plan::{Document, DocumentKind, Plan, is_service};

pub(super) const STORE: &str = "london-1";
const TERMINAL: &str = "london-1-till-1";
/// The shop's business days; its times carry no zone.
const TIME_ZONE: &str = "Europe/London";

/// One command to send.
pub struct Order<'a> {
    pub call: Call,
    /// Commands that share one of these are sent one after the other, in order.
    pub resources: Vec<Resource<'a>>,
    /// The file's document behind it, to list its lines if it is refused.
    pub document: Option<&'a Document>,
}

/// What a command changes: two that change the same are not under way together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource<'a> {
    Stock(&'a str),
    Customer(&'a str),
}

/// The shop that the plan describes.
#[derive(Clone, Copy)]
pub struct Shop<'a> {
    /// Of every key; names the file.
    pub prefix: &'a str,
    pub plan: &'a Plan,
}

impl<'a> Shop<'a> {
    fn order(self, call: Call, key: &str) -> Order<'a> {
        Order {
            call: call.keyed(format!("{}-{key}", self.prefix)),
            resources: Vec::new(),
            document: None,
        }
    }

    /// The till needs the store, so both are sent one after the other.
    pub fn premises(self) -> Vec<Order<'a>> {
        let mut orders = vec![
            self.order(api::open_store(STORE, "London shop"), "store"),
            self.order(
                api::register_terminal(TERMINAL, STORE, "London till 1"),
                "terminal",
            ),
        ];
        orders
            .iter_mut()
            .for_each(|order| order.resources.push(Resource::Stock("")));
        orders
    }

    pub fn customers(self) -> Vec<Order<'a>> {
        let order = |id: &String| {
            let call = api::register_customer(id, "company", &format!("Customer {id}"), Credit::Unlimited);
            self.order(call, &format!("customer-{id}"))
        };
        self.plan.customers.iter().map(order).collect()
    }

    /// Sales, returns and write-offs in time order.
    ///
    /// # Errors
    /// When a local time does not exist in any zone database's eyes.
    pub fn documents(self) -> anyhow::Result<Vec<Order<'a>>> {
        let zone = TimeZone::get(TIME_ZONE).context("the zone database has no London")?;
        self.plan
            .documents
            .iter()
            .map(|document| self.document(document, &zone))
            .collect()
    }

    fn document(self, document: &'a Document, zone: &TimeZone) -> anyhow::Result<Order<'a>> {
        let occurred_at = instant(document.at, zone)?;
        let lines: Vec<SaleLine> = document.lines.iter().map(sale_line).collect();
        let total = document.net_minor().abs();
        let method = if document.customer.is_some() {
            "credit"
        } else {
            "cash"
        };
        let ticket = Ticket {
            id: &document.invoice,
            store: STORE,
            terminal: Some(TERMINAL),
            customer_id: document.customer.as_deref(),
            lines: &lines,
            money: (total != 0).then_some((method, total)),
            occurred_at: Some(&occurred_at),
        };
        let (call, name) = match document.kind {
            DocumentKind::Sale => (api::complete_sale(&ticket), "sale"),
            DocumentKind::Return => (api::return_goods(&ticket), "return"),
            DocumentKind::WriteOff => (write_off(document), "write-off"),
        };
        let mut order = self.order(call, &format!("{name}-{}", document.invoice));
        let counted = document.lines.iter().filter(|line| !is_service(&line.code));
        order
            .resources
            .extend(counted.map(|line| Resource::Stock(&line.code)));
        order
            .resources
            .extend(document.customer.as_deref().map(Resource::Customer));
        order.document = Some(document);
        Ok(order)
    }
}

fn write_off(document: &Document) -> Call {
    let cause = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
    let causes: Vec<Option<String>> = document
        .lines
        .iter()
        .map(|line| cause(&line.description))
        .collect();
    let lines: Vec<(&str, i64, Option<&str>)> = document
        .lines
        .iter()
        .zip(&causes)
        .map(|(line, cause)| (line.code.as_str(), -line.quantity, cause.as_deref()))
        .collect();
    api::write_off(STORE, &lines)
}

/// A line whose unit price is no whole number of minor units is sold a little dearer and discounted to its amount.
fn sale_line(line: &crate::retail::file::Line) -> SaleLine {
    let quantity = line.quantity.abs();
    let amount = line.price.amount_minor(quantity);
    let mut unit_price_minor = line.price.unit_minor();
    if unit_price_minor * quantity < amount {
        unit_price_minor += 1;
    }
    SaleLine {
        sku: line.code.clone(),
        quantity,
        unit_price_minor,
        discount_minor: unit_price_minor * quantity - amount,
    }
}

/// A local time as RFC 3339 in UTC.
fn instant(at: DateTime, zone: &TimeZone) -> anyhow::Result<String> {
    let zoned = at
        .to_zoned(zone.clone())
        .with_context(|| format!("{at} is no time in London"))?;
    Ok(zoned.timestamp().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retail::file::parse;

    fn plan(rows: &str) -> Plan {
        let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
        Plan::new(parse(format!("{header}{rows}").as_bytes()).unwrap())
    }

    fn bodies(plan: &Plan) -> Vec<(String, serde_json::Value)> {
        let shop = Shop {
            prefix: "replay-0",
            plan,
        };
        let orders = shop.documents().unwrap();
        orders
            .into_iter()
            .map(|order| (order.call.path, order.call.body.unwrap()))
            .collect()
    }

    #[test]
    fn a_customer_buys_on_credit_at_the_time_of_london() {
        let plan = plan("536365,85123A,Holder,6,2010-12-01T08:26:00,2.55,17850,UK\n");
        let (path, body) = bodies(&plan).remove(0);
        assert_eq!(path, "/api/v1/pos/sale");
        assert_eq!(body["sale_id"], "536365");
        assert_eq!(body["occurred_at"], "2010-12-01T08:26:00Z");
        assert_eq!(
            body["payments"],
            serde_json::json!([{ "method": "credit", "amount_minor": 1530 }])
        );
        let summer = instant(
            "2011-07-01T08:26:00".parse().unwrap(),
            &TimeZone::get(TIME_ZONE).unwrap(),
        )
        .unwrap();
        assert_eq!(summer, "2011-07-01T07:26:00Z");
    }

    #[test]
    fn a_walk_in_gets_cash_back_and_nothing_is_paid_for_what_is_free() {
        let plan = plan(
            "C2,A,Lamp,-2,2010-12-01T09:00:00,1.25,,UK\n\
             3,A,Lamp,1,2010-12-01T10:00:00,0,,UK\n\
             4,A,damaged,-1,2010-12-01T11:00:00,0,,UK\n",
        );
        let bodies = bodies(&plan);
        assert_eq!(
            bodies[0].1["refunds"],
            serde_json::json!([{ "method": "cash", "amount_minor": 250 }])
        );
        assert_eq!(bodies[0].1["lines"][0]["quantity"], 2);
        assert_eq!(bodies[1].1["payments"], serde_json::json!([]));
        assert_eq!(bodies[2].0, "/api/v1/inventory/write-offs");
        assert_eq!(bodies[2].1["lines"][0]["cause"], "damaged");
    }

    #[test]
    fn a_price_between_two_pennies_comes_to_the_rounded_amount() {
        let plan =
            plan("1,A,Lamp,10,2010-12-01T10:00:00,2.344,,UK\n2,A,Lamp,10,2010-12-01T10:00:00,2.346,,UK\n");
        for (order, total) in bodies(&plan).iter().zip([2_344, 2_346]) {
            let line = &order.1["lines"][0];
            let gross = line["unit_price_minor"].as_i64().unwrap() * 10;
            assert_eq!(gross - line["discount"]["amount_minor"].as_i64().unwrap(), total);
        }
    }
}
