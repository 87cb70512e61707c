//! Tests of the server with real sockets.

use poem::endpoint::make;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::*;

struct Running {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    done: tokio::task::JoinHandle<io::Result<()>>,
}

#[expect(clippy::disallowed_methods, reason = "a test's own task")]
async fn start<E: Endpoint<Output = Response> + 'static>(app: E, limits: ServerLimits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let done = tokio::spawn(serve(listener, Arc::new(app), limits, stop.clone()));
    Running { address, stop, done }
}

fn quick() -> ServerLimits {
    ServerLimits {
        header_read_timeout: Duration::from_millis(100),
        keep_alive_timeout: Duration::from_millis(100),
        ..ServerLimits::default()
    }
}

async fn hello() -> impl Endpoint<Output = Response> {
    make(|_| async { Response::from("hello") })
}

async fn read_all(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_client_that_dribbles_its_headers_is_cut_off() {
    let server = start(hello().await, quick()).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    // Ends because the server closes; without the limit this would wait for ever.
    assert!(!read_all(slow).await.contains("200 OK"));
}

#[tokio::test]
async fn a_request_is_answered_and_the_idle_connection_ends() {
    let server = start(hello().await, quick()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let text = read_all(stream).await;
    assert!(
        text.starts_with("HTTP/1.1 200 OK") && text.ends_with("hello"),
        "{text}"
    );
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_one_to_end() {
    let limits = ServerLimits {
        max_connections: 1,
        ..quick()
    };
    let server = start(hello().await, limits).await;
    // Holds the only slot until its header time is over.
    let _first = TcpStream::connect(server.address).await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(read_all(second).await.contains("200 OK"));
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_accepts_no_more() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let app = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        make(move |_| {
            let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
            async move {
                entered.notify_one();
                release.notified().await;
                Response::from("done")
            }
        })
    };
    let server = start(app, ServerLimits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    entered.notified().await;
    server.stop.cancel();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    release.notify_one();
    assert!(read_all(stream).await.ends_with("done"));
    server.done.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let app = make(|_| std::future::pending::<Response>());
    let limits = ServerLimits {
        stop_limit: Duration::from_millis(50),
        ..ServerLimits::default()
    };
    let server = start(app, limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    server.stop.cancel();
    server.done.await.unwrap().unwrap();
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Reads one answer of `hello` and leaves the connection open.
async fn read_hello(stream: &mut TcpStream) {
    let mut text = Vec::new();
    while !text.ends_with(b"hello") {
        let read = stream.read_buf(&mut text).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&text));
    }
}

/// Minutes: nothing in these tests waits for it.
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn an_idle_connection_outlives_the_time_for_headers() {
    let limits = ServerLimits {
        keep_alive_timeout: LONG,
        ..quick()
    };
    let server = start(hello().await, limits).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(GET).await.unwrap();
    read_hello(&mut idle).await;
    // Comes later and has its headers' time cut: the time has passed for the first one, too.
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(read_all(slow).await, "");
    idle.write_all(GET).await.unwrap();
    read_hello(&mut idle).await;
}

#[tokio::test]
async fn a_later_request_that_dribbles_its_headers_is_cut_off() {
    let limits = ServerLimits {
        keep_alive_timeout: LONG,
        ..quick()
    };
    let server = start(hello().await, limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    read_hello(&mut stream).await;
    stream.write_all(b"GET / HT").await.unwrap();
    assert_eq!(read_all(stream).await, "");
}

#[tokio::test]
async fn an_idle_connection_makes_room_for_a_new_one() {
    let limits = ServerLimits {
        max_connections: 2,
        keep_alive_timeout: LONG,
        ..ServerLimits::default()
    };
    let server = start(hello().await, limits).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(GET).await.unwrap();
        read_hello(&mut stream).await;
        kept.push(stream);
    }
    let mut third = TcpStream::connect(server.address).await.unwrap();
    third.write_all(GET).await.unwrap();
    read_hello(&mut third).await;
    let mut second = kept.pop().unwrap();
    assert_eq!(
        read_all(kept.pop().unwrap()).await,
        "",
        "the first was idle longest"
    );
    second.write_all(GET).await.unwrap();
    read_hello(&mut second).await;
}

#[tokio::test]
async fn a_connection_at_work_makes_no_room() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let app = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        make(move |_| {
            let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
            async move {
                entered.notify_one();
                release.notified().await;
                Response::from("hello")
            }
        })
    };
    let limits = ServerLimits {
        max_connections: 1,
        keep_alive_timeout: LONG,
        ..ServerLimits::default()
    };
    let server = start(app, limits).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(GET).await.unwrap();
    entered.notified().await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(GET).await.unwrap();
    release.notify_one();
    read_hello(&mut first).await;
    // The first one is idle now and makes room.
    entered.notified().await;
    release.notify_one();
    read_hello(&mut second).await;
    assert_eq!(read_all(first).await, "");
}

#[tokio::test]
async fn a_client_that_never_reads_its_answer_loses_its_place() {
    // More than the buffers of both ends of a loopback connection hold.
    let app = make(|request: poem::Request| async move {
        let bytes = if request.uri().path() == "/large" {
            64 << 20
        } else {
            5
        };
        Response::from(vec![b'o'; bytes])
    });
    let limits = ServerLimits {
        max_connections: 1,
        keep_alive_timeout: LONG,
        answer_write_timeout: Duration::from_millis(200),
        ..ServerLimits::default()
    };
    let server = start(app, limits).await;
    let mut deaf = TcpStream::connect(server.address).await.unwrap();
    deaf.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    deaf.readable().await.unwrap();
    let mut other = TcpStream::connect(server.address).await.unwrap();
    other
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(read_all(other).await.ends_with("ooooo"));
    drop(deaf);
}

#[tokio::test]
async fn a_large_answer_that_is_read_arrives_whole() {
    let app = make(|_| async { Response::from(vec![b'o'; 16 << 20]) });
    let server = start(app, ServerLimits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(read_all(stream).await.len() > 16 << 20);
}

#[tokio::test]
async fn a_request_without_an_answer_is_cut_in_the_end() {
    let app = make(|_| std::future::pending::<Response>());
    let limits = ServerLimits {
        request_timeout: Duration::from_millis(100),
        ..ServerLimits::default()
    };
    let server = start(app, limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    assert_eq!(read_all(stream).await, "");
}

#[tokio::test]
async fn requests_that_are_sent_ahead_are_answered_in_turn() {
    let server = start(hello().await, quick()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&GET.repeat(3)).await.unwrap();
    assert_eq!(read_all(stream).await.matches("hello").count(), 3);
}
