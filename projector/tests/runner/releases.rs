//! Databases of earlier releases: their tables are taken over, and models that have changed are filled beside them.

use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};

use crate::support::events::{issued, received};
use crate::support::{Log, Models};

/// Takes a database back to the release before groups: one set of tables, one checkpoint, a step per model.
async fn before_groups(models: &Models, stock_version: i32) {
    let mut owner = PgConnection::connect(models.url()).await.unwrap();
    owner
        .execute(
            "drop view projection_serving;
             drop table projection_requests, projection_pointer, projection_groups, projection_builds;
             drop function projection_group_create, projection_group_index, projection_group_drop,
               projection_group_begin;
             update projection_checkpoint set name = 'serving' where name = 'public';
             delete from schema_migrations where module like 'projection\\_groups' or module like 'projection\\_build %'",
        )
        .await
        .unwrap();
    for model in projector::models::all() {
        let version = if model.name() == "stock" {
            stock_version
        } else {
            model.version()
        };
        sqlx::query("insert into schema_migrations (module, version) values ('rm_' || $1, $2)")
            .bind(model.name())
            .bind(version)
            .execute(&mut owner)
            .await
            .unwrap();
    }
}

/// The version that a model has in this build.
fn current(name: &str) -> i32 {
    let models = projector::models::all();
    models
        .iter()
        .find(|model| model.name() == name)
        .unwrap()
        .version()
}

async fn filled() -> (Models, Log) {
    let models = Models::new().await;
    let mut log = Log::new();
    log.append("t1", vec![("stock/centro/A", received("centro", "A", 10))])
        .await;
    log.append("t1", vec![("stock/centro/A", issued("centro", "A", "s1"))])
        .await;
    let (tasks, mut handle, _head) = models.project(log.reader.clone());
    handle
        .position
        .wait_for(|position| position.0 == 2)
        .await
        .unwrap();
    tasks.stop(Duration::from_secs(10)).await.unwrap();
    (models, log)
}

async fn serving(models: &Models) -> (i32, i64) {
    sqlx::query_as("select id, position from projection_serving")
        .fetch_one(&models.engine)
        .await
        .unwrap()
}

#[tokio::test]
async fn tables_of_the_release_before_groups_become_group_0_as_they_are() {
    let (models, mut log) = filled().await;
    before_groups(&models, current("stock")).await;
    platform::db::migrate(models.url(), projector::migrations())
        .await
        .unwrap();
    assert_eq!(serving(&models).await, (0, 2));
    log.append("t1", vec![("stock/centro/A", issued("centro", "A", "s2"))])
        .await;
    let (tasks, mut handle, _head) = models.project(log.reader.clone());
    handle
        .position
        .wait_for(|position| position.0 == 3)
        .await
        .unwrap();
    let on_hand: i64 = sqlx::query_scalar("select on_hand from public.rm_stock")
        .fetch_one(&models.engine)
        .await
        .unwrap();
    assert_eq!(on_hand, 8);
    tasks.stop(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_build_with_other_models_fills_its_own_group_while_the_old_one_is_read() {
    let (models, log) = filled().await;
    before_groups(&models, 0).await;
    platform::db::migrate(models.url(), projector::migrations())
        .await
        .unwrap();
    assert_eq!(
        serving(&models).await,
        (0, 2),
        "what is there can be read until then"
    );
    let (tasks, _handle, _head) = models.project(log.reader.clone());
    let deadline = tokio::time::Instant::now() + testkit::PATIENCE;
    while serving(&models).await != (1, 2) {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let on_hand: i64 = sqlx::query_scalar("select on_hand from rm_1.rm_stock")
        .fetch_one(&models.engine)
        .await
        .unwrap();
    assert_eq!(on_hand, 9);
    tasks.stop(Duration::from_secs(10)).await.unwrap();
}
