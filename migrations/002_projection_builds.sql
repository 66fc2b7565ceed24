-- Up Migration

-- A version of a read model may be filled several times: each filling is a build, with a table of its own.
alter table projections
  add column build      int  not null default 1 check (build > 0),
  -- Fingerprint of the code that makes the rows: the same version must not be made in two ways. Null until a program takes it up.
  add column definition text;
alter table projections
  add column table_name text generated always as (name || '_v' || version::text || case when build > 1 then '_' || build::text else '' end) stored,
  drop constraint projections_pkey,
  add primary key (name, version, build),
  add unique (table_name),
  drop constraint projections_status_check,
  -- building: never was live; standby: was live, still fed, may be gone back to; retired: its table is dropped.
  add constraint projections_status_check check (status in ('building', 'live', 'standby', 'retired'));

-- Events that a read model goes on without, by decision of an operator: in every build, and in every rebuild to come.
create table parked_events (
  name      text        not null,
  store_id  text        not null,
  position  bigint      not null,
  stream    text        not null,
  revision  bigint      not null,
  type      text        not null,
  -- Why the projection halted there, and why it was let go on.
  fault     text        not null,
  reason    text        not null,
  parked_by text        not null,
  parked_at timestamptz not null default now(),
  primary key (name, store_id, position)
);

drop function advance_projections(text, text[], int[], bigint[], bigint, bigint);

-- Moves checkpoints by compare-and-set: all of them from where the caller saw them, forwards only, or an error that rolls
-- the caller's rows back with them.
create function advance_projections(store text, tables text[], seen bigint[], commit_to bigint, prepare_to bigint)
returns void language plpgsql as $$
declare
  moved int;
begin
  update projections p
     set commit_position = commit_to, prepare_position = prepare_to, halted = null, updated_at = clock_timestamp()
    from unnest(tables, seen) as member(table_name, seen)
   where p.table_name = member.table_name
     and p.status <> 'retired'
     and p.store_id = store
     and p.commit_position is not distinct from member.seen
     and p.prepare_position is not distinct from member.seen
     and (member.seen is null or member.seen < commit_to);
  get diagnostics moved = row_count;
  if moved <> cardinality(tables) then
    raise exception '% of % checkpoints are no longer where they were seen', cardinality(tables) - moved, cardinality(tables)
      using errcode = 'TL001';
  end if;
end
$$;

-- Down Migration

drop function advance_projections(text, text[], bigint[], bigint, bigint);
drop table parked_events;
delete from projections where build > 1;
update projections set status = 'retired' where status = 'standby';
alter table projections
  drop column table_name,
  drop constraint projections_pkey,
  drop constraint projections_status_check,
  drop column build,
  drop column definition,
  add primary key (name, version),
  add constraint projections_status_check check (status in ('building', 'live', 'retired'));

create function advance_projections(store text, names text[], versions int[], seen bigint[], commit_to bigint, prepare_to bigint)
returns void language plpgsql as $$
declare
  moved int;
begin
  update projections p
     set commit_position = commit_to, prepare_position = prepare_to, halted = null, updated_at = clock_timestamp()
    from unnest(names, versions, seen) as member(name, version, seen)
   where p.name = member.name
     and p.version = member.version
     and p.store_id = store
     and p.commit_position is not distinct from member.seen
     and p.prepare_position is not distinct from member.seen
     and (member.seen is null or member.seen < commit_to);
  get diagnostics moved = row_count;
  if moved <> cardinality(names) then
    raise exception '% of % checkpoints are no longer where they were seen', cardinality(names) - moved, cardinality(names)
      using errcode = 'TL001';
  end if;
end
$$;
