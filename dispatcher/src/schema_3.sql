-- Deliveries that are open stand in a small table of their own, so that taking one touches no index and a settled one
-- leaves by one deletion; finished ones are written once. The view of both has the name that the one table had.
-- Row security is forced on the owner, too, who is to move the rows: it is lifted until they are.
alter table webhook_deliveries no force row level security;
alter table webhook_counters no force row level security;

alter table webhook_deliveries rename to webhook_finished;
alter index webhook_deliveries_pkey rename to webhook_finished_pkey;
alter index webhook_deliveries_dead rename to webhook_finished_dead;
drop index webhook_deliveries_due, webhook_deliveries_due_fast, webhook_deliveries_held;
-- Positions grow with the sequence numbers, so that a search by position needs no index.
alter table webhook_finished drop constraint webhook_deliveries_endpoint_position_key;

-- Whether an open delivery is pending or retrying says `attempts`; whether it is held says its endpoint's state.
create table webhook_open (
  endpoint bigint not null,
  sequence bigint not null,
  tenant text not null,
  position bigint not null,
  event_id uuid not null,
  event_type text not null,
  recorded_at timestamptz not null,     -- the event's
  payload smallint not null,            -- 1 summary, 2 full
  fast boolean not null,                -- still in the lane of security events
  attempts int not null default 0,
  attempt_base int not null default 0,  -- a replay begins the schedule again: attempts up to here are of earlier lives
  due_at timestamptz not null default now(),
  lease_until timestamptz,              -- in no index, so that a claim stays within the row's page
  tried_at timestamptz,                 -- when due_at was put off; null while it is what matching made it
  matched_at timestamptz not null default now(),
  last_status int,
  last_error text,
  primary key (endpoint, sequence)
) with (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
create index webhook_open_due on webhook_open (endpoint, due_at, sequence) where not fast;
create index webhook_open_due_fast on webhook_open (endpoint, due_at, sequence) where fast;

with moved as (
  select endpoint, tenant,
    count(*) filter (where attempts = attempt_base) as pending,
    count(*) filter (where attempts <> attempt_base) as retrying,
    count(*) filter (where status = 'pending') as was_pending,
    count(*) filter (where status = 'retrying') as was_retrying,
    count(*) filter (where status = 'held') as was_held
  from webhook_finished where status in ('pending', 'retrying', 'held') group by endpoint, tenant)
insert into webhook_counters as c (endpoint, part, tenant, pending, retrying, held)
  select endpoint, 2, tenant, pending - was_pending, retrying - was_retrying, -was_held from moved
  on conflict (endpoint, part) do update set pending = c.pending + excluded.pending,
    retrying = c.retrying + excluded.retrying, held = c.held + excluded.held;
with moved as (
  delete from webhook_finished where status in ('pending', 'retrying', 'held') returning *)
insert into webhook_open (endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload, fast,
    attempts, attempt_base, due_at, lease_until, tried_at, matched_at, last_status, last_error)
  select endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload, fast, attempts,
    attempt_base, due_at, lease_until, case when due_at > matched_at then matched_at end, matched_at, last_status,
    last_error
  from moved;

alter table webhook_finished drop constraint webhook_deliveries_status_check, drop column fast, drop column due_at,
  drop column lease_until, drop column attempt_base,
  add constraint webhook_finished_status_check check (status in ('delivered', 'dead', 'erased')),
  reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
-- Deliveries that were put off before their endpoint was resumed are due at once.
alter table webhook_endpoints add column resumed_at timestamptz;

alter table webhook_finished force row level security;
alter table webhook_counters force row level security;
alter table webhook_open enable row level security;
alter table webhook_open force row level security;
create policy tenant_only on webhook_open using (tenant = current_setting('trastienda.tenant', true));
grant select on webhook_open to trastienda_api;
grant select, insert, update, delete on webhook_open to trastienda_engine;

-- For readers; who reads it sees what the tables' row security lets him see.
create view webhook_deliveries with (security_invoker = true) as
  select endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload, fast,
    case when attempts = attempt_base then 'pending' else 'retrying' end as status,
    attempts, due_at, lease_until, matched_at, null::timestamptz as finished_at, last_status, last_error
  from webhook_open
  union all
  select endpoint, sequence, tenant, position, event_id, event_type, recorded_at, payload, false, status, attempts,
    null, null, matched_at, finished_at, last_status, last_error
  from webhook_finished;
grant select on webhook_deliveries to trastienda_api, trastienda_engine;
