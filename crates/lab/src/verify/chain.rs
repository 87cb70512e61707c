//! The hash chain, computed from the stored columns as its documentation says.

use sha2::{Digest, Sha256};

/// The chain before the first event.
pub(super) const GENESIS: [u8; 32] = [0; 32];

/// What an event's hash covers: all but the position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hashed<'a> {
    pub tenant: &'a str,
    pub stream: &'a str,
    pub version: i64,
    pub id: &'a [u8],
    pub event_type: &'a str,
    pub schema_version: i16,
    pub data: &'a str,
    pub meta: &'a str,
    /// Microseconds since 1970.
    pub recorded_us: i64,
}

/// SHA-256 over each column behind its length (four bytes, big-endian), so that no two rows look alike.
fn event_hash(event: &Hashed<'_>) -> [u8; 32] {
    let (version, schema_version) = (event.version.to_be_bytes(), event.schema_version.to_be_bytes());
    let recorded_us = event.recorded_us.to_be_bytes();
    let columns: [&[u8]; 9] = [
        event.tenant.as_bytes(),
        event.stream.as_bytes(),
        &version,
        event.id,
        event.event_type.as_bytes(),
        &schema_version,
        event.data.as_bytes(),
        event.meta.as_bytes(),
        &recorded_us,
    ];
    let mut hash = Sha256::new();
    for column in columns {
        // A column of 4 GiB cannot be stored.
        hash.update(u32::try_from(column.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(column);
    }
    hash.finalize().into()
}

/// The chain's value after an event.
pub(super) fn link(previous: &[u8; 32], position: i64, event: &Hashed<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(position.to_be_bytes());
    hash.update(event_hash(event));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event<'a>(stream: &'a str, event_type: &'a str) -> Hashed<'a> {
        Hashed {
            tenant: "t",
            stream,
            version: 1,
            id: &[7; 16],
            event_type,
            schema_version: 1,
            data: "{}",
            meta: "{}",
            recorded_us: 1_700_000_000_123_456,
        }
    }

    #[test]
    fn the_formula_is_the_documented_one() {
        let columns: Vec<u8> = [
            &[0, 0, 0, 1][..],
            b"t",
            &[0, 0, 0, 6],
            b"sale/1",
            &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0, 0, 0, 16],
            &[7; 16],
            &[0, 0, 0, 14],
            b"sale.completed",
            &[0, 0, 0, 2, 0, 1],
            &[0, 0, 0, 2],
            b"{}",
            &[0, 0, 0, 2],
            b"{}",
            &[0, 0, 0, 8],
            &1_700_000_000_123_456_i64.to_be_bytes(),
        ]
        .concat();
        let by_hand =
            Sha256::digest([&GENESIS[..], &5_i64.to_be_bytes(), &Sha256::digest(columns)[..]].concat());
        assert_eq!(
            link(&GENESIS, 5, &event("sale/1", "sale.completed"))[..],
            by_hand[..]
        );
    }

    #[test]
    fn moving_a_letter_from_one_column_to_the_next_is_noticed() {
        assert_ne!(
            link(&GENESIS, 1, &event("ab", "c")),
            link(&GENESIS, 1, &event("a", "bc"))
        );
    }

    #[test]
    fn the_chain_depends_on_the_position_and_on_what_was_before() {
        let (first, second) = (
            link(&GENESIS, 1, &event("a", "b")),
            link(&GENESIS, 2, &event("a", "b")),
        );
        assert_ne!(first, second);
        assert_ne!(
            link(&first, 3, &event("a", "b")),
            link(&second, 3, &event("a", "b"))
        );
    }
}
