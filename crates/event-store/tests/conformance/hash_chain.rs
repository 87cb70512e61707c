//! Promise: the hash chain verifies over what is stored, and notices what was changed, swapped or removed.

use event_store::{ChainReader, ChainedEvent, Link, LogWriter, VerifyError, chain, verify_chain, verify_log};
use schemas::Position;

use crate::fixture::{Postgres, Store, command, everything, json, single, write, writer_when_free};

async fn fill<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    writer.append(&[single("sale/1", 0)]).await.unwrap();
    writer
        .append(&[
            command(vec![write("sale/2", 0, 3), write("sale/1", 1, 2)]),
            single("sale/3", 0),
        ])
        .await
        .unwrap();
    drop(writer);
    // The next owner goes on with the chain that it finds.
    let mut writer = writer_when_free(store).await;
    writer.append(&[single("sale/4", 0)]).await.unwrap();
    writer
        .append(&[single("sale/5", 0), single("sale/6", 0)])
        .await
        .unwrap();
}

fn broken_at(result: Result<Link, VerifyError>) -> Option<i64> {
    match result {
        Err(VerifyError::Broken(position)) => Some(position.0),
        _ => None,
    }
}

pub async fn the_chain_verifies_from_any_link<S: Store>(store: &S) {
    fill(store).await;
    let rows = store.reader().read_chained(Position::START, 100).await.unwrap();
    assert_eq!(rows.len(), everything(&store.reader()).await.len());
    let end = verify_log(&store.reader(), Link::GENESIS).await.unwrap();
    assert_eq!(end.position, Position(10));
    for row in &rows {
        let from = Link {
            position: row.event.position,
            chain: row.chain,
        };
        assert_eq!(verify_log(&store.reader(), from).await.unwrap(), end);
    }
    let forged = Link {
        position: Position(3),
        chain: [0; 32],
    };
    assert_eq!(broken_at(verify_log(&store.reader(), forged).await), Some(4));
}

pub async fn a_changed_byte_a_swap_and_a_removal_are_noticed<S: Store>(store: &S) {
    fill(store).await;
    let rows = store.reader().read_chained(Position::START, 100).await.unwrap();
    let tamper = |change: &dyn Fn(&mut Vec<ChainedEvent>)| {
        let mut rows = rows.clone();
        change(&mut rows);
        broken_at(verify_chain(Link::GENESIS, &rows))
    };
    assert_eq!(tamper(&|_| {}), None);
    assert_eq!(tamper(&|rows| rows[4].event.data = json("{\"n\":9}")), Some(5));
    assert_eq!(tamper(&|rows| rows[4].event.meta = json("{}")), Some(5));
    assert_eq!(
        tamper(&|rows| rows[6].event.recorded_at += time::Duration::microseconds(1)),
        Some(7)
    );
    assert_eq!(tamper(&|rows| rows[0].event.schema_version = 2), Some(1));
    assert_eq!(tamper(&|rows| rows[9].chain[31] ^= 1), Some(10));
    assert_eq!(tamper(&|rows| rows.swap(2, 3)), Some(4));
    assert_eq!(
        tamper(&|rows| {
            rows.swap(2, 3);
            let (left, right) = rows.split_at_mut(3);
            std::mem::swap(&mut left[2].event.position, &mut right[0].event.position);
        }),
        Some(3)
    );
    assert_eq!(tamper(&|rows| drop(rows.remove(5))), Some(7));
}

#[tokio::test]
async fn what_an_administrator_changes_in_the_database_is_noticed() {
    let change = async |sql: &'static str| {
        let store = Postgres::fresh().await;
        fill(&store).await;
        sqlx::raw_sql(sql).execute(&store.owner).await.unwrap();
        broken_at(verify_log(&store.reader(), Link::GENESIS).await)
    };
    // One byte of one payload; spaces count, since the bytes are what is hashed.
    assert_eq!(
        change("update events set data = replace(data::text, ':', ': ')::json where position = 4").await,
        Some(4)
    );
    assert_eq!(
        change("update events set tenant = 'u' where position = 4").await,
        Some(4)
    );
    assert_eq!(change("delete from events where position = 4").await, Some(5));
    assert_eq!(
        change(
            "update events set position = -position where position in (2, 3);
             update events set position = 5 + position where position in (-2, -3)"
        )
        .await,
        Some(2)
    );
}

#[test]
fn the_genesis_is_zero() {
    assert_eq!(
        Link::GENESIS,
        Link {
            position: Position::START,
            chain: chain::Hash::default()
        }
    );
}
