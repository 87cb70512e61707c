//! Reservations and their lines; and who keeps what of each shelf.
//!
//! A reservation keeps exactly its lines for as long as it is pending or confirmed, and nothing afterwards: the shelf's
//! own events are compared with that once the log is read.

use std::collections::HashMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::findings::Findings;
use super::{Fact, Folded, Key, get, number};

/// Pieces by tenant, store, item and holder.
#[derive(Debug, Default)]
pub(super) struct Held(HashMap<Key, i64>);

impl Held {
    /// What holders whose names begin so keep of each shelf.
    pub fn of_holders<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (Key, i64)> + 'a {
        let held = self.0.iter().filter(move |(key, _)| key[3].starts_with(prefix));
        held.map(|(key, quantity)| (key.clone(), *quantity))
    }

    /// A holder keeps more of a shelf, or less; never less than nothing.
    pub fn moved(&mut self, fact: &Fact<'_>, quantity: i64, findings: &mut Findings) {
        let key = fact.key(&[fact.text("store"), fact.text("sku"), fact.text("holder")]);
        let held = self.0.entry(key).or_default();
        *held += quantity;
        if *held < 0 {
            let (position, holder) = (fact.event.position, fact.text("holder"));
            findings.error(
                "reservations",
                format!("position {position}: {holder} gives back more than it keeps"),
            );
        }
    }
}

impl Folded {
    pub(super) fn reservation(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let id = fact.text("reservation_id");
        if kind == "created" {
            return self.reserved(fact, findings);
        }
        let row = self.row("rm_reservations", fact.key(&[id]));
        let before = row
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or("none")
            .to_owned();
        let may_follow: &[&str] = match kind {
            "confirmed" | "expired" => &["pending"],
            "released" => &["pending", "confirmed"],
            "fulfilled" => &["confirmed"],
            _ => &[],
        };
        if !may_follow.contains(&before.as_str()) {
            let (position, tenant) = (fact.event.position, &fact.event.tenant);
            findings.error(
                "reservations",
                format!("position {position}: reservation {id} of {tenant} was {before} and is {kind}"),
            );
        }
        row.insert("status", json!(kind));
        row.insert("last_position", json!(fact.event.position));
        if kind == "fulfilled" {
            row.insert("sale_id", fact.value("sale_id"));
        }
        if kind == "expired" {
            self.take_lateness(fact, findings);
        }
    }

    /// How long after its time a reservation was over; never before.
    fn take_lateness(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let expires_at = OffsetDateTime::parse(fact.text("expires_at"), &Rfc3339);
        let expires_us = expires_at
            .ok()
            .and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000).ok());
        let position = fact.event.position;
        match expires_us.map(|expires_us| fact.event.recorded_us - expires_us) {
            Some(late_us) if late_us >= 0 => self.expired_late_us.push(late_us),
            Some(_) => findings.error(
                "reservations",
                format!("position {position}: an expiry before its time"),
            ),
            None => findings.error(
                "reservations",
                format!("position {position}: expires_at is no time"),
            ),
        }
    }

    fn reserved(&mut self, fact: &Fact<'_>, findings: &mut Findings) {
        let id = fact.text("reservation_id");
        for line in fact.list("lines") {
            let key = fact.key(&[id, &number(line, "line").to_string()]);
            let row = self.row("rm_reservation_lines", key);
            for column in ["sku", "unit", "quantity"] {
                row.insert(column, line.get(column).cloned().unwrap_or(Value::Null));
            }
        }
        let row = self.row("rm_reservations", fact.key(&[id]));
        if !row.is_empty() {
            findings.error(
                "doubled",
                format!("reservation {id} of {} is made twice", fact.event.tenant),
            );
        }
        for column in ["store", "customer_id"] {
            row.insert(column, fact.value(column));
        }
        row.insert("status", json!("pending"));
        row.insert("sale_id", Value::Null);
        for column in ["created_position", "last_position"] {
            row.insert(column, json!(fact.event.position));
        }
    }

    /// What reservations keep is what shelves say that they keep, to the piece, and the holders of a shelf together
    /// keep what is reserved there.
    pub(in super::super) fn check_held(&self, findings: &mut Findings) {
        let mut differences: HashMap<Key, i64> = HashMap::new();
        let mut reserved: HashMap<&[String], i64> = HashMap::new();
        for (key, quantity) in &self.held.0 {
            *reserved.entry(&key[..3]).or_default() += quantity;
            if key[3].starts_with("reservation/") {
                differences.insert(key.clone(), *quantity);
            }
        }
        let none = HashMap::new();
        let reservations = self.tables.get("rm_reservations").unwrap_or(&none);
        for (key, line) in self.tables.get("rm_reservation_lines").unwrap_or(&none) {
            let (tenant, id) = (&key[0], &key[1]);
            let Some(row) = reservations.get(&key[..2]) else {
                continue;
            };
            if !matches!(text_of(row.get("status")), "pending" | "confirmed") {
                continue;
            }
            let (store, sku) = (text_of(row.get("store")), text_of(line.get("sku")));
            let holder = format!("reservation/{id}");
            let key = vec![tenant.clone(), store.to_owned(), sku.to_owned(), holder];
            *differences.entry(key).or_default() -= get(line, "quantity");
        }
        for (key, difference) in differences.iter().filter(|(_, difference)| **difference != 0) {
            findings.error(
                "reservations",
                format!("{key:?} keeps {difference} more than the reservation says"),
            );
        }
        for (key, row) in self.tables.get("rm_stock").unwrap_or(&none) {
            let (figure, held) = (get(row, "reserved"), reserved.get(&key[..]).copied().unwrap_or(0));
            if figure != held {
                findings.error(
                    "reservations",
                    format!("{figure} of {key:?} are reserved, and the holders keep {held}"),
                );
            }
        }
        findings.add("reservations", reservations.len());
        let mut late_us = self.expired_late_us.clone();
        late_us.sort_unstable();
        if let Some(p99_us) = late_us.get((late_us.len() * 99).div_ceil(100).max(1) - 1) {
            findings.add("reservations_expired", late_us.len());
            findings.set("expiry_late_p99_ms", p99_us / 1_000);
        }
    }
}

fn text_of(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}
