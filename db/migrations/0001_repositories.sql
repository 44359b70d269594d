-- Repositories as GitHub showed them last, and how their star counts changed.

create table repositories (
  repo_id          bigint primary key,
  owner            text not null,
  name             text not null,
  full_name        text not null,
  star_count       integer not null,
  fork_count       integer not null,
  open_issue_count integer not null,
  watcher_count    integer not null,
  language         text,
  license          text,
  description      text,
  is_fork          boolean not null,
  is_archived      boolean not null,
  is_disabled      boolean not null,
  visibility       text not null,
  disk_usage_kb    integer,
  created_at       timestamptz not null,
  updated_at       timestamptz not null,
  pushed_at        timestamptz,
  first_seen_at    timestamptz not null,
  crawled_at       timestamptz not null
);

comment on table repositories is 'One row per GitHub repository: its newest observed state';
comment on column repositories.repo_id is 'GitHub''s database id: the identity; names may change';
comment on column repositories.full_name is 'owner/name';
comment on column repositories.open_issue_count is 'Open issues without pull requests';
comment on column repositories.watcher_count is 'Subscribers, not stargazers';
comment on column repositories.license is 'Licence key such as mit';
comment on column repositories.created_at is 'GitHub''s time';
comment on column repositories.updated_at is 'GitHub''s time';
comment on column repositories.pushed_at is 'GitHub''s time; null without a push';
comment on column repositories.first_seen_at is 'When a crawl saw it first';
comment on column repositories.crawled_at is
  'When a crawl last saw a difference and wrote this row; an unchanged repository is not written';

create table star_history (
  repo_id     bigint not null,
  observed_at timestamptz not null,
  star_count  integer not null
) partition by range (observed_at);

comment on table star_history is
  'A row when a repository is first seen and whenever its star count differs; a partition a month';

-- Creates the partitions of star_history for `month_count` months (UTC), beginning with that of
-- `first_moment`. Cheap when they exist.
create function ensure_star_history_months(first_moment timestamptz, month_count integer)
returns void language plpgsql as $$
declare
  first_month timestamp := date_trunc('month', first_moment at time zone 'UTC');
  month_start timestamp;
  partition_name text;
begin
  for i in 0 .. month_count - 1 loop
    month_start := first_month + make_interval(months => i);
    partition_name := 'star_history_' || to_char(month_start, 'YYYY_MM');
    if to_regclass(partition_name) is null then
      perform pg_advisory_xact_lock(hashtext('gitstar.star_history'));
      execute format('create table if not exists %I partition of star_history '
                     'for values from (%L) to (%L)', partition_name,
                     month_start at time zone 'UTC',
                     (month_start + interval '1 month') at time zone 'UTC');
    end if;
  end loop;
end $$;

-- The indexes that people's queries need and crawls do not. Built when the first crawl ends: keeping
-- them while loading costs several times as much. Cheap when they exist.
create function build_query_indexes() returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('gitstar.query_indexes'));
  if to_regclass('repositories_full_name') is null then
    -- Names move to other repositories (rename, delete, create), so this one is not unique.
    -- text_pattern_ops compares bytes in every locale and also serves "like 'owner/%'".
    create index repositories_full_name on repositories (full_name text_pattern_ops);
  end if;
  if to_regclass('repositories_star_count') is null then
    create index repositories_star_count on repositories (star_count desc);
  end if;
  if to_regclass('star_history_repo_id') is null then
    -- Not unique: two observations within one second may differ.
    create index star_history_repo_id on star_history (repo_id, observed_at);
  end if;
end $$;
