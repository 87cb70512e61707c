//! Promise: when the connection is lost in mid-commit, the outcome is called unknown; after the lease is held again the
//! records tell the truth: nothing is doubled, nothing is lost.

use event_store::{Append, AppendError, Link, LogReader, LogWriter, PostgresWriter, verify_log};
use schemas::Position;
use sqlx::Transaction;

use crate::fixture::{Postgres, Store, command, everything, key, patient, single, write};
use crate::proxy::{Cut, Proxy};

/// How often the connection is cut; `TRASTIENDA_CUTS` makes it as often as the laboratory wants.
fn cuts() -> usize {
    let wanted = std::env::var_os("TRASTIENDA_CUTS").map(|text| text.to_str().unwrap().parse().unwrap());
    wanted.unwrap_or(200)
}

/// One or three commands on new streams, so that the append is the only statement.
fn batch(round: usize) -> Vec<Append> {
    match round % 2 {
        0 => vec![single(&format!("sale/{round}"), 0)],
        _ => (0..3)
            .map(|n| {
                command(vec![
                    write(&format!("sale/{round}-{n}"), 0, 2),
                    write(&format!("stock/{round}-{n}"), 0, 1),
                ])
            })
            .collect(),
    }
}

/// Takes the lease again; the server may need a moment to notice that the old session is gone.
async fn recover(writer: &mut PostgresWriter) -> Position {
    loop {
        match writer.recover().await {
            Ok(head) => return head,
            Err(AppendError::Fenced) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Holds the command's id in a transaction that has not ended: whoever inserts it waits.
async fn block(store: &Postgres, append: &Append) -> Transaction<'static, sqlx::Postgres> {
    let mut blocker = store.owner.begin().await.unwrap();
    sqlx::query("insert into commands values ($1, $2, '', true, '{}', 0, now())")
        .bind(append.tenant.as_str())
        .bind(&append.record.id)
        .execute(&mut *blocker)
        .await
        .unwrap();
    blocker
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_lost_commit_the_records_tell_the_truth() {
    const CUTS: [Cut; 4] = [
        Cut::BeforeTheServer,
        Cut::InTheMiddle,
        Cut::AtTheServer,
        Cut::BeforeTheAnswer,
    ];
    let store = Postgres::fresh().await;
    let proxy = Proxy::start(&store.engine_target()).await;
    let target = proxy.through(&store.engine_target());
    let mut writer = PostgresWriter::connect_with(target, patient()).await.unwrap();
    let reader = store.reader();
    let mut sent = Vec::new();
    for round in 0..cuts() {
        let batch = batch(round / CUTS.len());
        let batch: Vec<_> = batch
            .into_iter()
            .map(|mut append| {
                append
                    .writes
                    .iter_mut()
                    .for_each(|w| w.stream = schemas::StreamName::stored(&format!("{}-{round}", w.stream)));
                append
            })
            .collect();
        let cut = CUTS[round % CUTS.len()];
        proxy.cut_next(cut);
        let lost = writer.append(&batch).await;
        assert!(matches!(lost, Err(AppendError::Unknown(_))), "{cut:?}: {lost:?}");
        assert!(proxy.has_cut());
        assert!(
            matches!(writer.append(&batch).await, Err(AppendError::Fenced)),
            "used before the lease is held again"
        );

        // Lease first, then look, then answer.
        let head = recover(&mut writer).await;
        let ids: Vec<_> = batch.iter().map(key).collect();
        let stored = reader.commands(&ids).await.unwrap();
        let landed = stored.iter().filter(|s| s.is_some()).count();
        assert!(landed == 0 || landed == batch.len(), "{cut:?}: a part has landed");
        match cut {
            Cut::BeforeTheServer | Cut::InTheMiddle => assert_eq!(landed, 0, "{cut:?}"),
            Cut::BeforeTheAnswer => assert_eq!(landed, batch.len(), "{cut:?}"),
            Cut::AtTheServer | Cut::ClientOnly => {}
        }
        assert_eq!(reader.head().await.unwrap(), head);
        if landed == 0 {
            writer.append(&batch).await.unwrap();
        } else {
            let again = writer.append(&batch).await;
            assert!(
                matches!(
                    again,
                    Err(AppendError::WrongVersion { .. } | AppendError::DuplicateCommand)
                ),
                "{again:?}"
            );
        }
        sent.extend(batch);
    }
    let log: Vec<_> = everything(&reader).await.iter().map(|e| e.id).collect();
    let expected: Vec<_> = sent
        .iter()
        .flat_map(|a| a.writes.iter().flat_map(|w| w.events.iter().map(|e| e.id)))
        .collect();
    assert_eq!(log, expected, "each command is there once, in order");
    verify_log(&reader, Link::GENESIS).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_lingers_on_the_server_has_ended_once_the_lease_is_held() {
    let store = Postgres::fresh().await;
    let proxy = Proxy::start(&store.engine_target()).await;
    let target = proxy.through(&store.engine_target());
    let mut writer = PostgresWriter::connect_with(target, patient()).await.unwrap();
    let lost = single("sale/1", 0);
    // The statement waits on the server for this transaction, and its backend does not notice that the client is gone.
    let blocker = block(&store, &lost).await;
    proxy.cut_next(Cut::ClientOnly);
    assert!(matches!(
        writer.append(std::slice::from_ref(&lost)).await,
        Err(AppendError::Unknown(_))
    ));
    let reader = store.reader();
    assert!(
        reader.commands(&[key(&lost)]).await.unwrap()[0].is_none(),
        "a look before the lease proves nothing"
    );

    recover(&mut writer).await;
    let told = reader.commands(&[key(&lost)]).await.unwrap()[0].is_some();
    blocker.rollback().await.unwrap();
    // Nobody else works on the server for this log any more, so what was told cannot change.
    let others: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity
         where application_name = 'trastienda-log-writer' and datname = current_database()",
    )
    .fetch_one(&store.owner)
    .await
    .unwrap();
    assert_eq!(others, 1, "only the recovered session is left");
    assert_eq!(reader.commands(&[key(&lost)]).await.unwrap()[0].is_some(), told);
    assert!(!told);
    writer.append(&[lost]).await.unwrap();
    assert_eq!(everything(&reader).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_answering_is_given_up_in_time() {
    let store = Postgres::fresh().await;
    let options = event_store::WriterOptions {
        statement_timeout: std::time::Duration::from_secs(1),
        ..patient()
    };
    let mut writer = PostgresWriter::connect_with(store.engine_target(), options)
        .await
        .unwrap();
    let late = single("sale/1", 0);
    let blocker = block(&store, &late).await;
    let late = writer.append(&[late]).await;
    assert!(matches!(late, Err(AppendError::Unknown(_))), "{late:?}");
    blocker.rollback().await.unwrap();
    assert_eq!(recover(&mut writer).await, Position::START);
    writer.append(&[single("sale/1", 0)]).await.unwrap();
}
