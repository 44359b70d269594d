-- GitHub closes fields now and then (as it did the stargazers connection in 2026): what it refuses
-- to tell is unknown, not zero.

alter table repositories
  alter column open_issue_count drop not null,
  alter column watcher_count drop not null;
