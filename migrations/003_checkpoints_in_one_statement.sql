-- Up Migration

drop function advance_projections(text, text[], bigint[], bigint, bigint);

-- Called by the statement that moves checkpoints with how many it should have moved and how many it did: an error rolls
-- back the caller's rows with them. The statement itself is the caller's: inside a function it is planned and run apart from the rest.
create function refuse_overtaken(due int, moved bigint)
returns void language plpgsql as $$
begin
  if moved <> due then
    raise exception '% of % checkpoints are no longer where they were seen', due - moved, due using errcode = 'TL001';
  end if;
end
$$;

-- Down Migration

drop function refuse_overtaken(int, bigint);

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
