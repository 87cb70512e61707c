-- Endpoints as the log says they are; folded by the matcher in the transaction that moves its checkpoint.
create table webhook_endpoints (
  tenant text not null,
  endpoint_id text not null,
  endpoint bigint not null unique,      -- the position of its creation: a short key for deliveries
  state text not null check (state in ('active', 'paused', 'disabled', 'deleted')),
  cause text,                           -- why it is disabled
  settings json not null,
  secret_id text not null,
  secret_fingerprint text not null,
  next_sequence bigint not null default 1,
  cursor bigint,                        -- while a backfill runs: matched up to here; null means live
  cursor_settings json,                 -- the settings as of the cursor
  changed_position bigint not null,
  created_at timestamptz not null,
  primary key (tenant, endpoint_id)
);
-- One row per endpoint and event, for ever. The body is made from the stored event at `position`, the sequence and
-- the payload version, so it is not stored again.
create table webhook_deliveries (
  endpoint bigint not null,
  sequence bigint not null,
  tenant text not null,
  position bigint not null,
  event_id uuid not null,
  event_type text not null,
  recorded_at timestamptz not null,     -- the event's
  payload smallint not null,            -- 1 summary, 2 full
  fast boolean not null,                -- still in the lane of security events
  status text not null check (status in ('pending', 'retrying', 'held', 'delivered', 'dead')),
  attempts int not null default 0,
  due_at timestamptz not null,
  lease_until timestamptz,
  matched_at timestamptz not null default now(),
  finished_at timestamptz,
  last_status int,
  last_error text,
  primary key (endpoint, sequence),
  unique (endpoint, position)
);
create index webhook_deliveries_due on webhook_deliveries (endpoint, due_at, sequence)
  where status in ('pending', 'retrying') and not fast;
create index webhook_deliveries_due_fast on webhook_deliveries (endpoint, due_at, sequence)
  where status in ('pending', 'retrying') and fast;
create index webhook_deliveries_held on webhook_deliveries (endpoint, sequence) where status = 'held';
create index webhook_deliveries_dead on webhook_deliveries (endpoint, sequence) where status = 'dead';
-- Rows change twice in their first second: vacuum must keep up with the due indexes.
alter table webhook_deliveries set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
create table webhook_attempts (
  endpoint bigint not null,
  sequence bigint not null,
  number int not null,
  tenant text not null,
  started_at timestamptz not null,
  latency_ms int not null,
  status_code int,                      -- null when there was no answer
  error_code text,
  excerpt text,                         -- the answer's first KiB, for administrators
  primary key (endpoint, sequence, number)
);
create table dispatcher_checkpoint (
  name text primary key,
  position bigint not null,
  updated_at timestamptz not null default now()
);
insert into dispatcher_checkpoint (name, position) values ('matcher', 0);
grant select, insert, update on dispatcher_checkpoint to trastienda_engine;
grant select on dispatcher_checkpoint to trastienda_api;

do $$
declare one text;
begin
  foreach one in array array['webhook_endpoints', 'webhook_deliveries', 'webhook_attempts'] loop
    execute format('alter table %I enable row level security', one);
    execute format('alter table %I force row level security', one);
    execute format('create policy tenant_only on %I using (tenant = current_setting(''trastienda.tenant'', true))', one);
    execute format('grant select on %I to trastienda_api', one);
    execute format('grant select, insert, update, delete on %I to trastienda_engine', one);
  end loop;
end $$;
