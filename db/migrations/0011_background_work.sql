-- What a migration leaves to be done while crawls go on: filling columns in batches, and checking
-- what was added unchecked. db/background_work does it.

create table background_work (
  id          bigint generated always as identity primary key,
  name        text not null unique,
  statement   text not null,
  batch_size  integer not null default 0 check (batch_size >= 0),
  position    bigint not null default 0,
  batches     bigint not null default 0,
  row_count   bigint not null default 0,
  last_error  text,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  finished_at timestamptz
);

comment on table background_work is
  'Done one after the other, in the order of id, each step in a short transaction of its own';
comment on column background_work.statement is
  'Without batches run once. With batches run until it returns null, $1 the position and $2 the '
  'batch size: it returns the next position, and how many rows it has written';
comment on column background_work.position is 'All up to here is done: where a restart goes on';
comment on column background_work.last_error is 'Why the last attempt failed; it is tried again';
