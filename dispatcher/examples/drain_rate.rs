//! Measures what a delivery costs: `drain_rate [DELIVERIES] [ROUNDS]`. A backlog waits for a paused endpoint; after the
//! resume everything goes to a receiver that only counts.
//!
//! Not a test, and not the bench (`cargo xtask bench --only deliveries` measures the whole product beside a bare loop):
//! this needs no other service and prints processor time, which says the same however busy the machine is.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "a program that prints figures, on the tests' world"
)]

#[path = "../tests/it/support.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use dispatcher::DispatcherOptions;
use schemas::events::WebhookEvent;
use schemas::events::webhook::{EndpointPaused, EndpointResumed, StartFrom};
use support::{World, endpoint_id, items, settings, until};

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// Answers 204 on every connection, each on a thread of its own, named so that its time is not the dispatcher's.
fn receiver(counter: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move |mut stream: TcpStream, counter: Arc<AtomicUsize>| {
        stream.set_nodelay(true).unwrap();
        let mut buffer = vec![0; 65_536];
        let mut filled = 0;
        while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]) {
            filled += read;
            // One request at a time on a connection: it is whole when its JSON document is.
            if buffer[..filled].ends_with(b"}") {
                filled = 0;
                counter.fetch_add(1, Ordering::Relaxed);
                if stream.write_all(ANSWER).is_err() {
                    return;
                }
            }
        }
    };
    std::thread::Builder::new()
        .name("receiver".to_owned())
        .spawn(move || {
            for stream in listener.incoming() {
                let counter = Arc::clone(&counter);
                let stream = stream.unwrap();
                let thread = std::thread::Builder::new().name("receiver".to_owned());
                thread.spawn(move || serve(stream, counter)).unwrap();
            }
        })
        .unwrap();
    port
}

/// Seconds of processor time of threads and processes whose name passes.
fn seconds(folder: &str, wanted: impl Fn(&str) -> bool) -> f64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("stat")).ok()?;
        let name = text.split_once('(')?.1.rsplit_once(')')?.0.to_owned();
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
        wanted(&name).then_some((ticks(11)? + ticks(12)?) / 100.0)
    };
    entries.filter_map(|entry| of(entry.path())).sum()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<usize>().unwrap());
    let deliveries = arguments.next().unwrap_or(30_000);
    let rounds = arguments.next().unwrap_or(3);
    let mut world = World::new("drain_rate").await;
    let counter = Arc::new(AtomicUsize::new(0));
    let port = receiver(Arc::clone(&counter));
    world.allow(port);
    let mut wanted = settings(&format!("http://127.0.0.1:{port}/bench"), &["catalogue.*"]);
    wanted.concurrency = 64;
    world.endpoint("e", wanted, StartFrom::Now).await;
    let dispatcher = world
        .dispatcher_without_broker(DispatcherOptions::default())
        .await;
    let count = f64::from(u32::try_from(deliveries).unwrap());
    for round in 1..=rounds {
        let paused = WebhookEvent::from(EndpointPaused {
            endpoint_id: endpoint_id("e"),
        });
        world.append(paused.into()).await;
        let own = || seconds("/proc/self/task", |name| name.starts_with("tokio"));
        let postgres = || seconds("/proc", |name| name == "postgres");
        let before = (own(), postgres());
        for _ in 0..deliveries / 1_000 {
            world.append_all(items(1_000)).await;
        }
        let length = i64::try_from(deliveries / 1_000 * 1_000).unwrap();
        until(|| async { world.count("held").await == length }).await;
        let matched = (own(), postgres());
        let goal = counter.load(Ordering::Relaxed) + deliveries / 1_000 * 1_000;
        let resumed = WebhookEvent::from(EndpointResumed {
            endpoint_id: endpoint_id("e"),
        });
        let began = Instant::now();
        world.append(resumed.into()).await;
        while counter.load(Ordering::Relaxed) < goal {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let took = began.elapsed();
        until(|| async { world.count("held").await == 0 && world.count("pending").await == 0 }).await;
        let sent = (own(), postgres());
        let us = |from: f64, to: f64| (to - from) * 1e6 / count;
        println!(
            "round {round}: {:.0}/s; us per delivery: sending {:.1} own, {:.1} postgres; matching {:.1} own, {:.1} postgres",
            count / took.as_secs_f64(),
            us(matched.0, sent.0),
            us(matched.1, sent.1),
            us(before.0, matched.0),
            us(before.1, matched.1),
        );
    }
    dispatcher.stop().await;
}
