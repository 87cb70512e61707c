//! The client against real sockets: what is refused, what is allowed, and what receivers do wrong.

mod receiver;

use std::net::TcpListener;

use receiver::{Habit, Receiver};

use super::*;
use crate::clock::SystemClock;
use crate::config::Config;

const PLENTY: Duration = Duration::from_secs(20);
/// Short for waits that are meant to run out.
const SHORT: Duration = Duration::from_millis(300);

const OK: Habit = Habit::Answers("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

fn outbound(allow: &[String]) -> Outbound {
    let mut config = Config::default().outbound;
    config.allow = allow.iter().map(|text| text.parse().unwrap()).collect();
    Outbound::new(&config, Arc::new(SystemClock)).unwrap()
}

fn allowing(receiver: &Receiver) -> Outbound {
    outbound(&[receiver.address.to_string()])
}

async fn post(outbound: &Outbound, url: &str, timeout: Duration) -> Result<OutboundResponse, OutboundError> {
    outbound
        .post(url, HeaderMap::new(), Bytes::from_static(b"{\"n\":1}"), timeout)
        .await
}

#[tokio::test]
async fn a_private_address_is_refused_without_a_connection_unless_it_is_allowed() {
    let receiver = Receiver::start(OK);
    let error = post(&outbound(&[]), &receiver.url(), PLENTY).await.unwrap_err();
    assert_eq!(error.code(), "refused_loopback");
    assert_eq!(receiver.connections(), 0);
    let answer = post(&allowing(&receiver), &receiver.url(), PLENTY).await.unwrap();
    assert_eq!((answer.status, answer.body_excerpt.as_str()), (200, "ok"));
    assert!(answer.is_success());
}

#[tokio::test]
async fn an_allowance_is_for_exactly_one_host_and_port() {
    let receiver = Receiver::start(OK);
    let port = receiver.address.port();
    let other = outbound(&[
        format!("127.0.0.1:{}", if port == 1 { 2 } else { port - 1 }),
        format!("127.0.0.2:{port}"),
    ]);
    assert_eq!(
        post(&other, &receiver.url(), PLENTY).await.unwrap_err().code(),
        "refused_loopback"
    );
    assert_eq!(receiver.connections(), 0);
    let any_spelling = allowing(&receiver);
    assert_eq!(
        post(&any_spelling, &format!("http://2130706433:{port}/"), PLENTY)
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused() {
    let receiver = Receiver::start(OK);
    let port = receiver.address.port();
    for name in ["localhost", "LOCALHOST"] {
        // The allowance of the address does not cover a name for it.
        let error = post(&allowing(&receiver), &format!("http://{name}:{port}/"), PLENTY)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "refused_loopback", "{name}");
    }
    assert_eq!(receiver.connections(), 0);
    let named = outbound(&[format!("localhost:{port}")]);
    assert_eq!(
        post(&named, &format!("http://localhost:{port}/"), PLENTY)
            .await
            .unwrap()
            .status,
        200
    );
}

#[test]
fn every_spelling_of_a_private_address_is_refused() {
    let outbound = outbound(&[]);
    for (url, code) in [
        ("http://2130706433/", "refused_loopback"),
        ("http://0x7f.1/", "refused_loopback"),
        ("http://0x7f000001/", "refused_loopback"),
        ("http://017700000001/", "refused_loopback"),
        ("http://127.1/", "refused_loopback"),
        ("http://127.0.0.1./", "refused_loopback"),
        ("http://１２７.0.0.1/", "refused_loopback"),
        ("http://127。0。0。1/", "refused_loopback"),
        ("http:\\\\127.0.0.1/", "refused_loopback"),
        ("http:/127.0.0.1/", "refused_loopback"),
        ("http://0/", "refused_unspecified"),
        ("http://0.0.0.0:80/", "refused_unspecified"),
        ("http://[::]/", "refused_unspecified"),
        ("http://[::1]/", "refused_loopback"),
        ("https://[::ffff:127.0.0.1]/", "refused_loopback"),
        (
            "https://[::ffff:a9fe:a9fe]/latest/meta-data",
            "refused_link_local",
        ),
        ("http://[64:ff9b::a00:1]/", "refused_private"),
        ("http://[2002:7f00:1::]/", "refused_loopback"),
        ("http://169.254.169.254/latest/meta-data", "refused_link_local"),
        ("http://192.168.1.1/", "refused_private"),
        ("http://0xa.1/", "refused_private"),
        ("http://[fd00:ec2::254]/", "refused_unique_local"),
        ("http://256.0.0.1/", "url"),
        ("http://[::1%25lo]/", "url"),
        ("ftp://example.com/", "url"),
        ("file:///etc/passwd", "url"),
        ("gopher://example.com/", "url"),
        ("http://user@example.com/", "url"),
        ("http://user:password@example.com/", "url"),
        ("http://:password@example.com/", "url"),
        ("http://", "url"),
        ("example.com", "url"),
        ("//example.com", "url"),
        ("", "url"),
    ] {
        let refused = outbound.check_url(url).map_err(|error| error.code());
        assert_eq!(refused, Err(code), "{url}");
    }
    assert_eq!(
        outbound
            .check_url(&format!("http://example.com/{}", "a".repeat(3_000)))
            .unwrap_err()
            .code(),
        "url"
    );
    for url in [
        "http://1.1.1.1/",
        "https://example.com/hook?a=b",
        "https://[2606:4700::1111]:8443/",
        "http://16843009/",
    ] {
        assert!(outbound.check_url(url).is_ok(), "{url}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = Receiver::start(OK);
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        target.url()
    );
    let receiver = Receiver::start(Habit::Answers(answer.leak()));
    let outbound = outbound(&[receiver.address.to_string(), target.address.to_string()]);
    assert_eq!(
        post(&outbound, &receiver.url(), PLENTY).await.unwrap().status,
        307
    );
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn the_request_carries_our_headers_and_frames_itself() {
    let receiver = Receiver::start(OK);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", "msg_1"),
        ("host", "internal"),
        ("transfer-encoding", "chunked"),
        ("content-length", "1"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    allowing(&receiver)
        .post(&receiver.url(), headers, Bytes::from_static(b"{\"n\":1}"), PLENTY)
        .await
        .unwrap();
    let request = receiver.requests().pop().unwrap().to_lowercase();
    assert!(
        request.starts_with("post /hook http/1.1\r\n") && request.ends_with("\r\n\r\n{\"n\":1}"),
        "{request}"
    );
    for line in [
        "webhook-id: msg_1",
        "content-length: 7",
        &format!("host: {}", receiver.address),
    ] {
        assert_eq!(
            request.lines().filter(|candidate| *candidate == line).count(),
            1,
            "{line} in {request}"
        );
    }
    assert!(
        !request.contains("internal") && !request.contains("chunked"),
        "{request}"
    );
    assert!(is_reserved_header("Host") && !is_reserved_header("X-Shop"));
}

#[tokio::test]
async fn an_endless_body_is_cut_off_and_the_status_counts() {
    let receiver = Receiver::start(Habit::Floods);
    let answer = post(&allowing(&receiver), &receiver.url(), PLENTY).await.unwrap();
    assert_eq!(
        (answer.status, answer.body_excerpt.len()),
        (200, MAX_EXCERPT_BYTES)
    );
}

#[tokio::test]
async fn a_body_that_stalls_is_cut_off_at_the_deadline_and_the_status_counts() {
    let receiver = Receiver::start(Habit::Stalls(
        "HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 9\r\n\r\npart",
    ));
    let answer = post(&allowing(&receiver), &receiver.url(), SHORT).await.unwrap();
    assert_eq!((answer.status, answer.body_excerpt.as_str()), (503, "part"));
    assert_eq!(answer.retry_after, Some(Duration::from_secs(7)));
    assert!(!answer.is_success());
}

#[tokio::test]
async fn what_a_receiver_does_wrong_has_a_code_of_its_own() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (habit, timeout, code) in [
        (Habit::Hangs, SHORT, "timeout"),
        (Habit::Stalls("HTTP/1.1 200 OK\r\ncontent-le"), SHORT, "timeout"),
        (Habit::HangsUp, PLENTY, "io"),
        (Habit::Answers("SSH-2.0-OpenSSH_9.2\r\n\r\n"), PLENTY, "io"),
    ] {
        let receiver = Receiver::start(habit);
        let error = post(&allowing(&receiver), &receiver.url(), timeout)
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let nobody = outbound(&[closed.to_string()]);
    assert_eq!(
        post(&nobody, &format!("http://{closed}/"), PLENTY)
            .await
            .unwrap_err()
            .code(),
        "connect"
    );
    let plain = Receiver::start(Habit::Greets(
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
    ));
    let error = post(&allowing(&plain), &format!("https://{}/", plain.address), PLENTY)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "tls", "{error}");
    let error = post(&outbound(&[]), "http://does-not-exist.invalid/", PLENTY)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "dns", "{error}");
}

#[tokio::test]
async fn an_error_does_not_repeat_the_url() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = post(
        &outbound(&[closed.to_string()]),
        &format!("http://{closed}/?token=hunter2"),
        PLENTY,
    )
    .await
    .unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn requests_to_one_receiver_share_a_connection() {
    let receiver = Receiver::start(OK);
    let outbound = allowing(&receiver);
    for _ in 0..20 {
        assert_eq!(
            post(&outbound, &receiver.url(), PLENTY).await.unwrap().status,
            200
        );
    }
    assert_eq!(receiver.connections(), 1);
}

/// Only means something in the processes that the next tests start.
#[tokio::test]
#[ignore = "run by the tests that change a process's environment"]
async fn a_request_in_another_environment() {
    let receiver = Receiver::start(OK);
    assert_eq!(
        post(&allowing(&receiver), &receiver.url(), PLENTY)
            .await
            .unwrap()
            .status,
        200
    );
    assert_eq!(receiver.connections(), 1);
}

fn succeeds_in_environment(variables: &[(&str, &str)]) {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "outbound::tests::a_request_in_another_environment",
        "--ignored",
    ]);
    child
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .envs(variables.iter().copied());
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn proxies_from_the_environment_are_not_used() {
    let proxy = Receiver::start(OK);
    let url = format!("http://{}", proxy.address);
    let names = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ];
    succeeds_in_environment(&names.map(|name| (name, url.as_str())));
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn a_machine_without_certificate_authorities_still_delivers_over_http() {
    succeeds_in_environment(&[("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/nonexistent")]);
}
