-- The ledger: crawls, their partitions, and the budgets of credentials.

create table crawls (
  id          bigint generated always as identity primary key,
  name        text not null,
  source      text not null,
  state       text not null default 'running' check (state in
                ('running', 'stopped', 'complete', 'incomplete', 'failed', 'abandoned')),
  epoch       bigint not null default 1,
  threshold   bigint not null default -1,
  started_at  timestamptz not null default date_trunc('second', now()),
  updated_at  timestamptz not null default now(),
  finished_at timestamptz
);

-- One unfinished crawl of a source: the same config resumes it.
create unique index crawls_unfinished on crawls (name, source)
  where state in ('running', 'stopped');

comment on table crawls is 'One run of one config file';
comment on column crawls.source is 'Canonical text of the source: another source is another crawl';
comment on column crawls.state is 'running or stopped: resumable; abandoned: replaced by --fresh';
comment on column crawls.epoch is 'Grows when a process takes the crawl over; fences the old one';
comment on column crawls.threshold is 'top N: stars >= threshold is crawled; -1 not found yet';

create table partitions (
  crawl_id    bigint not null references crawls (id) on delete cascade,
  id          bigint not null,
  parent_id   bigint not null,
  description text not null,
  state       text not null check (state in ('open', 'split', 'done', 'incomplete', 'dead')),
  expected    bigint not null,
  seen        bigint not null,
  duplicates  bigint not null,
  lease       bigint not null,
  attempts    bigint not null,
  pass        bigint not null,
  pages_done  bigint not null,
  cursor      text not null,
  seen_ids    bigint[] not null,
  reason      text not null,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (crawl_id, id)
);

create index partitions_open on partitions (crawl_id, id) where state = 'open';

-- Written with every page of an open partition: compressing it costs more than it saves.
alter table partitions alter column seen_ids set storage external;

comment on table partitions is 'A part of a source that is fetched on its own, and its progress';
comment on column partitions.id is 'Hash of crawl and description';
comment on column partitions.parent_id is 'The partition that was split into this one; 0 for a root';
comment on column partitions.expected is 'Matches GitHub reported last; -1 not asked yet';
comment on column partitions.seen is 'Distinct repositories stored';
comment on column partitions.duplicates is 'Repositories that pages repeated';
comment on column partitions.lease is 'Number of the newest lease; writes of older ones are ignored';
comment on column partitions.pages_done is 'Bit p: page p of this pass is stored';
comment on column partitions.seen_ids is 'What seen counts while open; empty once finished';
comment on column partitions.reason is 'Why it is incomplete or dead';

create table credential_budgets (
  credential   text primary key,
  enabled      boolean not null,
  points_limit bigint not null,
  remaining    bigint not null,
  reset_at     timestamptz not null,
  banned_until timestamptz not null,
  updated_at   timestamptz not null default now()
);

comment on table credential_budgets is 'What is left of each credential''s points, over restarts';
comment on column credential_budgets.credential is 'Its name in the config, never the secret';
comment on column credential_budgets.enabled is 'false: the server has rate limits switched off';

create view certificates as
select c.id as crawl_id, c.name as crawl, p.id as partition_id, p.state, p.expected, p.seen,
       p.duplicates,
       case when p.state = 'split' then 0 else greatest(0, p.expected - p.seen) end as missing,
       p.reason, p.description
from partitions p
join crawls c on c.id = p.crawl_id;

comment on view certificates is
  'Per crawl and partition: is it complete, and if not, what is missing and why. Sums leave out '
  'partitions in state split: their children stand for them';
