-- Up Migration

-- How far each version of each read model has come. The tables of the read models are made by the projector, versioned.
create table projections (
  name             text        not null,
  version          int         not null check (version > 0),
  status           text        not null check (status in ('building', 'live', 'retired')),
  -- The event store these positions belong to: a position means nothing without it.
  store_id         text,
  -- Place of the last event whose rows are in the table; null before the first.
  commit_position  bigint      check (commit_position >= 0),
  prepare_position bigint      check (prepare_position >= 0),
  -- Why and where it stopped: {position, stream, revision, type, reason, at}; null while it runs.
  halted           jsonb,
  updated_at       timestamptz not null default now(),
  primary key (name, version)
);

create unique index projections_live on projections (name) where status = 'live';

-- Moves checkpoints by compare-and-set: all of them from where the caller saw them, forwards only, or an error that rolls
-- the caller's rows back with them.
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

-- Down Migration

drop function advance_projections(text, text[], int[], bigint[], bigint, bigint);
drop table projections;
