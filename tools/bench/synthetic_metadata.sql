-- Fills an empty store: `repository_count` repositories, `pull_count` pull requests (a few
-- repositories have very many), and what belongs to them. The same numbers give the same rows.
create function fill_with_synthetic_metadata(repository_count bigint, pull_count bigint)
returns void language plpgsql as $$
declare
  day constant interval := interval '1 day';
begin
  perform setseed(0.5);
  perform ensure_star_history_months(now() - 70 * day, 5);
  insert into repositories (repo_id, owner, name, full_name, star_count, fork_count,
    open_issue_count, watcher_count, language, license, description, is_fork, is_archived,
    is_disabled, visibility, disk_usage_kb, created_at, updated_at, pushed_at, first_seen_at,
    crawled_at)
  select n, 'owner' || n % 50000, 'name' || n, 'owner' || n % 50000 || '/name' || n,
         400000 / (n + 10), n % 100, 20000 / (n % 5000 + 1), n % 50,
         (array['C++', 'Go', 'Python', 'Rust', 'Java'])[1 + n % 5], 'mit',
         'Repository number ' || n, false, false, false, 'public', 100, now() - 1000 * day,
         now() - day, now() - day, now() - 65 * day, now() - day
  from generate_series(1, repository_count) n;
  -- The first count of each, and every twentieth a day.
  insert into star_history (repo_id, observed_at, star_count)
  select n, now() - 65 * day, greatest(0, 400000 / (n + 10) - 40)
  from generate_series(1, repository_count) n
  union all
  select n, now() - d * day, greatest(0, 400000 / (n + 10) - d)
  from generate_series(1, 39) d, generate_series(1 + d % 20, repository_count, 20) n;
  insert into pull_requests
  select id, 1 + floor(repository_count * power(random(), 3))::bigint as repo_id, id as number,
         'Pull request ' || id, 'What it does', state, id % 10 = 0,
         case when id % 50 > 0 then 'user' || id % 100000 end, 'CONTRIBUTOR', false, 'main',
         'branch', md5(id::text), 10, 5, 2, '{}', '{}', 2, 1, 3, 'APPROVED', null, null,
         created_at, created_at + random() * random() * (now() - created_at),
         case when state <> 'OPEN' then created_at + day end,
         case when state = 'MERGED' then created_at + day end, now()
  from (select id, now() - random() * 1500 * day as created_at,
               (array['OPEN', 'MERGED', 'MERGED', 'MERGED', 'MERGED', 'MERGED', 'MERGED', 'MERGED',
                      'MERGED', 'CLOSED'])[1 + id % 10] as state
        from generate_series(1, pull_count) id) pulls;
  insert into reviews
  select pull_request_id, repo_id, number, 'reviewer', 'MEMBER', 'APPROVED', '', head_sha, 0,
         created_at, updated_at, created_at + random() * 5 * day, now()
  from pull_requests where pull_request_id % 2 = 0;
  insert into issues
  select id, 1 + floor(repository_count * power(random(), 3))::bigint, pull_count + id, 'Issue',
         'What is wrong', case when id % 4 = 0 then 'OPEN' else 'CLOSED' end, null, 'user',
         'NONE', false, '{bug}', '{}', 1, 0, null, now() - 100 * day,
         now() - random() * 100 * day, null, now()
  from generate_series(1, pull_count / 5) id;
  insert into ci_checks
  select repo_id, head_sha, 'run:' || pull_request_id * 2 + run, number, 'build ' || run,
         'COMPLETED', case when pull_request_id % 9 = run then 'FAILURE' else 'SUCCESS' end,
         'github-actions', null, updated_at, updated_at + interval '10 min', now()
  from pull_requests, generate_series(0, 1) run
  where pull_request_id % 5 = 0;
end $$;
