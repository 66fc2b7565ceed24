/** An owner without a Map is empty: most maps of most states stay so, and a Map that holds nothing is not small. */
type Node<K, V> = { kind: 'owner'; map: Map<K, V> | null } | { kind: 'changed'; key: K; before: V | undefined; next: RewindableMap<K, V> };

/** Steps an older version walks to answer, before it rather takes the Map over. */
const WALK_MAX = 512;

/**
 * An immutable map whose newest version costs as little as a plain Map, while older versions stay
 * readable. A mailbox folds a batch ahead of its append; when the append loses, it goes back to the
 * version it held before. The newest version owns the Map, older ones are chains of differences
 * (H. Baker, "Shallow binding makes functional arrays fast", 1991). `undefined` is not a value.
 */
export class RewindableMap<K, V> {
  private node: Node<K, V>;

  private constructor(node: Node<K, V>) {
    this.node = node;
  }

  static empty<K, V>(): RewindableMap<K, V> {
    return new RewindableMap({ kind: 'owner', map: null });
  }

  /** The map of these entries; the last of a key counts. */
  static from<K, V>(entries: Iterable<readonly [K, V]>): RewindableMap<K, V> {
    return new RewindableMap({ kind: 'owner', map: new Map(entries) });
  }

  get size(): number {
    return this.own().size;
  }

  get(key: K): V | undefined {
    let at: RewindableMap<K, V> = this;
    for (let steps = 0; steps < WALK_MAX; steps += 1) {
      const { node } = at;
      if (node.kind === 'owner') return node.map?.get(key);
      if (node.key === key) return node.before;
      at = node.next;
    }
    return this.own().get(key);
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  set(key: K, value: V): RewindableMap<K, V> {
    return this.derive(key, value);
  }

  delete(key: K): RewindableMap<K, V> {
    return this.derive(key, undefined);
  }

  /** A copy of the entries as they are in this version. */
  entries(): readonly (readonly [K, V])[] {
    return [...this.own()];
  }

  private derive(key: K, value: V | undefined): RewindableMap<K, V> {
    const map = this.own();
    const before = map.get(key);
    put(map, key, value);
    const next = new RewindableMap<K, V>({ kind: 'owner', map });
    this.node = { kind: 'changed', key, before, next };
    return next;
  }

  /** Makes this version the owner of the Map, turning the differences on the way round. */
  private own(): Map<K, V> {
    if (this.node.kind === 'owner') {
      this.node.map ??= new Map();
      return this.node.map;
    }
    const older: RewindableMap<K, V>[] = [];
    let at: RewindableMap<K, V> = this;
    while (at.node.kind === 'changed') {
      older.push(at);
      at = at.node.next;
    }
    const map = at.own();
    for (const version of older.reverse()) {
      const { key, before, next } = version.node as Extract<Node<K, V>, { kind: 'changed' }>;
      next.node = { kind: 'changed', key, before: map.get(key), next: version };
      put(map, key, before);
      version.node = { kind: 'owner', map };
    }
    return map;
  }
}

const put = <K, V>(map: Map<K, V>, key: K, value: V | undefined): void => {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
};
