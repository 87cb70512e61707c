//! How many webhooks an endpoint had to get, counted from the audit trail.
//!
//! The dispatcher's own figure would shrink together with what is received if its matcher skipped an event, so it is
//! not asked here. The audit trail has one row per event; filters and start are the endpoint's, as it was created.

use anyhow::Context;

use super::EVENT_TYPES;
use crate::api::{self, AuditRow};
use crate::client::Client;
use crate::filter;

/// Events after the endpoint's creation that match its filters, as far as the trail goes once it holds `at_least`.
/// A second run counts from the same creation and so gets the same total.
///
/// # Errors
/// When the trail cannot be read, or does not go forward.
pub async fn webhooks(
    client: &Client,
    endpoint_id: &str,
    created_at: i64,
    at_least: i64,
) -> anyhow::Result<i64> {
    let call = api::audit(created_at + 1).at_least(at_least);
    let trail: Vec<AuditRow> = client.list(&call).await.context("cannot read the audit trail")?;
    count(&trail, endpoint_id, created_at)
}

fn count(trail: &[AuditRow], endpoint_id: &str, created_at: i64) -> anyhow::Result<i64> {
    let own_stream = format!("webhook/{endpoint_id}");
    let (mut expected, mut previous) = (0, created_at);
    for row in trail {
        // A row twice, or one from before, would make the count worthless.
        anyhow::ensure!(
            row.event_position > previous,
            "the audit trail goes from {previous} to {}",
            row.event_position
        );
        previous = row.event_position;
        let is_test = row.event_type == "webhook.test_requested" && row.stream == own_stream;
        expected += i64::from(is_test || filter::matches(EVENT_TYPES, &row.event_type));
    }
    Ok(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(rows: &[(i64, &str, &str)]) -> Vec<AuditRow> {
        let row = |(event_position, event_type, stream): &(i64, &str, &str)| AuditRow {
            event_position: *event_position,
            event_type: (*event_type).to_owned(),
            stream: (*stream).to_owned(),
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn what_matches_counts_and_a_test_only_for_its_own_endpoint() {
        let trail = trail(&[
            (8, "sale.completed", "sale/1"),
            (9, "inventory.issued", "stock/c/A"),
            (11, "catalogue.item_created", "item/A"),
            (12, "webhook.test_requested", "webhook/mine"),
            (13, "webhook.test_requested", "webhook/other"),
            (14, "customer.charged", "customer/1"),
        ]);
        assert_eq!(count(&trail, "mine", 7).unwrap(), 4);
    }

    #[test]
    fn a_trail_that_repeats_or_goes_back_is_no_evidence() {
        let repeated = trail(&[(8, "sale.completed", "sale/1"), (8, "sale.completed", "sale/1")]);
        assert!(count(&repeated, "mine", 7).is_err());
        assert!(count(&trail(&[(7, "sale.completed", "sale/1")]), "mine", 7).is_err());
    }
}
