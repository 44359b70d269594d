-- What users study of the repositories: one table per kind of metadata (messages/metadata), each
-- keyed by the repository and GitHub's id or natural key. Values that GitHub has a list of are text,
-- so that what it adds to the list is stored, too.

-- Divides a new, empty table by repo_id where `repositories` is divided by hash, into as many
-- parts. Call it before indexes and comments on the table are made.
create function divide_like_repositories(table_name text) returns void language plpgsql as $$
declare
  parts integer := (select count(*) from pg_inherits
                    join pg_partitioned_table on partrelid = inhparent and partstrat = 'h'
                    where inhparent = 'repositories'::regclass);
begin
  if parts = 0 then
    return;
  end if;
  execute format('alter table %I rename constraint %I to undivided_pkey', table_name,
                 table_name || '_pkey');
  execute format('alter table %I rename to undivided', table_name);
  execute format('create table %I (like undivided including all) partition by hash (repo_id)',
                 table_name);
  drop table undivided;
  for i in 0 .. parts - 1 loop
    execute format('create table %I partition of %I for values with (modulus %s, remainder %s)',
                   table_name || '_' || i, table_name, parts, i);
  end loop;
end $$;

-- Makes a new, empty table refer to `repositories`, which writers have to wait for: call it last.
-- What it is checked against comes later (background_work); a divided table, of which PostgreSQL
-- wants it at once, has no rows to check.
create function refer_to_repositories(table_name text) returns void language plpgsql as $$
declare
  constraint_name text := table_name || '_repo_id_fkey';
begin
  if exists (select from pg_partitioned_table where partrelid = to_regclass(table_name)) then
    execute format('alter table %I add constraint %I foreign key (repo_id) references repositories',
                   table_name, constraint_name);
  else
    execute format('alter table %I add constraint %I foreign key (repo_id) references repositories '
                   'not valid', table_name, constraint_name);
    insert into background_work (name, statement)
    values ('validate ' || constraint_name,
            format('alter table %I validate constraint %I', table_name, constraint_name));
  end if;
end $$;

create table issues (
  issue_id           bigint not null,
  repo_id            bigint not null,
  number             integer not null,
  title              text not null,
  body               text not null,
  state              text not null check (state <> ''),
  state_reason       text check (state_reason <> ''),
  author             text,
  author_association text not null check (author_association <> ''),
  is_locked          boolean not null,
  labels             text[] not null,
  assignees          text[] not null,
  comment_count      integer not null,
  reaction_count     integer not null,
  milestone          text,
  created_at         timestamptz not null,
  updated_at         timestamptz not null,
  closed_at          timestamptz,
  crawled_at         timestamptz not null,
  gone_at            timestamptz,
  primary key (repo_id, issue_id)
);
select divide_like_repositories('issues');
create index issues_number on issues (repo_id, number);
create index issues_open on issues (repo_id, updated_at) where state = 'OPEN' and gone_at is null;

comment on table issues is 'Issues without pull requests, as GitHub showed them last';
comment on column issues.state_reason is 'Why it was closed or opened again; GitHub adds reasons';
comment on column issues.author is 'Login; null where the account is gone';
comment on column issues.comment_count is 'As GitHub counts them';
comment on column issues.crawled_at is 'When a crawl last saw a difference';
comment on column issues.gone_at is
  'When a full reading did not show it any more; null while it is there';

create table pull_requests (
  pull_request_id    bigint not null,
  repo_id            bigint not null,
  number             integer not null,
  title              text not null,
  body               text not null,
  state              text not null check (state <> ''),
  is_draft           boolean not null,
  author             text,
  author_association text not null check (author_association <> ''),
  is_locked          boolean not null,
  base_ref           text not null,
  head_ref           text not null,
  head_sha           text not null,
  additions          integer not null,
  deletions          integer not null,
  changed_file_count integer not null,
  labels             text[] not null,
  assignees          text[] not null,
  comment_count      integer not null,
  review_count       integer,
  commit_count       integer not null,
  review_decision    text check (review_decision <> ''),
  merged_by          text,
  merge_sha          text,
  created_at         timestamptz not null,
  updated_at         timestamptz not null,
  closed_at          timestamptz,
  merged_at          timestamptz,
  crawled_at         timestamptz not null,
  gone_at            timestamptz,
  primary key (repo_id, pull_request_id)
);
select divide_like_repositories('pull_requests');
create index pull_requests_number on pull_requests (repo_id, number);
create index pull_requests_moved on pull_requests (repo_id, updated_at) where gone_at is null;
create index pull_requests_open on pull_requests (repo_id, updated_at)
  where state = 'OPEN' and gone_at is null;
create index pull_requests_updated_at on pull_requests (updated_at) where gone_at is null;

comment on table pull_requests is 'Pull requests as GitHub showed them last';
comment on column pull_requests.author is 'Login; null where the account is gone';
comment on column pull_requests.head_sha is 'The newest commit; its checks are in ci_checks';
comment on column pull_requests.review_decision is 'Null where the branch asks for no review';
comment on column pull_requests.crawled_at is 'When a crawl last saw a difference';
comment on column pull_requests.gone_at is
  'When a full reading did not show it any more; null while it is there';

create table issue_comments (
  comment_id         bigint not null,
  repo_id            bigint not null,
  number             integer not null,
  author             text,
  author_association text not null check (author_association <> ''),
  body               text not null,
  created_at         timestamptz not null,
  updated_at         timestamptz not null,
  crawled_at         timestamptz not null,
  gone_at            timestamptz,
  primary key (repo_id, comment_id)
);
select divide_like_repositories('issue_comments');
create index issue_comments_number on issue_comments (repo_id, number);

