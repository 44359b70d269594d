-- What credentials share and spend by the day, and what queries were seen to bear.

alter table credential_budgets
  add column viewer_id    bigint not null default 0,
  add column spending_day timestamptz not null default to_timestamp(0),
  add column spent_today  bigint not null default 0,
  add column benched      boolean not null default false;

comment on column credential_budgets.viewer_id is
  'Database id of the user: all credentials of one user share one budget, which each row repeats; '
  '0 not known, or an App''s installation';
comment on column credential_budgets.spending_day is 'The UTC day that spent_today is about';
comment on column credential_budgets.spent_today is 'Points that this credential alone spent';
comment on column credential_budgets.benched is 'GitHub rejected it; the next run tries it again';

create table query_widths (
  shape           text not null,
  credential_kind text not null,
  width           integer not null check (width > 0),
  updated_at      timestamptz not null default now(),
  primary key (shape, credential_kind)
);

comment on table query_widths is
  'How many fields a query of one shape may carry with one kind of credential, as learned';
