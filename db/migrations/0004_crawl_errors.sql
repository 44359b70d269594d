-- What went wrong during a crawl, for people who look at it later.

create table crawl_errors (
  crawl_id bigint not null references crawls (id) on delete cascade,
  kind     text not null,
  message  text not null,
  count    bigint not null,
  at       timestamptz not null,
  primary key (crawl_id, kind)
);

comment on table crawl_errors is 'The last errors of a crawl, added up by kind; a bounded number';
comment on column crawl_errors.kind is 'What an answer of GitHub meant, such as timeout';
comment on column crawl_errors.message is 'Of the newest one; never a secret';
comment on column crawl_errors.at is 'When the newest one was seen';
