//! Promise: positions are dense, and nothing ever appears behind a position that a reader has seen.
//!
//! Density is the Postgres (and memory) backend's own promise; a reader leans on the second half only. The check is shown
//! to catch a log that numbers rows by a sequence (`naive`).

use std::sync::Arc;

use event_store::{Append, AppendError, ChainReader, Link, LogReader, LogWriter, verify_log};
use schemas::{Position, RecordedEvent};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fixture::{Store, append_halving, command, everything, key, write, writer_when_free};

const WRITERS: usize = 64;
const OBSERVERS: usize = 4;

/// What an observer first saw, in the order in which it saw it.
pub type Journal = Vec<(Position, Uuid)>;

/// Follows the log by its own last position until `done` and the end is reached.
pub async fn observe(reader: impl LogReader, max: usize, done: watch::Receiver<bool>) -> Journal {
    observe_and_tell(reader, max, done, watch::channel(Position::START).0).await
}

/// As [`observe`], telling after each read how far it is.
pub async fn observe_and_tell(
    reader: impl LogReader,
    max: usize,
    done: watch::Receiver<bool>,
    progress: watch::Sender<Position>,
) -> Journal {
    let mut journal = Journal::new();
    loop {
        let was_done = *done.borrow();
        let after = journal.last().map_or(Position::START, |seen| seen.0);
        let events = reader.read_all(after, max).await.unwrap();
        if events.is_empty() && was_done {
            return journal;
        }
        journal.extend(events.iter().map(|event| (event.position, event.id)));
        progress.send_replace(journal.last().map_or(Position::START, |seen| seen.0));
        tokio::task::yield_now().await;
    }
}

/// The check itself: the log is dense, and the observer saw all of it, once, in order.
pub fn check(journal: &Journal, log: &[RecordedEvent]) -> Result<(), String> {
    for (index, event) in log.iter().enumerate() {
        if usize::try_from(event.position.0) != Ok(index + 1) {
            return Err(format!(
                "event {} of the log stands at position {}",
                index + 1,
                event.position
            ));
        }
    }
    for (index, event) in log.iter().enumerate() {
        match journal.get(index) {
            Some(seen) if *seen == (event.position, event.id) => {}
            Some(seen) => {
                return Err(format!(
                    "saw {} where {} stands: it came late",
                    seen.0, event.position
                ));
            }
            None => return Err(format!("never saw {}", event.position)),
        }
    }
    if journal.len() > log.len() {
        Err("saw what is not in the log".into())
    } else {
        Ok(())
    }
}

type Answer = Result<Position, AppendError>;
type Job = (Append, oneshot::Sender<Answer>);

/// Sends `count` commands on a stream of its own, one after the other; answers what was acknowledged.
async fn submit(
    queue: mpsc::Sender<Job>,
    name: String,
    count: usize,
    with_failures: bool,
) -> Vec<(Append, Position)> {
    let mut acknowledged: Vec<(Append, Position)> = Vec::new();
    let mut version = 0;
    for n in 0..count {
        let events = 1 + n % 2;
        let fails = with_failures && n % 3 == 1;
        // Failing ones alternate between a version that is too high and a row that the store refuses.
        let append = match (fails, n % 2) {
            (true, 0) => command(vec![write(&name, version + 5, events)]),
            (true, _) => command(vec![write(&format!("{name}\0"), 0, events)]),
            _ => command(vec![write(&name, version, events)]),
        };
        let (answer, answered) = oneshot::channel();
        queue.send((append.clone(), answer)).await.unwrap();
        match answered.await.unwrap() {
            Ok(position) => {
                assert!(!fails, "a bad command was accepted");
                version += i64::try_from(events).unwrap();
                acknowledged.push((append, position));
            }
            Err(error) => assert!(fails, "a good command was refused: {error:?}"),
        }
    }
    acknowledged
}

/// Drains whatever waits into one batch, as the engine does.
async fn next_batch(queue: &mut mpsc::Receiver<Job>) -> Option<(Vec<Append>, Vec<oneshot::Sender<Answer>>)> {
    let mut jobs = Vec::new();
    (queue.recv_many(&mut jobs, 1_024).await > 0).then(|| jobs.into_iter().unzip())
}

