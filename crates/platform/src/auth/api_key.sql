-- Which key a secret belongs to, by its keyed hash. Written before the log hears of the secret, and of no meaning
-- without it: what the key accepts stands in its stream.
create table api_key_secrets (
  hash bytea primary key check (length(hash) = 32),
  tenant text not null,
  api_key_id text not null,
  created_at timestamptz not null default now()
);

-- What a key used of its present hour, and when it was last used. `granted` is what the last statement gave out.
create table api_key_usage (
  tenant text not null,
  api_key_id text not null,
  window_started_at timestamptz,
  taken bigint not null default 0,
  granted bigint not null default 0,
  last_used_at timestamptz,
  primary key (tenant, api_key_id)
) with (fillfactor = 70);

-- One row per call that an external system made or got (LogIntegracion).
create table integration_log (
  tenant text not null,
  fecha timestamptz not null,
  id uuid not null,
  sistema text not null,
  tipo text not null,
  estado text not null check (estado in ('EXITOSO', 'ERROR')),
  datos_enviados text not null,
  datos_recibidos text,
  error text not null,
  api_key_id text,
  http_status smallint,
  duration_ms bigint not null,
  primary key (tenant, fecha, id)
);
create index integration_log_fecha on integration_log (fecha);

do $$ declare one text; begin
  foreach one in array array['api_key_secrets', 'api_key_usage', 'integration_log'] loop
    execute format('alter table %I enable row level security', one);
    execute format('alter table %I force row level security', one);
    execute format('create policy tenant_only on %I using (tenant = current_setting(''trastienda.tenant'', true))', one);
    execute format('grant select, insert, update, delete on %I to trastienda_engine', one);
  end loop;
end $$;
grant select (tenant, api_key_id, last_used_at) on api_key_usage to trastienda_api;
grant select on integration_log to trastienda_api;
