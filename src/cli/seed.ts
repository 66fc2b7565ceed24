/** The small catalogue that every local shop has: won per piece, and pieces enough for days of trying. */
const PRODUCTS = ['p1', 'p2', 'p3', 'p4', 'p5'].map((id) => ({ id, name: id, price: 2_000, stock: 2_000_000 }));

/** Milliseconds that one request may take. */
const REQUEST_MAX_MS = 10_000;
/** Tries per product while the command API answers 503, and milliseconds between them. */
const TRIES_MAX = 10;
const RETRY_MS = 500;

export type Seeded = Readonly<{ created: number; present: number }>;

const post = (url: string, product: (typeof PRODUCTS)[number]): Promise<Response> =>
  fetch(`${url}/products`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': `seed-${product.id}` },
    body: JSON.stringify(product),
    signal: AbortSignal.timeout(REQUEST_MAX_MS),
  });

const create = async (url: string, product: (typeof PRODUCTS)[number]): Promise<keyof Seeded> => {
  for (let tries = 1; ; tries += 1) {
    const answer = await post(url, product);
    const text = await answer.text();
    if (answer.status === 201) return answer.headers.get('idempotent-replayed') === 'true' ? 'present' : 'created';
    if (answer.status === 409) return 'present';
    if (answer.status !== 503 || tries === TRIES_MAX) throw new Error(`product ${product.id}: ${answer.status} ${text}`);
    await new Promise((wake) => setTimeout(wake, RETRY_MS));
  }
};

/** Creates the catalogue through the command API at `url`. Repeatable: a product that is there already stays as it is. */
export const seed = async (url: string): Promise<Seeded> => {
  const outcomes = await Promise.all(PRODUCTS.map((product) => create(url, product)));
  const created = outcomes.filter((outcome) => outcome === 'created').length;
  return { created, present: outcomes.length - created };
};