/// The one owner of the log. Whenever its lease is lost it takes it again, then looks, then answers or appends again.
/// Tells how many batches are done.
async fn own<S: Store>(store: Arc<S>, mut queue: mpsc::Receiver<Job>, batches: watch::Sender<usize>) {
    let mut writer = writer_when_free(&*store).await;
    while let Some((mut batch, mut answers)) = next_batch(&mut queue).await {
        loop {
            match append_halving(&mut writer, &batch).await {
                Ok(results) => {
                    answers
                        .drain(..)
                        .zip(results)
                        .for_each(|(answer, result)| drop(answer.send(result)));
                    break;
                }
                Err(AppendError::Unknown(_) | AppendError::Fenced) => {
                    let again = writer.append(&batch).await;
                    assert!(matches!(again, Err(AppendError::Fenced)), "a lost lease was used");
                    take_over(&*store, &mut writer).await;
                    (batch, answers) = decide(&store.reader(), batch, answers).await;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        batches.send_modify(|batches| *batches += 1);
    }
}

/// By turns another writer takes the lease over, or the old one takes it again.
async fn take_over<S: Store>(store: &S, writer: &mut S::Writer) {
    let mut turn = 0;
    loop {
        turn += 1;
        let taken = match turn % 2 {
            0 => writer.recover().await.map(|_| ()),
            _ => store.writer().await.map(|new| *writer = new),
        };
        match taken {
            Ok(()) => return,
            // The next loss may have come already.
            Err(AppendError::Fenced | AppendError::Unknown(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Answers what has landed; what has not is to be appended again.
async fn decide(
    reader: &impl LogReader,
    batch: Vec<Append>,
    answers: Vec<oneshot::Sender<Answer>>,
) -> (Vec<Append>, Vec<oneshot::Sender<Answer>>) {
    let ids: Vec<_> = batch.iter().map(key).collect();
    let stored = reader.commands(&ids).await.unwrap();
    let mut again = (Vec::new(), Vec::new());
    for ((append, answer), stored) in batch.into_iter().zip(answers).zip(stored) {
        match stored {
            Some(stored) => drop(answer.send(Ok(stored.position))),
            None => {
                again.0.push(append);
                again.1.push(answer);
            }
        }
    }
    again
}

/// 64 writers, one owner, polling observers; `lease_losses` times the owner's session is ended from outside.
async fn storm<S: Store>(store: &S, per_writer: usize, with_failures: bool, lease_losses: usize) {
    let store = Arc::new(store.clone());
    let (queue, waiting) = mpsc::channel(WRITERS);
    let (finish, done) = watch::channel(false);
    let (batches, mut progress) = watch::channel(0);
    let mut observers = JoinSet::new();
    for n in 0..OBSERVERS {
        observers.spawn(observe(store.reader(), [1, 7, 100, usize::MAX][n], done.clone()));
    }
    let mut submitters = JoinSet::new();
    for n in 0..WRITERS {
        submitters.spawn(submit(
            queue.clone(),
            format!("stock/{n}"),
            per_writer,
            with_failures,
        ));
    }
    drop(queue);
    let mut owner = JoinSet::new();
    owner.spawn(own(store.clone(), waiting, batches));
    for _ in 0..lease_losses {
        // Spread over the run: each loss waits until the owner has got further, or is done.
        let before = *progress.borrow();
        let _ = progress.wait_for(|batches| *batches > before).await;
        store.end_owner().await;
    }
    let acknowledged = submitters.join_all().await.concat();
    owner.join_all().await;
    finish.send_replace(true);
    let log = everything(&store.reader()).await;
    for journal in observers.join_all().await {
        check(&journal, &log).unwrap();
    }
    check_acknowledged(&acknowledged, &log);
    check_chain(&store.reader(), &log).await;
}

/// Every acknowledged command's events are there once, together, ending at the position that was told; nothing else is.
fn check_acknowledged(acknowledged: &[(Append, Position)], log: &[RecordedEvent]) {
    let mut events = 0;
    for (append, position) in acknowledged {
        let ids: Vec<Uuid> = append
            .writes
            .iter()
            .flat_map(|w| w.events.iter().map(|e| e.id))
            .collect();
        let last = usize::try_from(position.0).unwrap();
        let there: Vec<Uuid> = log[last - ids.len()..last].iter().map(|e| e.id).collect();
        assert_eq!(there, ids);
        events += ids.len();
    }
    assert_eq!(events, log.len(), "the log holds what nobody was told of");
}

async fn check_chain(reader: &impl ChainReader, log: &[RecordedEvent]) {
    let end = verify_log(reader, Link::GENESIS).await.unwrap();
    assert_eq!(
        end.position,
        log.last().map_or(Position::START, |event| event.position)
    );
}

pub async fn positions_are_dense_and_never_late_under_64_writers<S: Store>(store: &S) {
    storm(store, 12, false, 0).await;
}

pub async fn failed_appends_leave_no_holes<S: Store>(store: &S) {
    storm(store, 9, true, 0).await;
}

pub async fn a_lost_lease_leaves_no_holes_and_loses_nothing<S: Store>(store: &S) {
    storm(store, 12, true, 5).await;
}
