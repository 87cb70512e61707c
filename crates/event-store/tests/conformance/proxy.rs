//! A proxy in front of Postgres that cuts the connection at the statement that commits.
//!
//! It knows just enough of the protocol (PostgreSQL documentation, chapter "Frontend/Backend Protocol"): a prepared
//! statement's execution starts with a Bind message (`B`), and the server has committed once it answers ReadyForQuery (`Z`).

use std::sync::{Arc, Mutex};

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

/// Where the next execution is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server gets nothing of it.
    BeforeTheServer,
    /// The server gets half of it.
    InTheMiddle,
    /// The server gets all of it, and loses its client at the same moment.
    AtTheServer,
    /// The server has committed and answered; the answer is lost.
    BeforeTheAnswer,
    /// The client is cut off, while the server believes that it is still there.
    ClientOnly,
}

/// Accepts on the loopback address and forwards to one server. Dropping it cuts everything.
pub struct Proxy {
    port: u16,
    next: Arc<Mutex<Option<Cut>>>,
    _tasks: JoinSet<()>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Proxy {
    pub async fn start(server: &PgConnectOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let next = Arc::new(Mutex::new(None));
        let (server, armed) = (server.clone(), next.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (server, armed) = (dial(&server).await, armed.clone());
                connections.spawn(forward(client, server, armed));
            }
        });
        Self {
            port,
            next,
            _tasks: tasks,
        }
    }

    /// The server's options, through the proxy.
    pub fn through(&self, server: &PgConnectOptions) -> PgConnectOptions {
        let through = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(server.get_username())
            .ssl_mode(sqlx::postgres::PgSslMode::Disable);
        match server.get_database() {
            Some(database) => through.database(database),
            None => through,
        }
    }

    /// Cuts the next execution of a prepared statement.
    pub fn cut_next(&self, cut: Cut) {
        *self.next.lock().unwrap() = Some(cut);
    }

    /// Whether the cut has been made.
    pub fn has_cut(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }
}

async fn dial(server: &PgConnectOptions) -> Box<dyn Stream> {
    let socket = server.get_socket().cloned().or_else(|| {
        let host = server.get_host();
        host.starts_with('/').then(|| host.into())
    });
    match socket {
        Some(folder) => {
            let path = folder.join(format!(".s.PGSQL.{}", server.get_port()));
            Box::new(UnixStream::connect(path).await.unwrap())
        }
        None => Box::new(
            TcpStream::connect((server.get_host(), server.get_port()))
                .await
                .unwrap(),
        ),
    }
}

async fn forward(mut client: TcpStream, mut server: Box<dyn Stream>, armed: Arc<Mutex<Option<Cut>>>) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                let bytes = &up[..length];
                let cut = if bytes[0] == b'B' { armed.lock().unwrap().take() } else { None };
                match cut {
                    None => if server.write_all(bytes).await.is_err() { return },
                    Some(cut) => return make_cut(cut, bytes, client, server).await,
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&down[..length]).await.is_err() { return }
            }
        }
    }
}

/// Both connections are closed on return, since they are dropped here.
async fn make_cut(cut: Cut, bytes: &[u8], client: TcpStream, mut server: Box<dyn Stream>) {
    match cut {
        Cut::BeforeTheServer => {}
        Cut::InTheMiddle => drop(server.write_all(&bytes[..bytes.len() / 2]).await),
        Cut::AtTheServer => drop(server.write_all(bytes).await),
        Cut::BeforeTheAnswer => {
            server.write_all(bytes).await.unwrap();
            let mut answer = Vec::new();
            // ReadyForQuery is the last message: `Z`, its length 5, and the transaction's status.
            while !answer.windows(5).any(|window| window == b"Z\0\0\0\x05") {
                assert!(
                    server.read_buf(&mut answer).await.unwrap() > 0,
                    "the server has gone"
                );
            }
        }
        Cut::ClientOnly => {
            server.write_all(bytes).await.unwrap();
            drop(client);
            // Holds the server's side until the server itself ends it.
            let mut rest = Vec::new();
            drop(server.read_to_end(&mut rest).await);
        }
    }
}
