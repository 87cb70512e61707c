-- What retention removed is counted, so that sums go on holding.
alter table webhook_counters add column purged bigint not null default 0,   -- of the delivered ones
  add column purged_attempts bigint not null default 0;
alter table feed_connectors add column purged bigint not null default 0;    -- of the sent ones
