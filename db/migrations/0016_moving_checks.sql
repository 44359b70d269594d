-- What reshard needs to move repository_checks between databases, each entry once whoever is killed.

create table departing_checks (
  id         bigint generated always as identity primary key,
  shard      integer not null,
  checked_at timestamptz not null,
  checks     bigint not null,
  repo_ids   bigint[] not null
);

alter table departing_checks alter column repo_ids set storage external;

comment on table departing_checks is
  'Entries of repository_checks whose buckets this shard has given away, on their way';
comment on column departing_checks.shard is 'Where they belong now';

create table arrived_checks (
  shard integer primary key,
  last  bigint not null
);

comment on table arrived_checks is 'How far this shard has taken over departing_checks of the others';
comment on column arrived_checks.last is 'The newest id; those before it have arrived as well';
