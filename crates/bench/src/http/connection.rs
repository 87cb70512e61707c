//! One kept connection: a request out, an answer in.

use std::net::SocketAddr;
use std::ops::Range;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MAX_HEADERS: usize = 48;
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// A connection that stays open.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    body: Range<usize>,
}

impl Connection {
    /// # Errors
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4_096),
            body: 0..0,
        })
    }

    /// Sends a whole request and reads the whole answer; its status.
    ///
    /// # Errors
    /// When the connection ends, or the answer has no length.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "the connection was closed in mid-answer");
            ensure!(self.buffer.len() <= MAX_ANSWER_BYTES, "an answer without end");
            if let Some((status, body)) = parse(&self.buffer)? {
                self.body = body;
                return Ok(status);
            }
        }
    }

    /// The last answer's body.
    pub fn body(&self) -> &[u8] {
        self.buffer.get(self.body.clone()).unwrap_or_default()
    }
}

/// Status and body's place, once all of it is there.
fn parse(bytes: &[u8]) -> anyhow::Result<Option<(u16, Range<usize>)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = response.parse(bytes)? else {
        return Ok(None);
    };
    let status = response.code.context("no status")?;
    let length = match length_of(response.headers)? {
        Some(length) => length,
        None if status == 204 => 0,
        None => anyhow::bail!("an answer without content-length"),
    };
    let end = start + length;
    Ok((bytes.len() >= end).then_some((status, start..end)))
}

/// The `content-length` among these headers.
///
/// # Errors
/// When it is no number.
pub fn length_of(headers: &[httparse::Header<'_>]) -> anyhow::Result<Option<usize>> {
    let Some(header) = headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
    else {
        return Ok(None);
    };
    Ok(Some(std::str::from_utf8(header.value)?.trim().parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_last_byte_is_there() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(parse(whole).unwrap(), Some((200, 38..40)));
        assert_eq!(parse(&whole[..39]).unwrap(), None);
        assert_eq!(parse(&whole[..20]).unwrap(), None);
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
