-- What reading known repositories by id needs: which are gone, and when each was read last.

alter table repositories add column gone_at timestamptz;

comment on column repositories.gone_at is
  'When GitHub said NOT_FOUND for its id: deleted, or private now; null while it is there';

-- A row per committed batch, eight bytes per repository: an unchanged repository costs no row.
create table repository_checks (
  checked_at timestamptz not null,
  checks     bigint not null default 1,
  repo_ids   bigint[] not null
);

-- Written once: compressing it costs more than it saves.
alter table repository_checks alter column repo_ids set storage external;

comment on table repository_checks is
  'When repositories were read, changed or not; a repository''s newest row counts, its checks add up';
comment on column repository_checks.checks is 'How often each of repo_ids was read, this time included';

-- One entry per repository: the newest time, and how often it was read in all.
create function compact_repository_checks() returns void language sql as $$
  with taken as (
    delete from repository_checks returning checked_at, checks, repo_ids
  ), newest as (
    select id, max(checked_at) as checked_at, sum(checks)::bigint as checks
    from taken, unnest(repo_ids) as id
    group by id
  )
  insert into repository_checks (checked_at, checks, repo_ids)
  select checked_at, checks, array_agg(id order by id)
  from newest
  group by checked_at, checks, id / 1000000
$$;
