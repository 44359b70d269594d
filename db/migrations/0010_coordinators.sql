-- Which coordinator leads a crawl. The lock on a held connection decides; this row lets the others see
-- whether its holder is alive, and counts the terms.

create table coordinators (
  crawl    text primary key,
  term     bigint not null,
  node     text not null,
  backend  integer not null,
  seen_at  timestamptz not null default clock_timestamp()
);

comment on table coordinators is 'The coordinator that leads each crawl, or led it last';
comment on column coordinators.crawl is 'Name and source of the crawl';
comment on column coordinators.term is 'Grows with each change of the leader';
comment on column coordinators.node is 'Host and process of the leader';
comment on column coordinators.backend is 'Process of PostgreSQL whose session holds the lock';
comment on column coordinators.seen_at is 'The leader''s last sign of life, by PostgreSQL''s clock';
