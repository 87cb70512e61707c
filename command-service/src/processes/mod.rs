//! Runs the domain's processes: follows the log, keeps their timers, and submits their commands.
//!
//! ```text
//!  log ──▶ react ──▶ checkpoint + timers (one transaction) ──▶ due? ──▶ react ──▶ engine ──▶ outcome ──▶ timers
//! ```
//! Only the process that owns the log works at it, and nothing rests on that: the checkpoint and every timer move by
//! compare-and-swap, and a command's id is a function of the process, the position and the timer, so that an owner that
//! was stopped and comes back gets old answers and changes nothing. Not here: what processes do (`domain::processes`).

mod changes;
mod measure;
mod runner;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use domain::processes::Process;
use event_store::LogReader;
use platform::db::Migration;
use platform::tasks::{OnEnd, Tasks};
use schemas::Position;
use sqlx::PgPool;
use tokio::sync::watch;

use crate::engine::Engine;
use crate::http::Commands;

use self::measure::Measures;
use self::runner::Runner;

/// `due_at` is compared with the database's clock. `command` is there when the row stands for a command that an event
/// led to, and not for a timer. `attempt` counts outcomes and is part of the command's id; `failures` counts tries
/// since, none of which came to an outcome.
pub const MIGRATION: Migration = Migration {
    module: "processes",
    version: 1,
    sql: r#"create table process_checkpoints (
            process text collate "C" primary key, position bigint not null,
            moved_at timestamptz not null default now());
          grant select, insert, update on process_checkpoints to trastienda_engine;
          create table process_timers (
            process text collate "C" not null, tenant text collate "C" not null, key text collate "C" not null,
            position bigint not null, due_at timestamptz not null, attempt int not null default 0,
            failures int not null default 0, command json, primary key (process, tenant, key));
          create index process_timers_due on process_timers (process, due_at);
          alter table process_timers enable row level security;
          alter table process_timers force row level security;
          create policy tenant_only on process_timers using (tenant = current_setting('trastienda.tenant', true));
          grant select, insert, update, delete on process_timers to trastienda_engine;"#,
};

/// Beside each timer the trace context of the event that it goes back to, so that what comes of it is found with it.
pub const MIGRATION_TRACES: Migration = Migration {
    module: "processes",
    version: 2,
    sql: "alter table process_timers add column traceparent text;",
};

/// How a process is run.
#[derive(Debug, Clone)]
pub struct ProcessOptions {
    /// Most events or timers of one step.
    pub batch: usize,
    /// Pause between two looks at the log and the timers: the least, after there was something to do, and the most. A
    /// look that was full is followed by the next one at once.
    pub poll: (Duration, Duration),
    /// How long one command may take before the others go on without it; it is asked for again.
    pub answer_within: Duration,
    /// The first pause after a try that came to no outcome or is to be repeated; doubled up to the second.
    pub retry: (Duration, Duration),
}

impl Default for ProcessOptions {
    fn default() -> Self {
        Self {
            batch: 256,
            poll: (Duration::from_millis(100), Duration::from_millis(250)),
            answer_within: Duration::from_secs(5),
            retry: (Duration::from_secs(1), Duration::from_secs(10)),
        }
    }
}

/// What a process needs of the write side.
#[derive(Clone)]
pub(crate) struct WriteSide {
    pub commands: Arc<dyn Commands>,
    pub ownership: watch::Receiver<bool>,
    pub head: watch::Receiver<Position>,
}

/// Starts every process of the domain.
pub fn start<R: LogReader>(
    tasks: &Tasks,
    engine: &Engine,
    reader: &R,
    engine_pool: &PgPool,
    options: &ProcessOptions,
) {
    let write_side = WriteSide {
        commands: Arc::new(engine.clone()),
        ownership: engine.ownership(),
        head: engine.head(),
    };
    for process in domain::processes::ALL {
        start_one(tasks, *process, &write_side, reader, engine_pool, options);
    }
}

fn start_one<R: LogReader>(
    tasks: &Tasks,
    process: Process,
    write_side: &WriteSide,
    reader: &R,
    engine_pool: &PgPool,
    options: &ProcessOptions,
) {
    let runner = Runner {
        process,
        write_side: write_side.clone(),
        reader: reader.clone(),
        pool: engine_pool.clone(),
        options: options.clone(),
        stop: tasks.stop_token(),
        measures: Measures::register(process.name),
    };
    tasks.spawn("process", OnEnd::Fatal, runner.run());
}
