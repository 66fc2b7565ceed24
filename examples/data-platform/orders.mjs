/** The types of event that this consumer keeps; others in the topic are passed over. */
const ORDER_COMPLETED = 'order.completed.v1';

const text = (value, name) => {
  if (typeof value !== 'string' || value === '') throw new Error(`${name} is missing`);
  return value;
};

const time = (value, name) => {
  const at = /^\d{4}-\d\d-\d\dT/.test(text(value, name)) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(at)) throw new Error(`${name} is no time`);
  return new Date(at).toISOString();
};

/** JSON can say NUL and halves of surrogate pairs; Postgres refuses both, and with them the batch that they stand in. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/**
 * A message as a row of `placed_orders`; `null` for an event of another type. Members that it does not know are passed over, so
 * that the shop may add some. @throws Error that says what is wrong with it.
 */
export const readOrder = (value) => {
  const event = JSON.parse(value);
  if (event?.specversion !== '1.0') throw new Error('no CloudEvent 1.0');
  if (event.type !== ORDER_COMPLETED) return null;
  const { orderId, userId, lines, totalAmount, completedAt } = event.data ?? {};
  if (UNSTORABLE.test(JSON.stringify(event))) throw new Error('characters that cannot be stored');
  if (!Array.isArray(lines)) throw new Error('lines are missing');
  if (!Number.isSafeInteger(totalAmount)) throw new Error('totalAmount is no whole number');
  return {
    source: text(event.source, 'source'),
    event_id: text(event.id, 'id'),
    order_id: text(orderId, 'orderId'),
    user_id: text(userId, 'userId'),
    lines,
    total_amount: totalAmount,
    completed_at: time(completedAt, 'completedAt'),
  };
};

/** What is in a batch of messages: rows to keep, and what nobody understands. */
export const sort = (messages) => {
  const orders = [];
  const unreadable = [];
  for (const { offset, value } of messages) {
    // Postgres takes no NUL in a text.
    const content = (value?.toString() ?? '').replaceAll('\0', '\uFFFD');
    try {
      const order = readOrder(content);
      if (order !== null) orders.push(order);
    } catch (error) {
      unreadable.push({ offset, value: content, reason: error.message });
    }
  }
  return { orders, unreadable };
};

const KEEP_ORDERS = `
  insert into placed_orders (source, event_id, order_id, user_id, lines, total_amount, completed_at)
  select source, event_id, order_id, user_id, lines, total_amount, completed_at
    from jsonb_to_recordset($1::jsonb) as new (source text, event_id text, order_id text, user_id text, lines jsonb,
                                               total_amount bigint, completed_at timestamptz)
  on conflict do nothing`;

const KEEP_UNREADABLE = `
  insert into unreadable_messages (topic, partition, "offset", value, reason)
  select $1, $2, "offset", value, reason from jsonb_to_recordset($3::jsonb) as new ("offset" bigint, value text, reason text)
  on conflict do nothing`;

/**
 * Keeps a batch in one transaction: all of it or nothing. What was kept before, by this process or another, is found by the keys and
 * left as it is; so the same batch may come again at any time, which is all that the queue's "at least once" asks for.
 * Answers how many orders were new.
 */
export const keep = async (pool, topic, partition, { orders, unreadable }) => {
  const client = await pool.connect();
  // A connection that is lost fails the query that runs on it, too.
  client.on('error', () => undefined);
  try {
    await client.query('begin');
    const { rowCount } = await client.query(KEEP_ORDERS, [JSON.stringify(orders)]);
    await client.query(KEEP_UNREADABLE, [topic, partition, JSON.stringify(unreadable)]);
    await client.query('commit');
    client.release();
    return rowCount;
  } catch (error) {
    // Closing the connection ends the transaction, wherever it was.
    client.release(true);
    throw error;
  }
};
