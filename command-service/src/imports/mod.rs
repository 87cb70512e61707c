//! Smart imports (INV-6): a file is stored, read in a child process, compared with the catalogue, shown, and carried out.
//!
//! ```text
//!  upload ─▶ received ─▶ drafted ─▶ confirming ─▶ applying ─▶ completed        (failed, repeated)
//!             file        rows        once per file  commands with derived ids
//! ```
//! Each arrow is a step that can be done again: what a step needs is in the database before it begins, and commands have
//! ids that derive from import and row, so that a kill loses nothing and doubles nothing. The log's owner takes the steps.
//! The state of an import is data of its own, beside the log; what it changed is in the log. Not here: reading files
//! (crates/imports), the rules (crates/domain), and the lists (query-service).

mod api;
mod apply;
mod barcodes;
pub mod child;
pub mod direct;
mod parser;
mod plan;
mod runner;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod upload;
mod world;

use std::sync::Arc;

use platform::db::Migration;
use platform::tasks::{OnEnd, Tasks};
use sqlx::PgPool;
use tokio::sync::{Notify, watch};

use crate::http::Commands;

pub use self::api::{FILE_OPERATIONS, MAX_UPLOAD_BYTES, ROUTES, service, spec};
pub use self::parser::ParserProgram;

/// `status` of a row follows from its parts. `work` is what the runner submits, `changes` what people read.
pub const MIGRATION: Migration = Migration {
    module: "imports",
    version: 1,
    sql: r#"create table imports (
            tenant text collate "C" not null, import_id text collate "C" not null,
            number bigint generated always as identity, status text not null, kind text not null, stock text not null,
            store text, price_drop_ppm bigint not null, confirms boolean not null, file_name text,
            file_sha256 text not null, file_bytes bigint not null, actor json not null, reason text, traceparent text,
            draft_sha256 text, overrides text[] not null default '{}', layout json, warnings json, counts json,
            failure json, same_as text, attempts int not null default 0, due_at timestamptz not null default now(),
            created_at timestamptz not null default now(), drafted_at timestamptz, confirmed_at timestamptz,
            ended_at timestamptz, primary key (tenant, import_id));
          create unique index imports_order on imports (tenant, number);
          create index imports_open on imports (due_at) where status in ('received', 'confirming', 'applying');
          alter table imports enable row level security;
          alter table imports force row level security;
          create policy tenant_only on imports using (tenant = current_setting('trastienda.tenant', true));
          grant select on imports to trastienda_api;
          grant select, insert, update, delete on imports to trastienda_engine;
          create table import_files (
            tenant text collate "C" not null, import_id text collate "C" not null, content bytea not null,
            stored_at timestamptz not null default now(), primary key (tenant, import_id));
          alter table import_files alter column content set storage external;
          alter table import_files enable row level security;
          alter table import_files force row level security;
          create policy tenant_only on import_files using (tenant = current_setting('trastienda.tenant', true));
          grant select, insert, update, delete on import_files to trastienda_engine;
          create table import_rows (
            tenant text collate "C" not null, import_id text collate "C" not null, line bigint not null, sku text,
            is_invalid boolean not null, item text, stock text, item_holds text[] not null, stock_holds text[] not null,
            chunk int, changes json not null, work json not null, warnings json not null, problem json,
            status text not null generated always as (case
              when is_invalid then 'invalid'
              when item = 'refused' or stock = 'refused' then 'refused'
              when item = 'changed_meanwhile' or stock = 'changed_meanwhile' then 'changed_meanwhile'
              when item = 'planned' or stock = 'planned' then 'planned'
              when item = 'held' or stock = 'held' then 'held'
              when item = 'applied' or stock = 'applied' then 'applied'
              else 'unchanged' end) stored,
            primary key (tenant, import_id, line));
          create index import_rows_to_do on import_rows (tenant, import_id, line)
            where item = 'planned' or stock = 'planned';
          alter table import_rows enable row level security;
          alter table import_rows force row level security;
          create policy tenant_only on import_rows using (tenant = current_setting('trastienda.tenant', true));
          grant select on import_rows to trastienda_api;
          grant select, insert, update, delete on import_rows to trastienda_engine;"#,
};

