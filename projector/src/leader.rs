//! The leader's work: one serving group after the other, each until the pointer moves on.
//!
//! Not here: waiting for the lease (`projector`), and what is done beside the serving group (`rebuild`).

use std::collections::BTreeMap;
use std::time::Instant;

use event_store::LogReader;
use platform::pace::Pace;
use schemas::Position;
use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::groups::switch::{Switch, switch};
use crate::groups::{self, Group};
use crate::models;
use crate::projector::Projector;
use crate::rebuild::{Order, Rebuilds, STAND_STILL_MAX};
use crate::runner::{RunError, Runner, Step};

/// Most events per transaction while nobody reads what is filled.
const FILL_BATCH: usize = 5_000;

/// Whether the serving loop goes on after an order.
enum Next {
    SameGroup,
    /// The pointer has moved.
    AnotherGroup,
}

impl<R: LogReader> Projector<R> {
    /// Leads until the stop or a failure, on the lease's own connection.
    pub(crate) async fn serve(&mut self, mut connection: PgConnection) -> Result<(), RunError> {
        while !self.stop.is_cancelled() {
            let group = groups::serving(&mut connection).await?;
            self.measures.serving_group.set(i64::from(group.id));
            connection = if group.is_ours() {
                self.serve_group(connection, group).await?
            } else {
                self.replace(connection, group).await?
            };
        }
        Ok(())
    }

    /// Serves one group until the pointer moves or the stop comes.
    async fn serve_group(
        &mut self,
        connection: PgConnection,
        group: Group,
    ) -> Result<PgConnection, RunError> {
        let batch = self.options.batch;
        let mut runner =
            Runner::open_group(self.reader.clone(), connection, models::all(), batch, group).await?;
        self.publish(runner.position());
        tracing::info!(
            position = runner.position().0,
            group = runner.group().id,
            "the projector leads"
        );
        let (orders, mut ordered) = mpsc::channel(1);
        let beside = Rebuilds {
            reader: self.reader.clone(),
            pool: self.pool.clone(),
            serving: runner.group().clone(),
            position: self.position.subscribe(),
            orders,
            retire_after: self.options.retire_after,
            measures: self.measures.clone(),
            followers: BTreeMap::new(),
        };
        // Ends, with all its followers, when this function does.
        let mut work_beside = JoinSet::new();
        work_beside.spawn(beside.run());
        let (mut pause, mut pace) = (self.options.poll.0, Pace::default());
        while !self.stop.is_cancelled() {
            let started = Instant::now();
            let mut order = ordered.try_recv().ok();
            match runner.step().await? {
                Step::Moved { events } => {
                    pause = self.options.poll.0;
                    self.measures
                        .batch(events, started.elapsed(), runner.frozen_rows());
                    self.measures.lag(&self.options.clock, runner.last_recorded_at());
                    self.publish(runner.position());
                    self.sleep(pace.after(events)).await;
                }
                Step::Lost => {
                    tracing::info!(position = runner.position().0, "another projector was faster");
                    self.publish(runner.position());
                }
                Step::CaughtUp if order.is_none() => {
                    self.measures.lag(&self.options.clock, None);
                    order = self.rest(pause, &mut ordered).await;
                    pause = (pause * 2).min(self.options.poll.1);
                }
                Step::CaughtUp => {}
            }
            if let Some(order) = order
                && let Next::AnotherGroup = self.obey(order, &mut runner).await?
            {
                break;
            }
        }
        Ok(runner.into_connection())
    }

    async fn obey(&self, order: Order, runner: &mut Runner<R>) -> Result<Next, RunError> {
        match order {
            Order::StandStill { at, released } => {
                if at.send(runner.position()).is_ok() {
                    // Released, or the patience is over: both mean going on.
                    let _ = tokio::time::timeout(STAND_STILL_MAX, released).await;
                }
                Ok(Next::SameGroup)
            }
            Order::Switch {
                to,
                mut position,
                request,
                answer,
            } => {
                let here = runner.position();
                let near = position.wait_for(|reached| *reached >= here);
                // Whoever is too late is refused by the transaction.
                let _ = tokio::time::timeout(STAND_STILL_MAX, near).await;
                let from = runner.group().clone();
                let switched = switch(runner.connection(), &from, &to, Some(request)).await?;
                let next = match switched {
                    Switch::Done => {
                        tracing::info!(
                            from = from.id,
                            to = to.id,
                            position = here.0,
                            "queries read another group"
                        );
                        Next::AnotherGroup
                    }
                    Switch::Overtaken => Next::AnotherGroup,
                    Switch::Apart => Next::SameGroup,
                };
                // Nobody waits for the answer if the work beside was dropped; the outcome is in its row.
                let _ = answer.send(switched);
                Ok(next)
            }
        }
    }

    /// Replaces the group of another build by one of this build: fills it from where it is, or from the beginning of the
    /// log, while queries read the old one, which stands still unless the other build's projector still runs.
    async fn replace(&mut self, mut connection: PgConnection, old: Group) -> Result<PgConnection, RunError> {
        self.publish(groups::serving_position(&mut connection).await?);
        let live = groups::live(&mut connection).await?;
        let group = match live.into_iter().rfind(Group::is_ours) {
            Some(group) => group,
            None => groups::create(&mut connection).await?,
        };
        tracing::warn!(
            old = old.fingerprint,
            new = group.fingerprint,
            group = group.id,
            "the serving read models are of another build and stand still until this build's are filled"
        );
        let indexed = group.indexed;
        let mut runner = Runner::open_group(
            self.reader.clone(),
            connection,
            models::all(),
            FILL_BATCH,
            group.clone(),
        )
        .await?;
        self.fill(&mut runner).await?;
        if !indexed && !self.stop.is_cancelled() {
            groups::index(runner.connection(), &group).await?;
            self.fill(&mut runner).await?;
        }
        if !self.stop.is_cancelled() {
            let switched = switch(runner.connection(), &old, &group, None).await?;
            tracing::info!(group = group.id, ?switched, "this build's read models are filled");
        }
        Ok(runner.into_connection())
    }

    /// Folds to the end of the log, or to the stop.
    async fn fill(&self, runner: &mut Runner<R>) -> Result<(), RunError> {
        while !self.stop.is_cancelled() && runner.step().await? != Step::CaughtUp {
            self.measures.rebuild_position.set(runner.position().0);
        }
        Ok(())
    }

    pub(crate) fn publish(&self, position: Position) {
        self.measures.position.set(position.0);
        self.position.send_if_modified(|known| {
            let moves = *known != position;
            *known = position;
            moves
        });
    }
}
