//! Carries out what operators ask of the groups, beside the leader's serving loop: fills a new one, has both stand at
//! one position, compares, switches, switches back, drops. Every step can be repeated: what is done is in the database,
//! so whoever leads after a kill goes on where the last one stopped.
//!
//! Not here: the pointer's transaction (`groups::switch`), which the serving loop runs on the lease's own connection.
//! Deliberately absent: anything that the outside world could notice; a rebuild sends nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use event_store::LogReader;
use schemas::Position;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::{mpsc, oneshot, watch};

use crate::follower::Follower;
use crate::groups::compare::{Comparison, compare};
use crate::groups::requests::{self, Action, Request};
use crate::groups::switch::Switch;
use crate::groups::{self, Group};
use crate::measure::Measures;
use crate::models;

/// How often it looks for requests.
const POLL: Duration = Duration::from_millis(250);
/// How often it looks how far a follower is.
const LOOK: Duration = Duration::from_millis(50);
/// The pause after a failure.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Most events per transaction of a group that queries do not read.
const FOLLOWER_BATCH: usize = 5_000;
/// A group this close to the serving one has caught up: the rest is folded while that stands still.
const NEAR_EVENTS: i64 = 2_000;
/// Longest time that the serving group stands still for another one.
pub(crate) const STAND_STILL_MAX: Duration = Duration::from_secs(2);
/// Attempts at standing at one position before the request is looked at again.
const ALIGN_ATTEMPTS: u32 = 20;

/// What is asked of the serving loop, between two of its steps.
pub(crate) enum Order {
    /// Say where you are and stand still until the other end is dropped, at most [`STAND_STILL_MAX`].
    StandStill {
        at: oneshot::Sender<Position>,
        released: oneshot::Receiver<()>,
    },
    /// Stand still until a group is at your position, and move the pointer to it.
    Switch {
        to: Group,
        position: watch::Receiver<Position>,
        request: i64,
        answer: oneshot::Sender<Switch>,
    },
}

/// Why a request is not carried out.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The leader is going; another one carries on.
    #[error("the serving loop has ended")]
    Ended,
    /// What was asked for cannot be done.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    /// Whether a new attempt can succeed without anybody's help: connections, resources, ends of backends.
    fn is_passing(&self) -> bool {
        match self {
            Failure::Refused(_) => false,
            Failure::Ended => true,
            Failure::Database(error) => error.as_database_error().is_none_or(|error| {
                error.code().is_some_and(|code| {
                    ["08", "40", "53", "57", "58"]
                        .iter()
                        .any(|class| code.starts_with(class))
                })
            }),
        }
    }
}

/// The work beside one term of leading one serving group.
pub(crate) struct Rebuilds<R> {
    pub reader: R,
    pub pool: PgPool,
    pub serving: Group,
    /// Where the serving group is.
    pub position: watch::Receiver<Position>,
    pub orders: mpsc::Sender<Order>,
    /// How long a group that queries have left is kept from being dropped.
    pub retire_after: Duration,
    pub measures: Measures,
    pub followers: BTreeMap<i32, Follower>,
}

