//! Queries while the read models are rebuilt, switched and switched back under writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use poem::http::StatusCode;
use projector::groups::requests::{Action, Wish};
use tokio::task::JoinSet;

use crate::api::Api;
use crate::support::Log;
use crate::support::events::{issued, received};

/// Pieces that come in with the first event; each event after it takes one out.
const STOCK: i64 = 100_000;

/// Reads as a client that knows what it wrote, until told to stop; returns how often.
async fn read_on(api: Arc<Api>, written: Arc<AtomicI64>, stop: Arc<AtomicBool>) -> usize {
    let (mut last, mut reads) = (0, 0);
    while !stop.load(Ordering::SeqCst) {
        let known = written.load(Ordering::SeqCst);
        let path = format!("/api/v1/inventory/stock?min_position={known}");
        let (status, body) = api.get("t1", &path).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let position = body["position"].as_i64().unwrap();
        assert!(
            position >= known && position >= last,
            "{last} and {known}, then {position}"
        );
        assert_eq!(
            body["items"][0]["on_hand"].as_i64().unwrap(),
            STOCK - (position - 1),
            "all of an answer is of one position"
        );
        last = position;
        reads += 1;
    }
    reads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_query_fails_or_goes_backwards_while_groups_are_rebuilt_and_switched_under_writes() {
    let api = Arc::new(Api::new().await);
    let mut log = Log::new();
    let received = received("centro", "A", STOCK);
    log.append("t1", vec![("stock/centro/A", received)]).await;
    let (tasks, mut handle, head) = api.models.project(log.reader.clone());
    handle
        .position
        .wait_for(|position| position.0 == 1)
        .await
        .unwrap();
    let (written, stop) = (Arc::new(AtomicI64::new(1)), Arc::new(AtomicBool::new(false)));
    let mut readers = JoinSet::new();
    for _ in 0..3 {
        readers.spawn(read_on(Arc::clone(&api), Arc::clone(&written), Arc::clone(&stop)));
    }
    let (counted, until) = (Arc::clone(&written), Arc::clone(&stop));
    let mut writer = JoinSet::new();
    writer.spawn(async move {
        while !until.load(Ordering::SeqCst) {
            let event = issued("centro", "A", "s1");
            let position = log.append("t1", vec![("stock/centro/A", event)]).await;
            counted.store(position, Ordering::SeqCst);
            head.send_replace(schemas::Position(position));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    for action in [
        Action::Rebuild,
        Action::SwitchBack,
        Action::Rebuild,
        Action::SwitchBack,
    ] {
        let before = written.load(Ordering::SeqCst);
        let progress = api.models.request(Wish::new(action)).await;
        assert_eq!(progress.ok, Some(true), "{action:?}: {:?}", progress.outcome);
        // Writes and reads go on in the group that serves now.
        while written.load(Ordering::SeqCst) < before + 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    writer.join_all().await;
    for reads in readers.join_all().await {
        assert!(reads > 10, "{reads}");
    }
    tasks.stop(Duration::from_secs(10)).await.unwrap();
}
