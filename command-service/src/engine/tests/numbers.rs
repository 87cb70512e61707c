//! Numbers of documents through the engine: batches, repeated keys, refusals, and appends whose outcome nobody knows.

use std::collections::HashMap;

use domain::admin::SetNumbering;
use domain::sales::{CompleteSale, PaymentRequest};
use schemas::events::SaleEvent;
use schemas::events::sale::{DraftLine, PaymentMethod};
use schemas::events::settings::{Series, SettingsEvent};
use schemas::{Event, RecordedEvent};

use super::*;

/// A sale of so many pieces at 100 each.
fn sell(key: &str, pieces: i64) -> Submission {
    let line = DraftLine {
        sku: Some(Sku::new("CABLE").unwrap()),
        unit: None,
        quantity: Quantity::new(pieces).unwrap(),
        unit_price_minor: None,
        discount: None,
    };
    let payment = PaymentRequest {
        method: PaymentMethod::Cash,
        amount_minor: Minor::new(100 * pieces).unwrap(),
        reference: None,
    };
    let sale = CompleteSale {
        sale_id: None,
        store: StoreId::new("centro").unwrap(),
        terminal: None,
        customer_id: None,
        lines: vec![line],
        discount: None,
        payments: vec![payment],
        reservation_id: None,
        occurred_at: None,
    };
    submission(TENANT, Some(key), sale)
}

async fn numbered_shop(bench: &Bench) {
    bench.open_shop(TENANT, 1_000).await;
    let numbers = SetNumbering {
        series: Series::Receipt,
        prefix: "F-".to_owned(),
        next: 1,
        digits: 4,
    };
    bench.accept(submission(TENANT, None, numbers)).await;
}

/// Submits all of these so that they are decided in as few batches as possible.
async fn together(bench: &Bench, sales: Vec<Submission>) -> Vec<Reply> {
    let closed = bench.close_gate().await;
    let all = join_all(sales.into_iter().map(|sale| bench.engine.submit(sale)));
    let (replies, ()) = tokio::join!(all, async {
        settle().await;
        drop(closed);
    });
    replies.into_iter().map(|reply| reply.unwrap()).collect()
}

fn number_in(reply: &Reply) -> Option<String> {
    let Reply::Accepted { answer, .. } = reply else {
        return None;
    };
    let answer: serde_json::Value = serde_json::from_str(answer.get()).unwrap();
    Some(answer["number"].as_str().expect("a number").to_owned())
}

/// The numbers that the log's sales carry, in order, which must be those that were taken, without a hole.
async fn numbers_in(log: &MemoryLog) -> Vec<String> {
    let events = log.read_all(Position::START, 10_000).await.unwrap();
    let (mut taken, mut carried) = (HashMap::new(), Vec::new());
    for event in events.iter().map(|event: &RecordedEvent| event.event().unwrap()) {
        match event {
            Event::Settings(SettingsEvent::NumberTaken(number)) => {
                assert_eq!(number.count, i64::try_from(taken.len()).unwrap() + 1);
                assert!(taken.insert(number.document, number.number).is_none());
            }
            Event::Sale(SaleEvent::Completed(sale)) => {
                let number = sale.number.expect("a number");
                assert_eq!(taken.get(&format!("sale/{}", sale.sale_id)), Some(&number));
                carried.push(number);
            }
            _ => {}
        }
    }
    assert_eq!(carried.len(), taken.len());
    carried
}

#[tokio::test]
async fn two_sales_of_one_batch_take_two_numbers_and_a_refused_one_between_them_none() {
    let bench = Bench::fresh();
    numbered_shop(&bench).await;
    let replies = together(&bench, vec![sell("a", 1), sell("b", 5_000), sell("c", 1)]).await;
    assert!(bench.largest.load(Ordering::SeqCst) > 1, "they shared a batch");
    let numbers: Vec<Option<String>> = replies.iter().map(number_in).collect();
    assert_eq!(
        numbers,
        [Some("F-0001".to_owned()), None, Some("F-0002".to_owned())]
    );
    assert_eq!(numbers_in(&bench.log).await, ["F-0001", "F-0002"]);
}

/// A sequence that is the same in every run.
fn shuffled(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[tokio::test]
async fn a_storm_of_sales_refusals_repetitions_and_lost_appends_leaves_neither_hole_nor_double() {
    for seed in 1..=6 {
        let mut state = seed;
        let options = EngineOptions {
            // Repeated keys are found by the append, in the middle of a batch.
            cautious_for: Duration::ZERO,
            ..EngineOptions::default()
        };
        let bench = Bench::start(&MemoryLog::new(), &[], options);
        numbered_shop(&bench).await;
        let mut answered: HashMap<String, Option<String>> = HashMap::new();
        for round in 0..8 {
            let mut known: Vec<String> = answered.keys().cloned().collect();
            known.sort();
            let mut keys: Vec<String> = (0..20).map(|number| format!("{round}-{number}")).collect();
            for key in &mut keys {
                if !known.is_empty() && shuffled(&mut state).is_multiple_of(4) {
                    let place = usize::try_from(shuffled(&mut state)).unwrap() % known.len();
                    *key = known.swap_remove(place);
                }
            }
            match shuffled(&mut state) % 3 {
                0 => bench.log.fail_next(Fault::LostBeforeCommit),
                1 => bench.log.fail_next(Fault::LostAfterCommit),
                _ => {}
            }
            // Every third key asks for more than there is.
            let too_much = |key: &str| key.bytes().map(u32::from).sum::<u32>().is_multiple_of(3);
            let sales = keys
                .iter()
                .map(|key| sell(key, if too_much(key) { 5_000 } else { 1 }));
            let replies = together(&bench, sales.collect()).await;
            for (key, reply) in keys.into_iter().zip(&replies) {
                let number = number_in(reply);
                assert_eq!(number.is_none(), too_much(&key));
                let before = answered.insert(key, number.clone());
                assert!(
                    before.is_none_or(|before| before == number),
                    "the same answer again"
                );
            }
        }
        let mut said: Vec<String> = answered.into_values().flatten().collect();
        said.sort();
        assert_eq!(said, numbers_in(&bench.log).await);
    }
}
