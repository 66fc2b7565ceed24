/** Judgements that need k6's counters, which no script can read while it runs. An identity is {id, ok, expected, actual}. */

const kinds = ['charge', 'charge_won', 'coupon', 'order', 'order_won'];

/** What was acknowledged for sure, and the most that may have been, since some answers stayed unknown. */
export const bounds = (counters, kind) => {
  const of = (stage) => counters[`${stage}_${kind}`] ?? 0;
  return { least: of('acked'), most: of('acked') + of('sent') - of('answered') };
};

/** An identity that holds from `least` to `most`. */
export const within = (id, { least, most }, actual) => ({
  id,
  ok: actual >= least && actual <= most,
  expected: least === most ? told(most) : `${told(least)} … ${told(most)}`,
  actual: told(actual),
});

/** K8: the shoppers' acknowledged totals against the recorded ones; only answers that stayed unknown widen the bound. */
export const acknowledged = (counters, totals) =>
  kinds
    .filter((kind) => totals[kind] !== undefined)
    .map((kind) => within(`K8 ${kind} recorded = acknowledged`, bounds(counters, kind), totals[kind]));

/** K13: the scenario's own counts. */
export const counted = (figures, expected) =>
  Object.entries(expected).map(([name, due]) => {
    const actual = name === 'requests' ? figures.requests : (figures.counters[name] ?? 0);
    return { id: `K13 ${name}`, ok: actual === due, expected: told(due), actual: told(actual) };
  });

/** The published figures of the seed, which a full run must beat; those that a seed did not publish are left out. */
export const beaten = (figures, published) => {
  if (!published) return [];
  const perSecond = (n) => Math.round((n / figures.seconds) * 10) / 10;
  const more = (id, due, actual) => (due === undefined ? [] : [{ id, ok: actual > due, expected: `> ${told(due)}`, actual: told(actual) }]);
  const { requests, requestsPerSecond, iterationsPerSecond, orderP95Ms } = published;
  const orderP95 = figures.steps.order_time?.p95 ?? Number.POSITIVE_INFINITY;
  const order = { id: 'K13 order p95 in ms', ok: orderP95 < orderP95Ms, expected: `< ${told(orderP95Ms)}`, actual: told(orderP95) };
  return [
    ...more('K13 requests', requests && requests - 1, figures.requests),
    ...more('K13 requests/s', requestsPerSecond, perSecond(figures.requests)),
    ...more('K13 iterations/s', iterationsPerSecond, perSecond(figures.iterations)),
    ...(orderP95Ms === undefined ? [] : [order]),
  ];
};

/** The greatest number of intervals [from, until] that hold at one moment. */
export const peak = (intervals) => {
  const edges = intervals.flatMap(([from, until]) => [
    [from, 1],
    [Math.max(until, from + 1), -1],
  ]);
  edges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let now = 0;
  let most = 0;
  for (const [, step] of edges) {
    now += step;
    most = Math.max(most, now);
  }
  return most;
};

/** Shoppers and requests under way at once; `visits` holds the flights of each visit. */
export const peaks = (visits) => ({
  shoppers: peak(visits.filter((flights) => flights.length > 0).map((flights) => [flights[0][0], Math.max(...flights.map((f) => f[1]))])),
  requests: peak(visits.flat()),
});

/** Refusals by problem name, out of the counters. */
export const refusals = (counters) =>
  Object.fromEntries(
    Object.entries(counters)
      .filter(([name, n]) => name.startsWith('refused_') && n > 0)
      .map(([name, n]) => [name.slice('refused_'.length).replaceAll('_', '-'), n]),
  );

export const told = (n) => (typeof n === 'number' ? n.toLocaleString('en-US') : String(n));
