-- What a restart within a minute has to know, and pauses that name no limit.

alter table credential_budgets
  add column bans             bigint not null default 0,
  add column paused_until     timestamptz not null default to_timestamp(0),
  add column refusals         bigint not null default 0,
  add column minute_at        timestamptz not null default to_timestamp(0),
  add column minute_queries   bigint not null default 0,
  add column minute_response  bigint not null default 0,
  add column unsaved_queries  bigint not null default 0,
  add column unsaved_response bigint not null default 0;

comment on column credential_budgets.bans is 'In a row: each is longer than the one before';
comment on column credential_budgets.paused_until is
  'A refusal that names no limit pauses this credential alone';
comment on column credential_budgets.refusals is 'In a row: too many and it is not used any more';
comment on column credential_budgets.minute_queries is 'Sent in the minute before minute_at';
comment on column credential_budgets.minute_response is 'Milliseconds of response time in it';
comment on column credential_budgets.unsaved_queries is
  'At most so many may have been sent since; 0 where the process ended in order';
comment on column credential_budgets.unsaved_response is
  'Milliseconds that these and the queries under way at minute_at probably took';
