-- What an endpoint's deliveries and attempts add up to, moved in the transactions that move the rows, so that nobody
-- counts rows. Each kind of writer has a row of its own (part), so that they do not wait for each other; read the sum.
create table webhook_counters (
  endpoint bigint not null,
  part smallint not null,               -- 0 matching, 1 recording attempts, 2 settling and replays
  tenant text not null,
  matched bigint not null default 0,
  delivered bigint not null default 0,
  pending bigint not null default 0,
  retrying bigint not null default 0,
  held bigint not null default 0,
  dead bigint not null default 0,
  erased bigint not null default 0,
  attempts bigint not null default 0,
  failures bigint not null default 0,   -- of the attempts
  latency_ms bigint not null default 0, -- of all attempts together
  within_10_ms bigint not null default 0,
  within_100_ms bigint not null default 0,
  within_1000_ms bigint not null default 0,
  within_10000_ms bigint not null default 0,
  last_success_at timestamptz,
  last_failure_at timestamptz,
  primary key (endpoint, part)
) with (fillfactor = 50);
insert into webhook_counters (endpoint, part, tenant, matched, delivered, pending, retrying, held, dead)
  select e.endpoint, 0, e.tenant, e.next_sequence - 1,
    count(*) filter (where d.status = 'delivered'), count(*) filter (where d.status = 'pending'),
    count(*) filter (where d.status = 'retrying'), count(*) filter (where d.status = 'held'),
    count(*) filter (where d.status = 'dead')
  from webhook_endpoints e left join webhook_deliveries d on d.endpoint = e.endpoint
  group by e.endpoint, e.tenant, e.next_sequence;
insert into webhook_counters (endpoint, part, tenant, attempts, failures, latency_ms, within_10_ms, within_100_ms,
    within_1000_ms, within_10000_ms, last_success_at, last_failure_at)
  select endpoint, 1, min(tenant), count(*), count(*) filter (where (status_code between 200 and 299) is not true),
    sum(latency_ms), count(*) filter (where latency_ms <= 10), count(*) filter (where latency_ms <= 100),
    count(*) filter (where latency_ms <= 1000), count(*) filter (where latency_ms <= 10000),
    max(started_at) filter (where status_code between 200 and 299),
    max(started_at) filter (where (status_code between 200 and 299) is not true)
  from webhook_attempts group by endpoint;

-- The secret before the last rotation, while it is valid, too.
alter table webhook_endpoints add column previous_secret_id text, add column previous_secret_fingerprint text,
  add column previous_secret_until timestamptz;

-- A replay begins the schedule again: attempts up to here are of the delivery's earlier lives.
alter table webhook_deliveries add column attempt_base int not null default 0;
alter table webhook_deliveries drop constraint webhook_deliveries_status_check;
alter table webhook_deliveries add constraint webhook_deliveries_status_check
  check (status in ('pending', 'retrying', 'held', 'delivered', 'dead', 'erased'));

-- Requests to send finished deliveries again, as the log has them, and how far each one is.
create table webhook_replays (
  position bigint primary key,          -- of the event that asked for it
  endpoint bigint not null,
  tenant text not null,
  selection json not null,
  rate_per_s int not null,
  last_sequence bigint not null,        -- later deliveries were not there when it was asked for
  cursor bigint,                        -- looked at up to this sequence; null before the first step
  replayed bigint not null default 0,
  state text not null default 'running' check (state in ('running', 'done', 'cancelled')),
  next_at timestamptz not null default now(),
  requested_at timestamptz not null,
  requested_by text not null,
  reason text,
  finished_at timestamptz
);
create index webhook_replays_running on webhook_replays (next_at) where state = 'running';
create index webhook_replays_endpoint on webhook_replays (endpoint, position);

-- Breakers that are not as they began, as the instance that moved them last saw them.
create table webhook_breakers (
  endpoint bigint primary key,
  tenant text not null,
  state text not null check (state in ('closed', 'open', 'half_open', 'draining')),
  usual_per_s double precision not null,
  since timestamptz not null default now()
);

do $$
declare one text;
begin
  foreach one in array array['webhook_counters', 'webhook_replays', 'webhook_breakers'] loop
    execute format('alter table %I enable row level security', one);
    execute format('alter table %I force row level security', one);
    execute format('create policy tenant_only on %I using (tenant = current_setting(''trastienda.tenant'', true))', one);
    execute format('grant select on %I to trastienda_api', one);
    execute format('grant select, insert, update, delete on %I to trastienda_engine', one);
  end loop;
end $$;
