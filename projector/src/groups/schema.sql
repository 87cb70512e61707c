-- Groups of read models: which there are, which one queries read, and what an operator asks of them.
-- Deliberately absent: the models' own tables; their text comes with each build.

-- What a build's models look like in SQL. Only the owner writes here, so that whoever may create a group can create
-- nothing else.
create table projection_builds (
  fingerprint text collate "C" primary key,
  create_sql  text not null,
  index_sql   text not null,
  released_at timestamptz not null default now()
);

-- A group holds all read models of one build in a schema of its own, with one checkpoint, named after the schema.
-- Group 0 is `public`. Rows of dropped groups stay: a number is never used again.
create table projection_groups (
  id                int primary key,
  schema            text not null unique,
  fingerprint       text not null,
  indexed           boolean not null default false,
  created_at        timestamptz not null default now(),
  retired_at        timestamptz,
  dropped_at        timestamptz,
  compared_position bigint,
  differences       bigint,
  report            text
);

-- The one row that says what queries read.
create table projection_pointer (
  only_row          boolean primary key default true check (only_row),
  serving           int not null references projection_groups,
  previous          int references projection_groups,
  switched_at       timestamptz not null default now(),
  switched_position bigint not null default 0
);

-- What was asked for; the leading projector does one after the other.
create table projection_requests (
  id           bigint generated always as identity primary key,
  action       text not null check (action in ('rebuild', 'switch', 'switch_back', 'drop')),
  group_id     int,
  force        boolean not null default false,
  hold         boolean not null default false,
  requested_at timestamptz not null default now(),
  phase        text not null default 'waiting',
  done_at      timestamptz,
  ok           boolean,
  outcome      text
);
create index projection_requests_open on projection_requests (id) where done_at is null;

create view projection_serving as
  select g.id, g.schema, c.position
  from projection_pointer p join projection_groups g on g.id = p.serving
  join projection_checkpoint c on c.name = g.schema;

grant select on projection_builds, projection_groups, projection_pointer, projection_requests to trastienda_engine;
grant update on projection_groups, projection_pointer to trastienda_engine;
grant insert, update on projection_requests to trastienda_engine;
grant select on projection_serving to trastienda_engine, trastienda_api;

-- Creates an empty group of a build and returns its number.
create function projection_group_create(build text) returns int
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  number int;
  place text := 'public';
  ddl text;
begin
  select create_sql into strict ddl from public.projection_builds where fingerprint = build;
  select coalesce(max(id) + 1, 0) into number from public.projection_groups;
  if number > 0 then
    place := 'rm_' || number;
    execute format('create schema %I', place);
    execute format('grant usage on schema %I to trastienda_engine, trastienda_api', place);
  end if;
  insert into public.projection_groups (id, schema, fingerprint) values (number, place, build);
  insert into public.projection_checkpoint (name, position) values (place, 0);
  perform set_config('search_path', quote_ident(place) || ', pg_catalog', true);
  execute ddl;
  return number;
end $$;

-- Adds what a bulk load is quicker without, and the planner's statistics.
create function projection_group_index(number int) returns void
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  place text;
  ddl text;
  model text;
begin
  select g.schema, b.index_sql into strict place, ddl
    from public.projection_groups g join public.projection_builds b using (fingerprint)
    where g.id = number and not g.indexed for update of g;
  perform set_config('search_path', quote_ident(place) || ', pg_catalog', true);
  perform set_config('maintenance_work_mem', '256MB', true);
  -- Enough for queries that go by keys; autovacuum looks again at its leisure.
  perform set_config('default_statistics_target', '10', true);
  if ddl <> '' then
    execute ddl;
  end if;
  for model in select tablename from pg_tables where schemaname = place and tablename like 'rm\_%' loop
    execute format('analyze %I.%I', place, model);
  end loop;
  update public.projection_groups set indexed = true where id = number;
end $$;

-- Drops what a group holds. The group that queries read is refused.
create function projection_group_drop(number int) returns void
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  place text;
  model text;
begin
  perform from public.projection_pointer where serving = number for update;
  if found then
    raise exception 'group % is serving', number;
  end if;
  select schema into strict place from public.projection_groups where id = number and dropped_at is null for update;
  update public.projection_pointer set previous = null where previous = number;
  update public.projection_groups set dropped_at = now() where id = number;
  delete from public.projection_checkpoint where name = place;
  if place = 'public' then
    for model in select tablename from pg_tables where schemaname = 'public' and tablename like 'rm\_%' loop
      execute format('drop table public.%I', model);
    end loop;
    truncate public.projection_poison;
  else
    execute format('drop schema %I cascade', place);
  end if;
end $$;

-- The first group: the tables of an earlier release as they are, or else new ones.
create function projection_group_begin(build text) returns void
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  known text;
begin
  if exists (select from public.projection_groups) then
    return;
  end if;
  select string_agg(substr(module, 4) || ':' || version, ',' order by module collate "C") into known
    from (select module, max(version) as version from public.schema_migrations
          where module like 'rm\_%' group by module) m;
  if known is null then
    delete from public.projection_checkpoint where name = 'serving';
    perform public.projection_group_create(build);
    perform public.projection_group_index(0);
  else
    update public.projection_checkpoint set name = 'public' where name = 'serving';
    insert into public.projection_groups (id, schema, fingerprint, indexed) values (0, 'public', known, true);
  end if;
  insert into public.projection_pointer (serving) values (0);
end $$;

revoke execute on function projection_group_create(text), projection_group_index(int), projection_group_drop(int),
  projection_group_begin(text) from public;
grant execute on function projection_group_create(text), projection_group_index(int), projection_group_drop(int)
  to trastienda_engine;
