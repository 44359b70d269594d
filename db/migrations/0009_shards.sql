-- Repositories over several databases: who holds what.

-- The bucket of a repository, for ever: runs of 256 consecutive ids go round the 1,024 buckets, so
-- that a bucket is spread over all ids and yet read by ranges of the primary key, without an index
-- of its own.
create function bucket_of(repo_id bigint) returns integer
language sql immutable strict parallel safe as $$ select (repo_id / 256 % 1024)::integer $$;

-- Empty until the config that lists this database has been migrated.
create table shard_identity (
  only_row    boolean primary key default true check (only_row),
  store_id    uuid not null,
  shard       integer not null,
  map_version bigint not null default 0
);

comment on table shard_identity is 'Which part of which store this database is';
comment on column shard_identity.shard is 'Its place in store.postgres; 0 also holds the ledger';
comment on column shard_identity.map_version is
  'In shard 0 the version of buckets; elsewhere that of the newest departure. Writers whose map is '
  'older must read it again';

-- Used in shard 0.
create table buckets (
  bucket    integer primary key,
  shard     integer not null,
  moving_to integer,
  leaving   integer
);

comment on table buckets is 'Which shard holds the repositories of a bucket (bucket_of)';
comment on column buckets.moving_to is 'gitstar reshard is copying it there';
comment on column buckets.leaving is 'It was moved from there, where its old rows are being deleted';

-- The commit that adds a row here moves the bucket; buckets in shard 0 follows.
create table departed_buckets (
  bucket      integer primary key,
  shard       integer not null,
  map_version bigint not null
);

comment on table departed_buckets is 'Buckets that this shard held once, and where they went';
