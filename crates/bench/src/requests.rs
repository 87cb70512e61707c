//! The requests of the HTTP load as text: one header for all, one body per number.

use std::io::Write;
use std::net::SocketAddr;

pub const STORE: &str = "bench";
pub const TERMINAL: &str = "bench-1";
pub const PRICE_MINOR: i64 = 1_000;
/// Lines of one sale.
const LINES: u64 = 3;
/// Spreads numbers over items; any odd number that is large and not round will do.
const SPREAD: u64 = 2_654_435_761;

/// How the items are called.
pub fn sku(item: u32) -> String {
    format!("BENCH-{item:04}")
}

/// Writes requests for a signed-in user.
#[derive(Debug, Clone)]
pub struct Requests {
    /// Everything that all requests have in common, between the first line and the key.
    headers: String,
    items: u32,
}

impl Requests {
    pub fn new(address: SocketAddr, token: &str, items: u32) -> Self {
        let headers = format!(
            "host: {address}\r\nauthorization: Bearer {token}\r\nx-reason: load measurement\r\n\
             content-type: application/json\r\n"
        );
        Self { headers, items }
    }

    /// One piece more or less of one item: one event.
    pub fn adjust(&self, number: u64, out: &mut Vec<u8>) {
        let delta = if number.is_multiple_of(2) { 1 } else { -1 };
        let body = format!(
            r#"{{"store":"{STORE}","sku":"{}","delta":{delta},"comment":"recount of the shelf"}}"#,
            sku(self.item(number))
        );
        self.write("/api/v1/inventory/adjustments", number, &body, out);
    }

    /// Three lines, paid in part by card and in part in cash: four events.
    pub fn sale(&self, number: u64, out: &mut Vec<u8>) {
        let line = |line: u64| {
            let sku = sku(self.item(number.wrapping_mul(LINES).wrapping_add(line)));
            format!(r#"{{"sku":"{sku}","quantity":1}}"#)
        };
        let lines: Vec<String> = (0..LINES).map(line).collect();
        let body = format!(
            r#"{{"store":"{STORE}","terminal":"{TERMINAL}","lines":[{}],"payments":[{{"method":"card","amount_minor":{PRICE_MINOR},"reference":"auth-77"}},{{"method":"cash","amount_minor":{}}}]}}"#,
            lines.join(","),
            2 * PRICE_MINOR
        );
        self.write("/api/v1/pos/sale", number, &body, out);
    }

    fn item(&self, number: u64) -> u32 {
        u32::try_from(number.wrapping_mul(SPREAD) % u64::from(self.items)).unwrap_or_default()
    }

    fn write(&self, path: &str, number: u64, body: &str, out: &mut Vec<u8>) {
        // Writing into memory does not fail.
        let _written = write!(
            out,
            "POST {path} HTTP/1.1\r\n{}x-idempotency-key: bench-load-{number}\r\ncontent-length: {}\r\n\r\n{body}",
            self.headers,
            body.len()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_of_the_length_that_the_header_says() {
        let requests = Requests::new(([127, 0, 0, 1], 80).into(), "token", 7);
        for number in 0..20 {
            for write in [Requests::adjust, Requests::sale] {
                let mut out = Vec::new();
                write(&requests, number, &mut out);
                let text = String::from_utf8(out).unwrap();
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                let length = head.rsplit_once("content-length: ").unwrap().1;
                assert_eq!(length.parse::<usize>().unwrap(), body.len());
                serde_json::from_str::<serde_json::Value>(body).unwrap();
            }
        }
    }
}
