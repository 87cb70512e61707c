//! A receiver on a real socket that answers badly on purpose.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How a receiver answers each request.
#[derive(Clone, Copy)]
pub(super) enum Habit {
    Answers(&'static str),
    /// Writes this, then nothing more, and keeps the connection.
    Stalls(&'static str),
    /// Speaks before it is asked, as servers of other protocols do.
    Greets(&'static str),
    /// A valid head and a body without end.
    Floods,
    Hangs,
    HangsUp,
}

/// A receiver on a free port of 127.0.0.1; its threads end with the test's process.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    pub(super) fn start(habit: Habit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (connections, requests) = (Arc::clone(&receiver.connections), Arc::clone(&receiver.requests));
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let requests = Arc::clone(&requests);
                std::thread::spawn(move || serve(socket, habit, &requests));
            }
        });
        receiver
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn serve(mut socket: TcpStream, habit: Habit, requests: &Mutex<Vec<String>>) {
    if let Habit::Greets(text) = habit {
        let _ = socket.write_all(text.as_bytes());
    }
    while let Some(request) = read_request(&mut socket) {
        requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
        let written = match habit {
            Habit::Answers(text) | Habit::Stalls(text) => socket.write_all(text.as_bytes()),
            Habit::Floods => {
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n");
                while socket.write_all(&[b'x'; 65_536]).is_ok() {}
                return;
            }
            Habit::Hangs | Habit::Greets(_) => Ok(()),
            Habit::HangsUp => return,
        };
        if written.is_err() {
            return;
        }
    }
}

/// A whole request as text; none when the client has closed.
fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    loop {
        let count = socket.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |n| n.parse().unwrap());
        if body.len() >= length {
            return Some(text);
        }
    }
}
