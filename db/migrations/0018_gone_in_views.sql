-- A repository that is gone takes its open pull requests and its growth along. A check does not take
-- its failure along when its commit has left the pull request: most failures are mended by a push.

create or replace view open_pull_requests as
select r.full_name, p.number, p.title, p.author, p.is_draft, p.review_decision, p.labels,
       p.comment_count, p.review_count, p.commit_count, p.additions, p.deletions, p.created_at,
       p.updated_at, p.repo_id, p.pull_request_id, p.head_sha
from pull_requests p
join repositories r using (repo_id)
where p.state = 'OPEN' and p.gone_at is null and r.gone_at is null;

create or replace view active_pull_requests as
select r.full_name, p.number, p.title, p.author, p.state, p.is_draft, p.review_decision, p.labels,
       p.comment_count, p.review_count, p.commit_count, p.additions, p.deletions, p.created_at,
       p.updated_at, p.merged_at, p.repo_id, p.pull_request_id
from pull_requests p
join repositories r using (repo_id)
where p.updated_at > now() - interval '7 days' and p.gone_at is null and r.gone_at is null;

create or replace function star_growth(since timestamptz, until timestamptz default now())
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
  where r.gone_at is null
$$;

create or replace view check_failure_rate as
select c.repo_id, r.full_name, c.name, count(*) as check_count,
       count(*) filter (where c.conclusion <> 'SUCCESS') as failed_count,
       avg((c.conclusion <> 'SUCCESS')::integer) as failure_rate
from ci_checks c
join repositories r using (repo_id)
where coalesce(c.completed_at, c.started_at) > now() - interval '30 days'
  and c.conclusion in ('SUCCESS', 'FAILURE', 'ERROR', 'TIMED_OUT', 'STARTUP_FAILURE')
group by c.repo_id, r.full_name, c.name;

comment on view check_failure_rate is
  'Of the checks that succeeded or failed within the last 30 days, by name, how many failed; those of '
  'earlier heads of a pull request count as well';
