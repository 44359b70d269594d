-- What people ask of repositories and their metadata, by name. All of it is read by indexes; the
-- windows end now.

create view repository_overview as
select r.repo_id, r.full_name, r.language, r.star_count, r.fork_count, r.open_issue_count,
       (select count(*) from issues i
        where i.repo_id = r.repo_id and i.gone_at is null) as issue_count,
       (select count(*) from pull_requests p
        where p.repo_id = r.repo_id and p.gone_at is null) as pull_request_count,
       (select count(*) from pull_requests p
        where p.repo_id = r.repo_id and p.state = 'OPEN'
          and p.gone_at is null) as open_pull_request_count,
       (select max(p.updated_at) from pull_requests p
        where p.repo_id = r.repo_id and p.gone_at is null) as pull_requests_moved_at,
       r.pushed_at, r.crawled_at, r.gone_at
from repositories r;

comment on view repository_overview is 'Repositories with counts of what is stored of them';
comment on column repository_overview.open_issue_count is 'GitHub''s, as the last crawl saw it';
comment on column repository_overview.issue_count is 'Stored, open and closed';

create view open_pull_requests as
select r.full_name, p.number, p.title, p.author, p.is_draft, p.review_decision, p.labels,
       p.comment_count, p.review_count, p.commit_count, p.additions, p.deletions, p.created_at,
       p.updated_at, p.repo_id, p.pull_request_id, p.head_sha
from pull_requests p
join repositories r using (repo_id)
where p.state = 'OPEN' and p.gone_at is null;

comment on view open_pull_requests is 'Order it by updated_at desc: that is an index';

create view active_pull_requests as
select r.full_name, p.number, p.title, p.author, p.state, p.is_draft, p.review_decision, p.labels,
       p.comment_count, p.review_count, p.commit_count, p.additions, p.deletions, p.created_at,
       p.updated_at, p.merged_at, p.repo_id, p.pull_request_id
from pull_requests p
join repositories r using (repo_id)
where p.updated_at > now() - interval '7 days' and p.gone_at is null;

comment on view active_pull_requests is 'Pull requests that have moved within the last 7 days';

-- Meant for some repositories: `where repo_id = ...`, or the ones with the most stars. All of them
-- by what they have gained is what `gitstar top --by growth` asks.
create function star_growth(since timestamptz, until timestamptz default now())
returns table (repo_id bigint, full_name text, language text, star_count integer,
               stars_before integer, stars_after integer, gained integer)
language sql stable as $$
  select r.repo_id, r.full_name, r.language, r.star_count, before.star_count, after.star_count,
         after.star_count - before.star_count
  from repositories r
  cross join lateral (
    select coalesce(
      (select h.star_count from star_history h
       where h.repo_id = r.repo_id and h.observed_at <= since
       order by h.observed_at desc limit 1),
      (select h.star_count from star_history h
       where h.repo_id = r.repo_id and h.observed_at > since
       order by h.observed_at limit 1)) as star_count) before
  cross join lateral (
    select h.star_count from star_history h
    where h.repo_id = r.repo_id and h.observed_at <= until
    order by h.observed_at desc limit 1) after
$$;

comment on function star_growth is
  'Stars gained between two times; of a repository first seen later, since then';

create view star_growth_7d as select * from star_growth(now() - interval '7 days');
create view star_growth_30d as select * from star_growth(now() - interval '30 days');

comment on view star_growth_7d is 'Stars gained within the last 7 days: see star_growth';
comment on view star_growth_30d is 'Stars gained within the last 30 days: see star_growth';

-- updated_at is never before created_at, and has an index.
create view review_latency as
select p.repo_id, r.full_name, count(*) as pull_request_count,
       count(first_review.at) as reviewed_count,
       percentile_cont(0.5) within group (order by first_review.at - p.created_at) as median_wait,
       percentile_cont(0.9) within group (order by first_review.at - p.created_at) as p90_wait
from pull_requests p
join repositories r using (repo_id)
left join lateral (
  select min(v.submitted_at) as at from reviews v
  where v.repo_id = p.repo_id and v.number = p.number and v.gone_at is null
    and v.author is distinct from p.author) first_review on true
where p.updated_at > now() - interval '90 days' and p.created_at > now() - interval '90 days'
  and p.gone_at is null
group by p.repo_id, r.full_name;

comment on view review_latency is
  'How long pull requests of the last 90 days waited for their first review by somebody else';

create view check_failure_rate as
select c.repo_id, r.full_name, c.name, count(*) as check_count,
       count(*) filter (where c.conclusion <> 'SUCCESS') as failed_count,
       avg((c.conclusion <> 'SUCCESS')::integer) as failure_rate
from ci_checks c
join repositories r using (repo_id)
where coalesce(c.completed_at, c.started_at) > now() - interval '30 days'
  and c.conclusion in ('SUCCESS', 'FAILURE', 'ERROR', 'TIMED_OUT', 'STARTUP_FAILURE')
  and c.gone_at is null
group by c.repo_id, r.full_name, c.name;

comment on view check_failure_rate is
  'Of the checks that succeeded or failed within the last 30 days, by name, how many failed';

-- In the place of build_query_indexes (0001_repositories.sql), with what ranks repositories by their
-- open issues. By table: those of the two are built side by side.
drop function build_query_indexes();

create function build_repository_indexes() returns void language plpgsql as $$
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
  if to_regclass('repositories_open_issue_count') is null then
    create index repositories_open_issue_count on repositories (open_issue_count desc)
      where open_issue_count is not null;
  end if;
end $$;

create function build_history_indexes() returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('gitstar.history_indexes'));
  if to_regclass('star_history_repo_id') is null then
    -- Not unique: two observations within one second may differ.
    create index star_history_repo_id on star_history (repo_id, observed_at);
  end if;
end $$;
