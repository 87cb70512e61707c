//! Propagation, and an export to a collector that listens on a real socket.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn in_a_traced_process<T>(work: impl FnOnce() -> T) -> T {
    let provider = SdkTracerProvider::builder().build();
    let subscriber = tracing_subscriber::registry().with(traces(&provider, "test"));
    tracing::subscriber::with_default(subscriber, work)
}

#[test]
fn a_remote_parent_gives_its_trace_to_the_span_within() {
    in_a_traced_process(|| {
        let span = tracing::info_span!("request");
        set_parent_from(PARENT, &span);
        let traceparent = span.in_scope(current_traceparent).unwrap();
        assert!(
            traceparent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"),
            "{traceparent}"
        );
        assert_ne!(traceparent, PARENT);
    });
}

#[test]
fn a_malformed_parent_starts_a_trace_of_our_own() {
    in_a_traced_process(|| {
        for malformed in [
            "",
            "00-0-0-01",
            "00-00000000000000000000000000000000-0000000000000000-01",
            "ñ",
        ] {
            let span = tracing::info_span!("request");
            set_parent_from(malformed, &span);
            link_to(malformed, &span);
            assert!(
                span.in_scope(current_traceparent).unwrap().len() == 55,
                "{malformed}"
            );
        }
    });
}

#[test]
fn a_link_leaves_the_trace_as_it_is() {
    in_a_traced_process(|| {
        let span = tracing::info_span!("batch");
        link_to(PARENT, &span);
        assert!(
            !span
                .in_scope(current_traceparent)
                .unwrap()
                .contains("0af7651916cd43dd8448eb211c80319c")
        );
    });
}

#[test]
fn without_an_endpoint_there_is_no_traceparent() {
    assert_eq!(current_traceparent(), None);
    tracing::subscriber::with_default(tracing_subscriber::registry(), || {
        let span = tracing::info_span!("request");
        set_parent_from(PARENT, &span);
        assert_eq!(span.in_scope(current_traceparent), None);
    });
}

#[test]
fn the_exporters_own_spans_are_not_traced() {
    in_a_traced_process(|| {
        let own = tracing::info_span!(target: "hyper_util::client", "connect");
        assert_eq!(own.in_scope(current_traceparent), None);
    });
}

/// One request's first line and body.
fn receive_once(listener: &TcpListener) -> (String, Vec<u8>) {
    let (mut socket, _) = listener.accept().unwrap();
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = socket.read(&mut chunk).unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec())
            .unwrap()
            .to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap()
            .parse::<usize>()
            .unwrap();
        if bytes.len() >= end + 4 + length {
            socket
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .unwrap();
            return (head.lines().next().unwrap().to_owned(), bytes[end + 4..].to_vec());
        }
    }
}

#[tokio::test]
async fn spans_reach_the_collector_when_the_guard_is_dropped() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::default().telemetry;
    config.otlp_endpoint = Some(format!("http://{}/", listener.local_addr().unwrap()));
    let collector = std::thread::spawn(move || receive_once(&listener));

    let provider = tracer_provider(&config, "command-service").unwrap().unwrap();
    let guard = TelemetryGuard {
        provider: Some(provider.clone()),
    };
    let subscriber = tracing_subscriber::registry().with(traces(&provider, "command-service"));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("complete_sale").in_scope(|| ())
    });
    tokio::task::spawn_blocking(move || drop(guard)).await.unwrap();

    let (line, body) = collector.join().unwrap();
    assert_eq!(line, "post /v1/traces http/1.1");
    for text in ["complete_sale", "command-service", "service.version"] {
        assert!(
            body.windows(text.len()).any(|window| window == text.as_bytes()),
            "{text} is missing"
        );
    }
}