impl<R: LogReader> Rebuilds<R> {
    /// Works until it is dropped.
    pub async fn run(mut self) {
        loop {
            let pause = match self.turn().await {
                Ok(()) => POLL,
                Err(failure) => {
                    tracing::warn!(error = %failure, "work on groups of read models starts over");
                    RETRY_PAUSE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn turn(&mut self) -> Result<(), Failure> {
        let mut connection = self.pool.acquire().await?;
        self.follow_all(&mut connection).await?;
        let Some(request) = requests::next(&mut connection).await? else {
            self.measures.rebuild_running.set(0);
            return Ok(());
        };
        drop(connection);
        self.measures.rebuild_running.set(1);
        self.enter(request, "starting").await?;
        let done = match request.wish.action {
            Action::Rebuild => self.rebuild(request).await,
            Action::Switch => self.switch_to_candidate(request).await,
            Action::SwitchBack => self.switch_back(request).await,
            Action::Drop => self.drop_groups(request).await,
        };
        match done {
            Err(failure) if !failure.is_passing() => {
                tracing::error!(error = %failure, request = request.id, "a request for the read models failed");
                self.finish(request, false, &failure.to_string()).await
            }
            other => other,
        }
    }

    /// Keeps every group of this build fed that queries may come to read, and drops those that they never will again.
    async fn follow_all(&mut self, connection: &mut PgConnection) -> Result<(), Failure> {
        let groups = groups::live(connection).await?;
        self.followers
            .retain(|id, follower| !follower.has_ended() && groups.iter().any(|group| group.id == *id));
        for id in groups::outlived(connection, self.retire_after).await? {
            self.followers.remove(&id);
            groups::drop_group(connection, id).await?;
        }
        let previous = groups::pointer(connection).await?.previous;
        for group in groups {
            let may_serve = !group.is_retired || Some(group.id) == previous;
            if group.id != self.serving.id && group.is_ours() && may_serve {
                self.follow(&group);
            }
        }
        Ok(())
    }

    fn follow(&mut self, group: &Group) -> watch::Receiver<Position> {
        let follower = self.followers.entry(group.id).or_insert_with(|| {
            let (reader, pool, limit) = (self.reader.clone(), self.pool.clone(), self.position.clone());
            Follower::start(reader, pool, group.clone(), limit, FOLLOWER_BATCH)
        });
        follower.position.clone()
    }

    async fn rebuild(&mut self, request: Request) -> Result<(), Failure> {
        let group = match request.wish.group {
            Some(id) => self.find(id).await?,
            None => self.begin(request).await?,
        };
        self.judge_and_switch(request, group).await
    }

    /// Creates the group, in one transaction with the note that it is this request's. Groups that were built earlier
    /// and never served make room.
    async fn begin(&mut self, request: Request) -> Result<Group, Failure> {
        let mut transaction = self.pool.begin().await?;
        let previous = groups::pointer(&mut transaction).await?.previous;
        for group in groups::live(&mut transaction).await? {
            if group.id != self.serving.id && Some(group.id) != previous && !group.is_retired {
                self.followers.remove(&group.id);
                groups::drop_group(&mut transaction, group.id).await?;
            }
        }
        let group = groups::create(&mut transaction).await?;
        requests::assign(&mut transaction, request.id, group.id).await?;
        transaction.commit().await?;
        tracing::info!(group = group.id, "a group of read models is built");
        Ok(group)
    }

    async fn find(&self, id: i32) -> Result<Group, Failure> {
        let mut connection = self.pool.acquire().await?;
        let groups = groups::live(&mut connection).await?;
        let group = groups.into_iter().find(|group| group.id == id);
        let group = group.ok_or_else(|| Failure::Refused(format!("there is no group {id}")))?;
        if !group.is_ours() {
            return Err(Failure::Refused(format!("group {id} is of another build")));
        }
        if group.id == self.serving.id {
            return Err(Failure::Refused(format!("queries read group {id} already")));
        }
        Ok(group)
    }

    async fn switch_to_candidate(&mut self, request: Request) -> Result<(), Failure> {
        let group = match request.wish.group {
            Some(id) => self.find(id).await?,
            None => self.candidate().await?,
        };
        self.judge_and_switch(request, group).await
    }

    /// The newest group of this build that has not served.
    async fn candidate(&self) -> Result<Group, Failure> {
        let mut connection = self.pool.acquire().await?;
        let groups = groups::live(&mut connection).await?;
        let candidate = groups
            .into_iter()
            .rfind(|group| group.is_ours() && group.id != self.serving.id && !group.is_retired);
        candidate
            .ok_or_else(|| Failure::Refused("no group waits to be switched to: rebuild first".to_owned()))
    }

    async fn switch_back(&mut self, request: Request) -> Result<(), Failure> {
        let mut connection = self.pool.acquire().await?;
        let previous = groups::pointer(&mut connection).await?.previous;
        drop(connection);
        let previous =
            previous.ok_or_else(|| Failure::Refused("no group served before this one".to_owned()))?;
        let group = self.find(previous).await?;
        self.catch_up(request, &group).await?;
        self.switch(request, &group).await
    }

    async fn judge_and_switch(&mut self, request: Request, group: Group) -> Result<(), Failure> {
        self.catch_up(request, &group).await?;
        if !group.indexed {
            self.enter(request, "indexing").await?;
            groups::index(&mut *self.pool.acquire().await?, &group).await?;
            self.catch_up(request, &group).await?;
        }
        self.enter(request, "comparing").await?;
        let comparison = self.compare(&group).await?;
        let found = said(&comparison);
        if comparison.differences > 0 && !request.wish.force {
            let outcome = format!("group {} differs and is not switched to: {found}", group.id);
            return self.finish(request, false, &outcome).await;
        }
        if request.wish.hold {
            let outcome = format!("group {} is ready: {found}", group.id);
            return self.finish(request, true, &outcome).await;
        }
        self.switch(request, &group).await
    }

    /// Waits until a group is near the serving one.
    async fn catch_up(&mut self, request: Request, group: &Group) -> Result<(), Failure> {
        self.enter(request, "filling").await?;
        loop {
            let reached = self.follow(group);
            let (reached, serving) = (*reached.borrow(), *self.position.borrow());
            self.measures.rebuild_position.set(reached.0);
            if reached.0 > 0 && serving.0 - reached.0 <= NEAR_EVENTS || serving == Position::START {
                return Ok(());
            }
            if self.followers.get(&group.id).is_none_or(Follower::has_ended) {
                return Err(Failure::Refused(format!("group {} was dropped", group.id)));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Has both groups stand at one position for as long as it takes to take a snapshot, and compares in that.
    async fn compare(&mut self, group: &Group) -> Result<Comparison, Failure> {
        let mut connection = self.pool.acquire().await?;
        let mut reached = self.follow(group);
        for _ in 0..ALIGN_ATTEMPTS {
            let (at, standing) = oneshot::channel();
            let (release, released) = oneshot::channel();
            let order = Order::StandStill { at, released };
            self.orders.send(order).await.map_err(|_| Failure::Ended)?;
            let at = standing.await.map_err(|_| Failure::Ended)?;
            let near = reached.wait_for(|position| *position >= at);
            // Whoever is too late is asked again.
            let _ = tokio::time::timeout(STAND_STILL_MAX, near).await;
            let mut snapshot = connection
                .begin_with("begin isolation level repeatable read read only")
                .await?;
            let positions: Vec<i64> =
                sqlx::query_scalar("select position from projection_checkpoint where name in ($1, $2)")
                    .bind(&self.serving.schema)
                    .bind(&group.schema)
                    .fetch_all(&mut *snapshot)
                    .await?;
            drop(release);
            let [one, other] = positions.as_slice() else {
                return Err(Failure::Refused(format!("group {} was dropped", group.id)));
            };
            if one != other {
                snapshot.rollback().await?;
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let comparison = compare(&mut snapshot, &models::all(), &self.serving, group).await?;
            let position = *one;
            snapshot.commit().await?;
            self.note(&mut connection, group, position, &comparison).await?;
            return Ok(comparison);
        }
        // Passing: the request stays open and is taken up again.
        Err(Failure::Database(sqlx::Error::PoolTimedOut))
    }

    async fn note(
        &self,
        connection: &mut PgConnection,
        group: &Group,
        position: i64,
        comparison: &Comparison,
    ) -> Result<(), Failure> {
        self.measures.rebuild_differences.set(comparison.differences);
        tracing::info!(
            group = group.id,
            position,
            differences = comparison.differences,
            frozen = comparison.frozen,
            "a group was compared with the serving one"
        );
        sqlx::query(
            "update projection_groups set compared_position = $2, differences = $3, report = $4 where id = $1",
        )
        .bind(group.id)
        .bind(position)
        .bind(comparison.differences)
        .bind(said(comparison))
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Drops a group once no query can be reading it any more: one that began before the switch ends within its limits.
    async fn drop_one(&mut self, request: Request, id: i32) -> Result<(), Failure> {
        let since_retired = "select extract(epoch from clock_timestamp() - retired_at)::double precision
                             from projection_groups where id = $1";
        loop {
            let mut connection = self.pool.acquire().await?;
            let retired_s: Option<f64> = sqlx::query_scalar(since_retired)
                .bind(id)
                .fetch_optional(&mut *connection)
                .await?
                .flatten();
            if retired_s.is_none_or(|seconds| seconds >= self.retire_after.as_secs_f64()) {
                self.followers.remove(&id);
                return Ok(groups::drop_group(&mut connection, id).await?);
            }
            requests::enter(&mut connection, request.id, "waiting for the last readers").await?;
            drop(connection);
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn drop_groups(&mut self, request: Request) -> Result<(), Failure> {
        let groups = groups::live(&mut *self.pool.acquire().await?).await?;
        let (mut dropped, wanted) = (Vec::new(), request.wish.group);
        if wanted == Some(self.serving.id) {
            return Err(Failure::Refused(format!(
                "queries read group {}",
                self.serving.id
            )));
        }
        for group in groups {
            if group.id != self.serving.id && wanted.is_none_or(|wanted| wanted == group.id) {
                self.drop_one(request, group.id).await?;
                dropped.push(group.id.to_string());
            }
        }
        let outcome = match dropped.as_slice() {
            [] => "there was nothing to drop".to_owned(),
            dropped => format!("dropped: {}", dropped.join(", ")),
        };
        self.finish(request, true, &outcome).await
    }

    /// Asks the serving loop to move the pointer; once it has, this work ends with it.
    async fn switch(&mut self, request: Request, group: &Group) -> Result<(), Failure> {
        self.enter(request, "switching").await?;
        for _ in 0..ALIGN_ATTEMPTS {
            let (answer, answered) = oneshot::channel();
            let order = Order::Switch {
                to: group.clone(),
                position: self.follow(group),
                request: request.id,
                answer,
            };
            self.orders.send(order).await.map_err(|_| Failure::Ended)?;
            match answered.await.map_err(|_| Failure::Ended)? {
                Switch::Done | Switch::Overtaken => return Err(Failure::Ended),
                Switch::Apart => tokio::time::sleep(LOOK).await,
            }
        }
        Err(Failure::Database(sqlx::Error::PoolTimedOut))
    }

    async fn enter(&self, request: Request, phase: &str) -> Result<(), Failure> {
        let mut connection = self.pool.acquire().await?;
        Ok(requests::enter(&mut connection, request.id, phase).await?)
    }

    async fn finish(&self, request: Request, ok: bool, outcome: &str) -> Result<(), Failure> {
        let mut connection = self.pool.acquire().await?;
        Ok(requests::finish(&mut connection, request.id, ok, outcome).await?)
    }
}

/// A comparison in words.
fn said(comparison: &Comparison) -> String {
    let mut text = format!("{} rows differ", comparison.differences);
    if comparison.frozen > 0 {
        text.push_str(&format!(", {} frozen ones are repaired", comparison.frozen));
    }
    for line in &comparison.report {
        text.push_str("; ");
        text.push_str(line);
    }
    text
}
