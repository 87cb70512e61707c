//! Leases on a real server: who has them, and who is ended.

use std::time::Duration;

use crate::db::{self, DbRole};

use super::*;

const KEY: i64 = 0x7472_6173_00ff;

async fn pool(database: &testkit::Database) -> PgPool {
    db::migrate(database.url(), &[]).await.unwrap();
    db::pool(database.url(), DbRole::Engine, 2).await.unwrap()
}

async fn beats(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select beats from leases where key = $1")
        .bind(KEY)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_lease_that_is_given_back_is_taken_by_the_standby() {
    let database = testkit::database().await;
    let pool = pool(&database).await;
    let lease = Lease::try_take(&pool, KEY).await.unwrap().unwrap();
    let mut standby = Standby::new(pool.clone(), KEY);
    assert!(standby.try_take().await.unwrap().is_none());
    lease.release().await.unwrap();
    let mut taken = standby.try_take().await.unwrap().unwrap();
    taken.check().await.unwrap();
}

#[tokio::test]
async fn a_stopped_holder_is_ended_and_finds_that_it_lost() {
    let database = testkit::database().await;
    let pool = pool(&database).await;
    let mut stopped = Lease::try_take(&pool, KEY).await.unwrap().unwrap();
    stopped.heart.stop();
    // It stands in the middle of a transaction, whose row lock must not outlive the lease.
    let mut transaction = stopped.connection().begin().await.unwrap();
    sqlx::query("update leases set taken_at = now() where key = 0")
        .execute(&mut *transaction)
        .await
        .unwrap();
    std::mem::forget(transaction);
    let mut standby = Standby::impatient(pool.clone(), KEY);
    let mut lease = loop {
        if let Some(lease) = standby.try_take().await.unwrap() {
            break lease;
        }
    };
    lease.check().await.unwrap();
    assert!(stopped.check().await.is_err(), "its backend is gone");
    assert!(Lease::try_take(&pool, KEY).await.unwrap().is_none());
}

#[tokio::test]
async fn a_heart_beats_beside_the_work_and_notices_another_holder() {
    let database = testkit::database().await;
    let pool = pool(&database).await;
    let lease = Lease::try_take(&pool, KEY).await.unwrap().unwrap();
    let lost = lease.lost();
    while beats(&pool).await < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!lost.is_cancelled());
    sqlx::query("update leases set pid = 1 where key = $1")
        .bind(KEY)
        .execute(&pool)
        .await
        .unwrap();
    tokio::time::timeout(testkit::PATIENCE, lost.cancelled())
        .await
        .expect("the heart notices that somebody else has signed");
}
