-- A run is what one coordinator begins and others may end: who stands by for it must not begin the next.

alter table coordinators
  add column after_crawl bigint not null default 0,
  add column concluded   boolean not null default true;

comment on column coordinators.after_crawl is
  'The newest crawl that was finished when the term began: a finished one after it is this run''s';
comment on column coordinators.concluded is
  'The run''s result has been reported: whoever is started now begins the next run';
