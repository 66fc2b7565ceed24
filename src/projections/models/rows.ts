/** The entry of a key, made when it is not there yet: what folds many events of a batch into one row a key. */
export const entryOf = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
};

/** One array a column, as `unnest` takes them. */
export const columns = <Row>(rows: Iterable<Row>, ...pick: readonly ((row: Row) => unknown)[]): readonly unknown[][] => {
  const arrays: unknown[][] = pick.map(() => []);
  for (const row of rows) {
    for (let column = 0; column < pick.length; column += 1) arrays[column]?.push(pick[column]?.(row));
  }
  return arrays;
};

/** Each item's place among those of its key, 1, 2, 3 … in their order. */
export const numberedBy = <Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<Item, number> => {
  const counts = new Map<string, number>();
  const places = new Map<Item, number>();
  for (const item of items) {
    const key = keyOf(item);
    const place = 1 + (counts.get(key) ?? 0);
    counts.set(key, place);
    places.set(item, place);
  }
  return places;
};
