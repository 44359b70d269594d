-- What people ask, one statement each; after `--` what it is, after `by` the indexes that answer it.

-- a repository by name, with its counts
-- by repositories_full_name, issues_number, pull_requests_moved, pull_requests_open
select * from repository_overview where full_name = 'owner7/name7';

-- the repositories with the most stars, with their counts
-- by repositories_star_count, pull_requests_open
select full_name, star_count, open_issue_count, open_pull_request_count
from repository_overview order by star_count desc limit 20;

-- open pull requests by update
-- by pull_requests_updated_at
select * from open_pull_requests order by updated_at desc limit 100;

-- open pull requests of a repository by update
-- by pull_requests_open
select * from open_pull_requests where repo_id = 7 order by updated_at desc limit 100;

-- active pull requests of the last 7 days
-- by pull_requests_updated_at
select * from active_pull_requests order by updated_at desc limit 100;

-- active pull requests of the last 7 days of a repository
-- by pull_requests_moved
select * from active_pull_requests where repo_id = 7 order by updated_at desc limit 100;

-- star growth of a repository over 7 days
-- by repositories_full_name, star_history
select * from star_growth_7d where full_name = 'owner7/name7';

-- star growth of the repositories with the most stars over 30 days
-- by repositories_star_count, star_history
select * from star_growth_30d order by star_count desc limit 100;

-- star growth of a language's repositories with the most stars over any window
-- by repositories_star_count, star_history
select * from star_growth(now() - interval '20 days', now() - interval '10 days')
where language = 'Go' order by star_count desc limit 20;

-- review latency of a repository
-- by pull_requests_moved, reviews_number
select * from review_latency where repo_id = 7;

-- check failure rate of a repository
-- by ci_checks_ended_at
select * from check_failure_rate where repo_id = 7 order by failure_rate desc;

-- gitstar top
-- by repositories_star_count
select full_name, star_count from repositories where gone_at is null
order by star_count desc, repo_id limit 20;

-- gitstar top --language
-- by repositories_star_count
select full_name, star_count from repositories where language = 'Rust' and gone_at is null
order by star_count desc, repo_id limit 20;

-- gitstar top --by issues
-- by repositories_open_issue_count
select full_name, open_issue_count from repositories
where gone_at is null and open_issue_count is not null
order by open_issue_count desc, repo_id limit 20;

-- gitstar top --by growth: what the last line has gained at least
-- by repositories_star_count, star_history
select min(gained)
from (
  select r.star_count - before.star_count as gained
  from (select repo_id, star_count from repositories where gone_at is null
        order by star_count desc limit 1000) r
  cross join lateral (
    select h.star_count from star_history h
    where h.repo_id = r.repo_id and h.observed_at <= now() - interval '7 days'
    order by h.observed_at desc limit 1) before
  order by gained desc limit 20) best;

-- gitstar top --by growth: the ranking of who has the 26 stars that the statement above has found
-- by repositories_star_count, star_history
select r.full_name, r.star_count,
       r.star_count - coalesce(before.star_count, first.star_count) as gained
from repositories r
left join lateral (
  select h.star_count from star_history h
  where h.repo_id = r.repo_id and h.observed_at <= now() - interval '7 days'
  order by h.observed_at desc limit 1) before on true
left join lateral (
  select h.star_count from star_history h
  where before.star_count is null and h.repo_id = r.repo_id
    and h.observed_at > now() - interval '7 days'
  order by h.observed_at, h.star_count limit 1) first on true
where r.gone_at is null and coalesce(before.star_count, first.star_count) is not null
  and r.star_count >= 26
order by gained desc, r.repo_id limit 20;
