import {
  AppendInDoubt,
  type EventStore,
  NO_STREAM,
  STORE_IDENTITY_STREAM,
  type StoreId,
  StoreUnavailable,
  WrongRevision,
} from './eventStore.ts';

/** How often the first writing of the identity is tried before the store counts as unavailable. */
const TRIES_MAX = 3;

const read = async (store: EventStore, signal: AbortSignal | undefined): Promise<StoreId | undefined> => {
  const [opened] = await store.readStream(STORE_IDENTITY_STREAM, 0n, { maxCount: 1, ...(signal && { signal }) });
  if (opened === undefined) return undefined;
  const { storeId } = (opened.data ?? {}) as { storeId?: unknown };
  if (typeof storeId !== 'string' || storeId === '') throw new Error(`${STORE_IDENTITY_STREAM} does not hold an identity`);
  return storeId;
};

/**
 * The identity a store has for ever. Whoever asks first writes it at NO_STREAM: of several at once one
 * wins and the others read what it wrote. `newId` makes UUIDs.
 */
export const readOrWriteIdentity = async (store: EventStore, newId: () => string, signal?: AbortSignal): Promise<StoreId> => {
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const known = await read(store, signal);
    if (known !== undefined) return known;
    const storeId = newId();
    const metadata = { commandId: storeId, correlationId: storeId, causationId: storeId, actor: 'event-store' };
    try {
      await store.append(STORE_IDENTITY_STREAM, [{ id: newId(), type: 'StoreOpened', data: { storeId }, metadata }], NO_STREAM, signal);
    } catch (error) {
      if (!(error instanceof WrongRevision || error instanceof AppendInDoubt)) throw error;
    }
  }
  throw new StoreUnavailable(`no identity after ${TRIES_MAX} tries`);
};
