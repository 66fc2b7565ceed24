import { CACHE_VALUE_CHARS_MAX, type Cache } from './cache.ts';

/** Of more entries the one set first is let go. */
const ENTRIES_MAX = 10_000;

type Entry = Readonly<{ value: string; endsAt: number }>;

/** The cache of a process that shares with nobody. `now`: milliseconds since 1970. */
export const createInProcessCache = (now: () => number = Date.now): Cache => {
  const entries = new Map<string, Entry>();
  return {
    isShared: false,
    get: async (key) => {
      const entry = entries.get(key);
      if (entry === undefined) return null;
      if (now() < entry.endsAt) return entry.value;
      entries.delete(key);
      return null;
    },
    set: async (key, value, endsAt) => {
      entries.delete(key);
      if (value.length > CACHE_VALUE_CHARS_MAX || now() >= endsAt) return;
      entries.set(key, { value, endsAt });
      if (entries.size > ENTRIES_MAX) entries.delete(entries.keys().next().value as string);
    },
    close: async () => entries.clear(),
  };
};
