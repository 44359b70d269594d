-- The indexes for queries, by table: those of the two are built side by side.
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

drop function build_query_indexes();