/// Differences over the limit of movements wait for approval, each as a movement. How far an import is stands beside it
/// (`parts`, of which `open`, and `rows` by status), so that polling it counts no rows.
pub const WAITING_MIGRATION: Migration = Migration {
    module: "imports",
    version: 2,
    sql: r#"alter table imports add column progress json;
          alter table import_rows add column movement_id text;
          alter table import_rows drop column status;
          alter table import_rows add column status text not null generated always as (case
              when is_invalid then 'invalid'
              when item = 'refused' or stock = 'refused' then 'refused'
              when item = 'changed_meanwhile' or stock = 'changed_meanwhile' then 'changed_meanwhile'
              when item = 'planned' or stock = 'planned' then 'planned'
              when item = 'held' or stock = 'held' then 'held'
              when stock = 'waiting' then 'waiting_approval'
              when item = 'applied' or stock = 'applied' then 'applied'
              else 'unchanged' end) stored;
          update imports i set progress = (
            select json_build_object('parts', coalesce(sum(parts), 0), 'open', coalesce(sum(open), 0),
              'rows', coalesce(json_object_agg(status, rows), '{}'::json))
            from (select status, count(*) as rows, count(item) + count(stock) as parts,
                    count(*) filter (where item = 'planned') + count(*) filter (where stock = 'planned') as open
                  from import_rows r where r.tenant = i.tenant and r.import_id = i.import_id group by status) counted);
          create index imports_drafts on imports (tenant, number) where status = 'drafted';"#,
};

/// Each part's rows that are still to do, in the order in which they are carried out, so that a page costs what it takes
/// and not what the file has.
pub const TO_DO_MIGRATION: Migration = Migration {
    module: "imports",
    version: 3,
    sql: r#"drop index import_rows_to_do;
          create index import_rows_items on import_rows (tenant, import_id, line) where item = 'planned';
          create index import_rows_stock on import_rows (tenant, import_id, coalesce(chunk, 2147483647), line)
            where stock = 'planned';"#,
};

/// A row of which one part is held back is `held` from the draft on, whatever becomes of its other part.
pub const HELD_MIGRATION: Migration = Migration {
    module: "imports",
    version: 4,
    sql: r#"alter table import_rows drop column status;
          alter table import_rows add column status text not null generated always as (case
              when is_invalid then 'invalid'
              when item = 'refused' or stock = 'refused' then 'refused'
              when item = 'changed_meanwhile' or stock = 'changed_meanwhile' then 'changed_meanwhile'
              when item = 'held' or stock = 'held' then 'held'
              when item = 'planned' or stock = 'planned' then 'planned'
              when stock = 'waiting' then 'waiting_approval'
              when item = 'applied' or stock = 'applied' then 'applied'
              else 'unchanged' end) stored;
          update imports i set progress = (
            select json_build_object('parts', coalesce(sum(parts), 0), 'open', coalesce(sum(open), 0),
              'rows', coalesce(json_object_agg(status, rows), '{}'::json))
            from (select status, count(*) as rows, count(item) + count(stock) as parts,
                    count(*) filter (where item = 'planned') + count(*) filter (where stock = 'planned') as open
                  from import_rows r where r.tenant = i.tenant and r.import_id = i.import_id group by status) counted)
          where status in ('drafted', 'confirming', 'applying');"#,
};

/// What the parts of imports share. Cheap to clone.
#[derive(Clone)]
pub struct Imports {
    pub(self) pool: PgPool,
    pub(self) commands: Arc<dyn Commands>,
    pub(self) parser: ParserProgram,
    /// There is something to do, so that nobody waits for a poll.
    pub(self) wake: Arc<Notify>,
}

impl Imports {
    /// `pool` is the engine role's.
    pub fn new(pool: PgPool, commands: Arc<dyn Commands>, parser: ParserProgram) -> Self {
        Self {
            pool,
            commands,
            parser,
            wake: Arc::default(),
        }
    }

    /// Takes the steps of imports whenever this process owns the log.
    pub fn start(&self, tasks: &Tasks, ownership: watch::Receiver<bool>) {
        let runner = runner::Runner {
            imports: self.clone(),
            ownership,
            stop: tasks.stop_token(),
        };
        tasks.spawn("imports", OnEnd::Fatal, runner.run());
    }
}
