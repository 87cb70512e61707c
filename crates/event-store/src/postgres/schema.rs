//! The log's tables, as numbered steps for whoever runs migrations. Released steps are never edited.

/// The steps of module `log`: version and SQL. They expect the roles `trastienda_engine` and `trastienda_api`.
pub const MIGRATIONS: &[(i32, &str)] = &[(1, LOG), (2, OWNER), (3, WITHOUT_POSITIONS_BY_TENANT)];

/// Grants are the point: the engine can add events, and nobody but the owner can change or remove one. The API role is
/// granted nothing here; the policies stand for whoever is granted something later.
///
/// Identifiers are compared by their bytes, whatever the database's locale: that is faster, and no upgrade of a locale
/// can corrupt an index.
///
/// Expired command records are found through two small indices whose entries arrive in time order, so that they cost the
/// append next to nothing.
const LOG: &str = r#"
create table events (
  position       bigint      not null constraint events_pkey primary key,
  tenant         text        collate "C" not null,
  stream         text        collate "C" not null,
  version        bigint      not null,
  id             uuid        not null,
  type           text        not null,
  schema_version smallint    not null,
  data           json        not null,
  meta           json        not null,
  recorded_at    timestamptz not null,
  chain          bytea       not null
);
create unique index events_stream_version on events (tenant, stream, version);
create index events_tenant_position on events (tenant, position);
alter table events enable row level security;
alter table events force row level security;
create policy tenant_only on events using (tenant = current_setting('trastienda.tenant', true));
grant select, insert on events to trastienda_engine;

create table commands (
  tenant      text        collate "C" not null,
  id          text        collate "C" not null,
  fingerprint bytea       not null,
  keyed       boolean     not null,
  outcome     json        not null,
  position    bigint      not null,
  recorded_at timestamptz not null,
  constraint commands_pkey primary key (tenant, id)
);
create index commands_generated_at on commands (recorded_at) where not keyed;
create index commands_keyed_at on commands using brin (recorded_at) with (pages_per_range = 32);
alter table commands enable row level security;
alter table commands force row level security;
create policy tenant_only on commands using (tenant = current_setting('trastienda.tenant', true));
grant select, insert, delete on commands to trastienda_engine;
"#;

/// One row: who owns the log, and its sign of life. The lease itself is an advisory lock; this only tells a standby whether
/// its holder lives, and people who it is. `beat_at` is for people: standbys count beats, and trust no clock.
const OWNER: &str = "
create table engine_owner (
  id            smallint    primary key default 1 check (id = 1),
  instance      text        not null,
  backend_pid   int         not null,
  backend_start timestamptz not null,
  beats         bigint      not null,
  beat_at       timestamptz not null
);
grant select, insert, update on engine_owner to trastienda_engine;
";

/// No query goes by tenant and position: followers read the whole log, and streams have an index of their own. Each event
/// paid for an entry of 80 bytes of write-ahead log.
const WITHOUT_POSITIONS_BY_TENANT: &str = "drop index events_tenant_position;";
