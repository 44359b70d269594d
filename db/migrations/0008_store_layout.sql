-- How `repositories` is divided within this database, as chosen when it was made.

create table store_layout (
  only_row     boolean primary key default true check (only_row),
  partitioning text not null default 'none' check (partitioning in ('none', 'hash', 'range')),
  number       bigint not null default 0
);

insert into store_layout default values;

comment on table store_layout is 'The one row says how repositories is partitioned, by repo_id';
comment on column store_layout.number is 'By hash: how many parts; by range: how many ids in a part';

-- Creates part `part` of a store divided by range: the ids from part * number on. Readers and writers
-- of other parts go on meanwhile: attaching takes no lock that they would wait for.
create function ensure_repository_range(part bigint) returns void language plpgsql as $$
declare
  ids bigint := (select number from store_layout where partitioning = 'range');
  part_name text := 'repositories_' || part;
begin
  if ids is null or to_regclass(part_name) is not null then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtext('gitstar.repository_ranges'));
  if to_regclass(part_name) is null then
    execute format('create table %I (like repositories including all)', part_name);
    execute format('alter table repositories attach partition %I for values from (%s) to (%s)',
                   part_name, part * ids, (part + 1) * ids);
  end if;
end $$;
