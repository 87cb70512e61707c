//! Several engines on one log in memory: who decides, who is told to go elsewhere, and what becomes of what was begun.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::*;

const ELSEWHERE: SubmitError = SubmitError::Unavailable { retry_after_s: 2 };

/// An engine that finds the log owned.
fn stand_by(log: &MemoryLog, tasks: &Tasks) -> Engine {
    assert!(log.writer().is_err(), "the log has an owner");
    Engine::start(
        tasks,
        log.clone(),
        log.standby(),
        None,
        None,
        Arc::new(SystemClock),
        EngineOptions::default(),
    )
}

async fn until_owner(engine: &Engine, owns: bool) {
    engine.ownership().wait_for(|now| *now == owns).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_standby_decides_nothing_and_takes_over_when_the_owner_ends() {
    let bench = Bench::fresh();
    bench.open_shop(TENANT, 2).await;
    let before = bench.events().await;
    let tasks = Tasks::new();
    let standby = stand_by(&bench.log, &tasks);
    let store = StreamName::new("store", "centro");
    assert!(!*standby.ownership().borrow());
    assert!(standby.owns_log().unwrap_err().starts_with("standing by"));
    let refused = standby.submit(submission(TENANT, Some("k"), take_one())).await;
    assert_eq!(refused.unwrap_err(), ELSEWHERE);
    assert_eq!(
        standby.peek(&tenant(TENANT), &store).await.unwrap_err(),
        ELSEWHERE
    );
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(
        bench.engine.is_ready() && !standby.is_ready(),
        "both stay what they are"
    );
    assert_eq!(bench.events().await, before);

    let first = bench.accept(submission(TENANT, Some("first"), take_one())).await;
    bench.tasks.stop(Duration::from_secs(10)).await.unwrap();
    until_owner(&standby, true).await;
    assert_eq!(*standby.head().borrow(), first);
    let again = standby
        .submit(submission(TENANT, Some("first"), take_one()))
        .await;
    assert!(matches!(again, Ok(Reply::Accepted { position, replayed: true, .. }) if position == first));
    let last = standby.submit(submission(TENANT, Some("k"), take_one())).await;
    assert!(matches!(last, Ok(Reply::Accepted { replayed: false, .. })));
    let none_left = standby.submit(submission(TENANT, None, take_one())).await;
    assert!(matches!(none_left, Ok(Reply::Refused { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_idle_owner_notices_that_it_lost_the_log_and_has_it_back_later() {
    let bench = Bench::fresh();
    bench.open_shop(TENANT, 1).await;
    // Another owner sells the last one while this one does nothing.
    bench.log.end_owner();
    let other = Bench::start(&bench.log, &[], EngineOptions::default());
    other.accept(submission(TENANT, None, take_one())).await;
    until_owner(&bench.engine, false).await;
    let refused = bench.engine.submit(submission(TENANT, None, take_one())).await;
    assert_eq!(refused.unwrap_err(), ELSEWHERE);
    other.tasks.stop(Duration::from_secs(10)).await.unwrap();
    until_owner(&bench.engine, true).await;
    let none_left = bench
        .engine
        .submit(submission(TENANT, None, take_one()))
        .await
        .unwrap();
    assert!(
        matches!(none_left, Reply::Refused { .. }),
        "what was cached before is forgotten"
    );
}

/// A writer whose session is ended in mid-append, before or after the commit, by somebody who then owns the log.
struct FencedWriter {
    inner: MemoryWriter,
    log: MemoryLog,
    lands: bool,
    is_armed: Arc<AtomicBool>,
    usurper: Arc<Mutex<Option<MemoryWriter>>>,
}

impl LogWriter for FencedWriter {
    type Heartbeat = MemoryHeartbeat;

    fn heartbeat(&self) -> MemoryHeartbeat {
        self.inner.heartbeat()
    }

    async fn append(&mut self, batch: &[Append]) -> Result<Vec<Appended>, AppendError> {
        if !self.is_armed.swap(false, Ordering::SeqCst) {
            return self.inner.append(batch).await;
        }
        if self.lands {
            self.inner.append(batch).await?;
        }
        self.log.end_owner();
        *self.usurper.lock().unwrap() = Some(self.log.writer()?);
        Err(AppendError::Unknown("the session was ended".into()))
    }

    async fn check(&mut self) -> Result<(), AppendError> {
        self.inner.check().await
    }

    async fn recover(&mut self) -> Result<Position, AppendError> {
        self.inner.recover().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_fenced_owner_answers_what_landed_and_sends_the_rest_elsewhere() {
    for lands in [true, false] {
        let log = MemoryLog::new();
        let shop = Bench::start(&log, &[], EngineOptions::default());
        shop.open_shop(TENANT, 10).await;
        shop.tasks.stop(Duration::from_secs(10)).await.unwrap();
        let before = log.head().await.unwrap();
        let (is_armed, usurper) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let writer = FencedWriter {
            inner: log.writer().unwrap(),
            log: log.clone(),
            lands,
            is_armed: Arc::clone(&is_armed),
            usurper: Arc::clone(&usurper),
        };
        let tasks = Tasks::new();
        let engine = Engine::start(
            &tasks,
            log.clone(),
            writer,
            Some(before),
            None,
            Arc::new(SystemClock),
            EngineOptions::default(),
        );
        let keys: Vec<String> = (0..5).map(|n| format!("k{n}")).collect();
        let answers = join_all(
            keys.iter()
                .map(|key| engine.submit(submission(TENANT, Some(key), take_one()))),
        )
        .await;
        for answer in &answers {
            match answer {
                Ok(Reply::Accepted { .. }) => assert!(lands, "answered though it did not land"),
                Err(error) => assert_eq!(*error, ELSEWHERE),
                Ok(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(answers.iter().any(Result::is_ok), lands);
        assert!(!engine.is_ready());
        let landed = log.head().await.unwrap().0 - before.0;
        assert_eq!(
            usize::try_from(landed).unwrap(),
            answers.iter().filter(|answer| answer.is_ok()).count(),
            "what is answered is what is there"
        );
        // The other owner leaves; whoever was sent away asks again, and nothing happens twice.
        usurper.lock().unwrap().take();
        until_owner(&engine, true).await;
        for key in &keys {
            let again = engine.submit(submission(TENANT, Some(key), take_one())).await;
            assert!(matches!(again, Ok(Reply::Accepted { .. })), "{again:?}");
        }
        assert_eq!(log.head().await.unwrap().0 - before.0, 5, "lands: {lands}");
    }
}

#[tokio::test(start_paused = true)]
async fn commands_that_wait_for_a_lost_owner_are_sent_elsewhere_at_once() {
    let bench = Bench::fresh();
    bench.open_shop(TENANT, 10).await;
    let closed = bench.close_gate().await;
    let started = tokio::time::Instant::now();
    let waiting = join_all((0..5).map(|_| bench.engine.submit(submission(TENANT, None, take_one()))));
    let usurp = async {
        settle().await;
        bench.log.end_owner();
        let usurper = bench.log.writer().unwrap();
        drop(closed);
        usurper
    };
    let (answers, usurper) = tokio::join!(waiting, usurp);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(error) if *error == ELSEWHERE))
    );
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "nobody waits for the log to come back"
    );
    drop(usurper);
}

#[tokio::test(start_paused = true)]
async fn an_owner_beats_every_second_though_its_append_takes_long_and_a_standby_does_not() {
    let bench = Bench::fresh();
    bench.open_shop(TENANT, 10).await;
    let tasks = Tasks::new();
    let _standby = stand_by(&bench.log, &tasks);
    let idle = bench.log.beats();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let beats = bench.log.beats() - idle;
    assert!((9..=11).contains(&beats), "{beats} while idle");
    let closed = bench.close_gate().await;
    let command = bench.engine.submit(submission(TENANT, None, take_one()));
    let busy = bench.log.beats();
    let wait = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let beats = bench.log.beats() - busy;
        assert!((9..=11).contains(&beats), "{beats} while it appends");
        drop(closed);
    };
    let (answer, ()) = tokio::join!(command, wait);
    assert!(matches!(answer, Ok(Reply::Accepted { .. })));
}
