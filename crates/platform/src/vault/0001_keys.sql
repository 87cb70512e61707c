-- Keys and secrets, all of them encrypted. The API role gets nothing; forced row security stands behind that.
create table tenant_keys (
  tenant     text        not null,
  version    int         not null,
  kek_id     text        not null,
  wrapped    bytea       not null,
  created_at timestamptz not null default now(),
  primary key (tenant, version)
);

-- A destroyed key leaves its row, so that nobody makes a new one for the same person.
create table person_keys (
  tenant         text        not null,
  person         text        not null,
  key_id         uuid        not null,
  tenant_version int         not null,
  wrapped        bytea,
  created_at     timestamptz not null default now(),
  destroyed_at   timestamptz,
  primary key (tenant, person),
  check ((wrapped is null) = (destroyed_at is not null))
);

create table secrets (
  tenant         text        not null,
  id             text        not null,
  tenant_version int         not null,
  sealed         bytea       not null,
  updated_at     timestamptz not null default now(),
  primary key (tenant, id)
);

-- The service's own, of no tenant: sealed by the key-encryption key itself.
create table signing_keys (
  id         text        primary key,
  kek_id     text        not null,
  sealed     bytea       not null,
  public     bytea       not null,
  created_at timestamptz not null default now()
);

alter table tenant_keys enable row level security;
alter table tenant_keys force row level security;
create policy tenant_only on tenant_keys using (tenant = current_setting('trastienda.tenant', true));
alter table person_keys enable row level security;
alter table person_keys force row level security;
create policy tenant_only on person_keys using (tenant = current_setting('trastienda.tenant', true));
alter table secrets enable row level security;
alter table secrets force row level security;
create policy tenant_only on secrets using (tenant = current_setting('trastienda.tenant', true));

grant select, insert, update on tenant_keys, person_keys to trastienda_engine;
grant select, insert, update, delete on secrets, signing_keys to trastienda_engine;
