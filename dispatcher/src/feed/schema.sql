-- Connectors as the log says they are; folded by the matcher in the transaction that moves its checkpoint.
create table feed_connectors (
  tenant text not null,
  slug text not null,
  connector bigint not null unique,     -- the position of its creation: a short key for the feed
  name text not null,
  state text not null check (state in ('active', 'disabled', 'revoked')),
  grants json not null,
  next_sequence bigint not null default 1,
  changed_position bigint not null,
  created_at timestamptz not null,
  primary key (tenant, slug)
);
-- Tokens that are accepted, by their keyed hash; at most two of a connector.
create table feed_tokens (
  connector bigint not null,
  token_id text not null,
  tenant text not null,
  hash bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz,
  primary key (connector, token_id)
);
create index feed_tokens_hash on feed_tokens (hash);
-- One row per connector and granted event, for ever. What is handed out is made from the stored event at `position`, so
-- it is not stored again. A row without a due time is not handed out any more.
create table feed_events (
  connector bigint not null,
  sequence bigint not null,
  tenant text not null,
  position bigint not null,
  event_id uuid not null,
  entity text not null,
  status text not null default 'PENDING' check (status in ('PENDING', 'SENT', 'FAILED')),
  due_at timestamptz,
  leased_until timestamptz,             -- informs people; due_at decides
  attempts int not null default 0,      -- times handed out
  failures int not null default 0,
  failed_attempt int,                   -- which handing out the last failure was reported for
  final boolean not null default false, -- the consumer gave it up
  detail text,
  settled_at timestamptz,               -- of the last acknowledgement
  primary key (connector, sequence),
  unique (connector, position)
);
create index feed_events_due on feed_events (connector, due_at, sequence) where due_at is not null;
create index feed_events_due_entity on feed_events (connector, entity, due_at, sequence) where due_at is not null;
-- Rows change twice in their first minute: vacuum must keep up with the due indexes.
alter table feed_events set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);

do $$
declare one text;
begin
  foreach one in array array['feed_connectors', 'feed_tokens', 'feed_events'] loop
    execute format('alter table %I enable row level security', one);
    execute format('alter table %I force row level security', one);
    execute format('create policy tenant_only on %I using (tenant = current_setting(''trastienda.tenant'', true))', one);
    execute format('grant select, insert, update, delete on %I to trastienda_engine', one);
  end loop;
end $$;
grant select on feed_connectors, feed_events to trastienda_api;
-- Hashes are for the check of tokens alone, which does not run under this role.
grant select (connector, token_id, tenant, created_at, expires_at) on feed_tokens to trastienda_api;
