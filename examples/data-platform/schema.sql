-- What the data platform keeps. Both tables are its own: the shop neither reads nor writes them.

-- Two consumers that start at once make them one after the other.
select pg_advisory_xact_lock(hashtext('data-platform'));

-- One row for each event. Source and id together name an event for ever (CloudEvents 1.0), so a repeat finds its row here.
create table if not exists placed_orders (
  source       text        not null,
  event_id     text        not null,
  order_id     text        not null,
  user_id      text        not null,
  lines        jsonb       not null,
  total_amount bigint      not null,
  completed_at timestamptz not null,
  received_at  timestamptz not null default now(),
  primary key (source, event_id)
);

-- What could not be understood, for a person to look at: one such message must not hold up those behind it.
create table if not exists unreadable_messages (
  topic     text   not null,
  partition int    not null,
  "offset"  bigint not null,
  value     text   not null,
  reason    text   not null,
  primary key (topic, partition, "offset")
);