comment on table issue_comments is 'The conversation below issues and pull requests';
comment on column issue_comments.number is 'Of the issue or pull request';
comment on column issue_comments.crawled_at is 'When a crawl last saw a difference';
comment on column issue_comments.gone_at is
  'When a full reading did not show it any more; null while it is there';

create table reviews (
  review_id          bigint not null,
  repo_id            bigint not null,
  number             integer not null,
  author             text,
  author_association text not null check (author_association <> ''),
  state              text not null check (state <> ''),
  body               text not null,
  commit_sha         text,
  comment_count      integer not null,
  created_at         timestamptz not null,
  updated_at         timestamptz not null,
  submitted_at       timestamptz,
  crawled_at         timestamptz not null,
  gone_at            timestamptz,
  primary key (repo_id, review_id)
);
select divide_like_repositories('reviews');
create index reviews_number on reviews (repo_id, number);

comment on table reviews is 'Reviews of pull requests';
comment on column reviews.number is 'Of the pull request';
comment on column reviews.crawled_at is 'When a crawl last saw a difference';
comment on column reviews.gone_at is
  'When a full reading did not show it any more; null while it is there';

create table review_comments (
  comment_id         bigint not null,
  repo_id            bigint not null,
  number             integer not null,
  review_id          bigint not null,
  author             text,
  author_association text not null check (author_association <> ''),
  path               text not null,
  line               integer,
  body               text not null,
  commit_sha         text,
  reply_to_id        bigint,
  created_at         timestamptz not null,
  updated_at         timestamptz not null,
  crawled_at         timestamptz not null,
  gone_at            timestamptz,
  primary key (repo_id, comment_id)
);
select divide_like_repositories('review_comments');
create index review_comments_review_id on review_comments (repo_id, review_id);

comment on table review_comments is 'Comments on lines of code: each belongs to a review';
comment on column review_comments.number is 'Of the pull request';
comment on column review_comments.line is 'Null where the code has moved on';
comment on column review_comments.reply_to_id is 'The comment that it answers';
comment on column review_comments.crawled_at is 'When a crawl last saw a difference';
comment on column review_comments.gone_at is
  'When a full reading did not show it any more; null while it is there';

create table commits (
  repo_id            bigint not null,
  sha                text not null,
  message            text not null,
  author             text,
  author_name        text,
  authored_at        timestamptz not null,
  committed_at       timestamptz not null,
  additions          integer not null,
  deletions          integer not null,
  changed_file_count integer,
  parent_count       integer not null,
  crawled_at         timestamptz not null,
  primary key (repo_id, sha)
);
select divide_like_repositories('commits');

comment on table commits is 'Commits of pull requests; what no pull request has any more stays';
comment on column commits.author is 'Login; null where git''s author has no account';
comment on column commits.author_name is 'As git has it';
comment on column commits.crawled_at is 'When a crawl last saw a difference';

create table pull_request_commits (
  repo_id    bigint not null,
  number     integer not null,
  sha        text not null,
  position   integer not null,
  crawled_at timestamptz not null,
  gone_at    timestamptz,
  primary key (repo_id, number, sha)
);
select divide_like_repositories('pull_request_commits');

comment on table pull_request_commits is 'Which commits a pull request has, in which order';
comment on column pull_request_commits.position is '1 is the first';
comment on column pull_request_commits.crawled_at is 'When a crawl last saw a difference';
comment on column pull_request_commits.gone_at is
  'When a full reading did not show it any more; null while it is there';

create table ci_checks (
  repo_id      bigint not null,
  sha          text not null,
  check_key    text not null,
  number       integer not null,
  name         text not null,
  status       text check (status <> ''),
  conclusion   text check (conclusion <> ''),
  app          text,
  url          text,
  started_at   timestamptz,
  completed_at timestamptz,
  crawled_at   timestamptz not null,
  gone_at      timestamptz,
  primary key (repo_id, sha, check_key)
);
select divide_like_repositories('ci_checks');
create index ci_checks_number on ci_checks (repo_id, number);
create index ci_checks_ended_at on ci_checks (repo_id, coalesce(completed_at, started_at));

comment on table ci_checks is 'Check runs and status contexts of the heads of pull requests';
comment on column ci_checks.check_key is 'run:DATABASE ID of a check run, or status:CONTEXT';
comment on column ci_checks.number is 'A pull request with this head';
comment on column ci_checks.status is 'Of a check run; null for a status context';
comment on column ci_checks.conclusion is
  'Null while a check run is under way; of a status context its state';
comment on column ci_checks.crawled_at is 'When a crawl last saw a difference';
comment on column ci_checks.gone_at is
  'When a full reading did not show it any more; null while it is there';

create table metadata_watermarks (
  repo_id   bigint not null,
  kind      text not null,
  watermark timestamptz,
  state     jsonb not null default '{}',
  primary key (repo_id, kind)
) with (fillfactor = 80);

comment on table metadata_watermarks is 'How far each kind of each repository is read';
comment on column metadata_watermarks.watermark is
  'What moved before is stored, by GitHub''s clock; null: not read yet';
comment on column metadata_watermarks.state is 'What else its reader has to know';

select refer_to_repositories('issues');
select refer_to_repositories('pull_requests');
select refer_to_repositories('issue_comments');
select refer_to_repositories('reviews');
select refer_to_repositories('review_comments');
select refer_to_repositories('commits');
select refer_to_repositories('pull_request_commits');
select refer_to_repositories('ci_checks');
select refer_to_repositories('metadata_watermarks');
