import { RewindableMap } from '../domain/rewindable.ts';

/** How a kind of state is kept and given back. */
export type StateShape<S extends object> = Readonly<{
  /** The state of no events; its members tell which are maps. */
  initial: () => S;
  /** Maps that can be made again from the others, and how. */
  derived?: readonly (keyof S & string)[];
  derive?: (state: S) => S;
}>;

type AnyMap = RewindableMap<unknown, unknown>;

/**
 * A state as rows of JSON: one object with all plain members, then for each map its name and its entries. What is copied
 * is copied at once; the rows are made as they are asked for, so the work of a large state can be spread.
 */
export const rowsOf = <S extends object>(state: S, { derived = [] }: StateShape<S>): Iterable<unknown> => {
  const members = Object.entries(state).filter(([name]) => !(derived as readonly string[]).includes(name));
  const plain = Object.fromEntries(members.filter(([, member]) => !(member instanceof RewindableMap)));
  const maps = members
    .filter(([, member]) => member instanceof RewindableMap)
    .map(([name, map]) => [name, (map as AnyMap).entries()] as const);
  return (function* () {
    yield plain;
    for (const [name, entries] of maps) {
      yield name;
      yield* entries;
    }
  })();
};

/** The state that these rows are of. @throws Error when they are of no such state. */
export const stateOf = <S extends object>(rows: readonly unknown[], shape: StateShape<S>): S => {
  const state = shape.initial() as Record<string, unknown>;
  const [plain, ...rest] = rows;
  for (const [name, value] of Object.entries(plain as object)) {
    if (!Object.hasOwn(state, name) || state[name] instanceof RewindableMap) throw new Error(`no plain member is called ${name}`);
    state[name] = value;
  }
  const entries = new Map<string, (readonly [unknown, unknown])[]>();
  let into: (readonly [unknown, unknown])[] = [];
  for (const row of rest) {
    if (typeof row === 'string') {
      into = [];
      entries.set(row, into);
    } else into.push(row as [unknown, unknown]);
  }
  for (const [name, of] of entries) {
    if (!(state[name] instanceof RewindableMap)) throw new Error(`no map is called ${name}`);
    state[name] = RewindableMap.from(of);
  }
  const derive = shape.derive ?? ((made: S) => made);
  return derive(state as S);
};
