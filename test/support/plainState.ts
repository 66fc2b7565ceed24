import { RewindableMap } from '../../src/domain/rewindable.ts';

/** A state for comparison: its maps as entries in the order of their keys. */
export const plainOf = (state: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(state).map(([name, member]) => [
      name,
      member instanceof RewindableMap ? [...member.entries()].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)) : member,
    ]),
  );
