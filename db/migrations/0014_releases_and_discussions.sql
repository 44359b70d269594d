-- Two more kinds of metadata.

create table releases (
  release_id    bigint not null,
  repo_id       bigint not null,
  tag           text not null,
  name          text,
  author        text,
  is_draft      boolean not null,
  is_prerelease boolean not null,
  description   text,
  created_at    timestamptz not null,
  published_at  timestamptz,
  updated_at    timestamptz not null,
  crawled_at    timestamptz not null,
  gone_at       timestamptz,
  primary key (repo_id, release_id)
);
select divide_like_repositories('releases');

comment on table releases is 'Releases as GitHub showed them last';
comment on column releases.author is 'Login; null where the account is gone';
comment on column releases.crawled_at is 'When a crawl last saw a difference';
comment on column releases.gone_at is
  'When a full reading did not show it any more; null while it is there';

create table discussions (
  discussion_id      bigint not null,
  repo_id            bigint not null,
  number             integer not null,
  title              text not null,
  body               text not null,
  author             text,
  author_association text not null check (author_association <> ''),
  category           text not null,
  is_answered        boolean,
  is_locked          boolean not null,
  comment_count      integer not null,
  upvote_count       integer not null,
  created_at         timestamptz not null,
  updated_at         timestamptz not null,
  closed_at          timestamptz,
  crawled_at         timestamptz not null,
  gone_at            timestamptz,
  primary key (repo_id, discussion_id)
);
select divide_like_repositories('discussions');
create index discussions_number on discussions (repo_id, number);

comment on table discussions is 'Discussions as GitHub showed them last';
comment on column discussions.author is 'Login; null where the account is gone';
comment on column discussions.is_answered is 'Null in categories that take no answers';
comment on column discussions.crawled_at is 'When a crawl last saw a difference';
comment on column discussions.gone_at is
  'When a full reading did not show it any more; null while it is there';

select refer_to_repositories('releases');
select refer_to_repositories('discussions');
