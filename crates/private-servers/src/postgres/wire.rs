//! Just enough of the Postgres protocol to ask whether the server answers and to create a database.
//!
//! Deliberately not a client: no parameters, no results, one statement per connection.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::error::Context;
use crate::{Error, Result};

/// Protocol 3.0.
const PROTOCOL: i32 = 196_608;
/// Nothing that the server says here is longer.
const MESSAGE_LIMIT_BYTES: usize = 64 * 1024;
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Connects, and runs one statement if there is one. Without one this asks whether the server takes connections.
pub(super) async fn run(socket: &Path, user: &str, database: &str, statement: Option<&str>) -> Result<()> {
    let conversation = async {
        let mut stream = UnixStream::connect(socket)
            .await
            .context(|| "postgres cannot be reached".into())?;
        let hello = startup(user, database);
        stream
            .write_all(&hello)
            .await
            .context(|| "postgres does not listen".into())?;
        until_ready(&mut stream).await?;
        if let Some(statement) = statement {
            stream
                .write_all(&message(b'Q', statement))
                .await
                .context(|| "the statement cannot be sent".into())?;
            until_ready(&mut stream).await?;
        }
        // Terminate; the server does not answer.
        stream
            .write_all(&[b'X', 0, 0, 0, 4])
            .await
            .context(|| "the connection cannot be closed".into())
    };
    let slow = || io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
    timeout(ANSWER_WITHIN, conversation)
        .await
        .map_err(|_| slow())
        .context(|| "postgres does not answer".into())?
}

fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for word in ["user", user, "database", database, "client_encoding", "UTF8"] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    body.push(0);
    [length(body.len()).as_slice(), &body].concat()
}

fn message(kind: u8, text: &str) -> Vec<u8> {
    [&[kind], length(text.len() + 1).as_slice(), text.as_bytes(), &[0]].concat()
}

/// A length counts its own four bytes.
fn length(body: usize) -> [u8; 4] {
    u32::try_from(body + 4)
        .expect("what is sent here is short")
        .to_be_bytes()
}

/// Reads until the server waits for the next statement; an error on the way is the result.
async fn until_ready(stream: &mut UnixStream) -> Result<()> {
    let mut refused = None;
    loop {
        let kind = stream
            .read_u8()
            .await
            .context(|| "postgres closed the connection".into());
        let kind = match (kind, refused.take()) {
            (Ok(kind), earlier) => {
                refused = earlier;
                kind
            }
            // A fatal error is followed by the end of the connection.
            (Err(_), Some(error)) => return Err(error),
            (Err(error), None) => return Err(error),
        };
        let size = stream
            .read_u32()
            .await
            .context(|| "postgres closed the connection".into())?;
        let size = usize::try_from(size).unwrap_or(usize::MAX).saturating_sub(4);
        if size > MESSAGE_LIMIT_BYTES {
            let source = io::Error::new(io::ErrorKind::InvalidData, format!("a message of {size} bytes"));
            return Err(Error::Io {
                what: "postgres said too much".into(),
                source,
            });
        }
        let mut body = vec![0; size];
        stream
            .read_exact(&mut body)
            .await
            .context(|| "postgres closed the connection".into())?;
        match kind {
            b'Z' => return refused.map_or(Ok(()), Err),
            b'E' => refused = Some(error_in(&body)),
            // AuthenticationOk is followed by the rest of the greeting; any other method is not ours.
            b'R' if body != [0; 4] => {
                let message = "the server wants a password on its private socket".into();
                return Err(Error::Refused {
                    code: "28000".into(),
                    message,
                });
            }
            _ => {}
        }
    }
}

fn error_in(body: &[u8]) -> Error {
    let (mut code, mut message) = (String::new(), String::new());
    for field in body.split(|byte| *byte == 0) {
        match field.split_first() {
            Some((b'C', text)) => code = String::from_utf8_lossy(text).into_owned(),
            Some((b'M', text)) => message = String::from_utf8_lossy(text).into_owned(),
            _ => {}
        }
    }
    Error::Refused { code, message }
}
