//! Each event counts exactly once, whoever folds it and however often it is tried.

use std::sync::Arc;
use std::time::Duration;

use event_store::MemoryLog;
use platform::clock::SystemClock;
use platform::tasks::Tasks;
use projector::models;
use projector::runner::{RunError, Runner, Step};
use projector::{Projector, ProjectorOptions};
use schemas::Position;
use tokio::sync::watch;

use crate::support::events::{completed, issued, item_created, received};
use crate::support::{Log, Models};

async fn runner(models: &Models, log: &MemoryLog, batch: usize) -> Runner<MemoryLog> {
    let connection = models.engine.acquire().await.unwrap().detach();
    Runner::open(log.clone(), connection, models::all(), batch)
        .await
        .unwrap()
}

async fn run_to_end(runner: &mut Runner<MemoryLog>) -> usize {
    let mut events = 0;
    loop {
        match runner.step().await.unwrap() {
            Step::Moved { events: more } => events += more,
            Step::Lost => {}
            Step::CaughtUp => return events,
        }
    }
}

/// On hand, movements and net sales: what a doubled or lost event would change.
async fn sums(models: &Models) -> (i64, i64, i64, i64) {
    sqlx::query_as(
        "select (select coalesce(sum(on_hand), 0)::bigint from rm_stock),
                (select coalesce(sum(on_hand_delta), 0)::bigint from rm_stock_movements),
                (select coalesce(sum(net_minor), 0)::bigint from rm_daily_sales),
                (select count(*) from rm_audit)",
    )
    .fetch_one(&models.engine)
    .await
    .unwrap()
}

/// 1,000 pieces in, then sales of one piece at 100 each; two events per sale.
async fn shop(sales: usize) -> Log {
    let mut log = Log::new();
    log.append("t1", vec![("stock/centro/A", received("centro", "A", 1000))])
        .await;
    for sale in 0..sales {
        let id = format!("s{sale}");
        log.append(
            "t1",
            vec![
                (&format!("sale/{id}"), completed(&id, None, "2026-11-01", &["A"])),
                ("stock/centro/A", issued("centro", "A", &id)),
            ],
        )
        .await;
    }
    log
}

#[tokio::test]
async fn two_runners_at_once_count_each_event_once() {
    let models = Models::new().await;
    let log = shop(300).await;
    let (mut one, mut two) = (
        runner(&models, &log.reader, 7).await,
        runner(&models, &log.reader, 11).await,
    );
    let (first, second) = tokio::join!(run_to_end(&mut one), run_to_end(&mut two));
    assert_eq!(first + second, 601, "what one lost the other folded");
    assert_eq!(sums(&models).await, (700, 700, 30_000, 601));
}

#[tokio::test]
async fn a_runner_that_slept_through_others_work_finds_that_it_lost() {
    let models = Models::new().await;
    let mut log = shop(5).await;
    let mut sleeper = runner(&models, &log.reader, 4).await;
    assert_eq!(sleeper.step().await.unwrap(), Step::Moved { events: 4 });
    // It holds a read-ahead of the next four events now, while another instance does all of the work.
    run_to_end(&mut runner(&models, &log.reader, 1000).await).await;
    assert_eq!(sleeper.step().await.unwrap(), Step::Lost);
    assert_eq!(sleeper.position(), Position(11));
    log.append("t1", vec![("item/A", item_created("A"))]).await;
    assert_eq!(sleeper.step().await.unwrap(), Step::Moved { events: 1 });
    assert_eq!(sums(&models).await, (995, 995, 500, 12));
}

#[tokio::test]
async fn a_backend_killed_in_mid_transaction_leaves_nothing_half_done() {
    let models = Models::new().await;
    let log = shop(20).await;
    // The last model's table is locked, so the runner stands in the middle of its transaction.
    let mut blocker = models.engine.begin().await.unwrap();
    sqlx::query("lock table rm_item_sales in access exclusive mode")
        .execute(&mut *blocker)
        .await
        .unwrap();
    let mut doomed = runner(&models, &log.reader, 1000).await;
    let kill = async {
        loop {
            let killed: Vec<bool> = sqlx::query_scalar(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock' and query like '%rm_item_sales%'",
            )
            .fetch_all(&models.engine)
            .await
            .unwrap();
            if !killed.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (step, ()) = tokio::join!(doomed.step(), kill);
    assert!(
        matches!(step, Err(ref error @ RunError::Database(_)) if error.is_passing()),
        "{step:?}"
    );
    blocker.rollback().await.unwrap();
    assert_eq!(
        sums(&models).await,
        (0, 0, 0, 0),
        "nothing of the killed transaction stays"
    );
    run_to_end(&mut runner(&models, &log.reader, 1000).await).await;
    assert_eq!(sums(&models).await, (980, 980, 2000, 41));
}

#[tokio::test]
async fn a_new_runner_goes_on_where_the_last_one_stopped() {
    let models = Models::new().await;
    let mut log = shop(3).await;
    run_to_end(&mut runner(&models, &log.reader, 2).await).await;
    let last = log.append("t1", vec![("item/A", item_created("A"))]).await;
    let mut next = runner(&models, &log.reader, 2).await;
    assert_eq!(next.position(), Position(7));
    assert_eq!(run_to_end(&mut next).await, 1);
    assert_eq!(next.position(), Position(last));
}

#[tokio::test]
async fn a_checkpoint_ahead_of_the_log_stops_the_projector() {
    let models = Models::new().await;
    let log = shop(1).await;
    run_to_end(&mut runner(&models, &log.reader, 100).await).await;
    let connection = models.engine.acquire().await.unwrap().detach();
    let opened = Runner::open(MemoryLog::new(), connection, models::all(), 100).await;
    let error = opened.err().unwrap();
    assert!(matches!(
        error,
        RunError::AheadOfLog {
            checkpoint: Position(3),
            head: Position(0)
        }
    ));
    assert!(!error.is_passing());
}

#[tokio::test]
async fn a_standby_takes_over_when_the_leader_stops() {
    let models = Models::new().await;
    let mut log = shop(2).await;
    let options = ProjectorOptions::new(Arc::new(SystemClock));
    let (head, wake) = watch::channel(Position::START);
    let start = |tasks: &Tasks| {
        Projector::start(
            tasks,
            log.reader.clone(),
            models.engine.clone(),
            options.clone(),
            wake.clone(),
        )
    };
    let (leaders, standbys) = (Tasks::new(), Tasks::new());
    let mut leader = start(&leaders);
    leader
        .position
        .wait_for(|position| *position == Position(5))
        .await
        .unwrap();
    let mut standby = start(&standbys);
    standby
        .position
        .wait_for(|position| *position == Position(5))
        .await
        .unwrap();
    leaders.stop(Duration::from_secs(10)).await.unwrap();
    let last = Position(log.append("t1", vec![("item/A", item_created("A"))]).await);
    head.send_replace(last);
    standby
        .position
        .wait_for(|position| *position == last)
        .await
        .unwrap();
    assert_eq!(sums(&models).await, (998, 998, 200, 6));
    standbys.stop(Duration::from_secs(10)).await.unwrap();
}
