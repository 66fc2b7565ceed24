/** Judgements that need k6's counters, which no script can read while it runs. An identity is {id, ok, expected, actual}. */

/** K8: the shoppers' acknowledged totals against the recorded ones; only answers that stayed unknown widen the bound. */
export const acknowledged = (counters, totals) =>
  ['charge', 'charge_won', 'coupon', 'order', 'order_won'].map((kind) => {
    const of = (stage) => counters[`${stage}_${kind}`] ?? 0;
    const most = of('acked') + of('sent') - of('answered');
    const expected = most === of('acked') ? told(most) : `${told(of('acked'))} … ${told(most)}`;
    const recorded = totals[kind];
    return { id: `K8 ${kind} recorded = acknowledged`, ok: recorded >= of('acked') && recorded <= most, expected, actual: told(recorded) };
  });

/** K13: the scenario's own counts. */
export const counted = (figures, expected) =>
  Object.entries(expected).map(([name, due]) => {
    const actual = name === 'requests' ? figures.requests : (figures.counters[name] ?? 0);
    return { id: `K13 ${name}`, ok: actual === due, expected: told(due), actual: told(actual) };
  });

/** The published figures of the seed, which a full run must beat. */
export const beaten = (figures, published) => {
  if (!published) return [];
  const perSecond = (n) => Math.round((n / figures.seconds) * 10) / 10;
  const more = (id, due, actual) => ({ id, ok: actual > due, expected: `> ${told(due)}`, actual: told(actual) });
  const orderP95 = figures.steps.order_time?.p95 ?? Number.POSITIVE_INFINITY;
  return [
    more('K13 requests/s', published.requestsPerSecond, perSecond(figures.requests)),
    more('K13 iterations/s', published.iterationsPerSecond, perSecond(figures.iterations)),
    { id: 'K13 order p95 in ms', ok: orderP95 < published.orderP95Ms, expected: `< ${told(published.orderP95Ms)}`, actual: told(orderP95) },
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
