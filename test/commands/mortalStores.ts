import { AppendInDoubt, type EventStore, StoreUnavailable } from '../../src/platform/eventStore/eventStore.ts';

/** A store that does `calls` calls and then no more: the last one is done (`after`) or not (`before`), but not answered. */
export const dyingAt = (store: EventStore, calls: number, dies: 'before' | 'after') => {
  const died: { yes: boolean } = { yes: false };
  let left = calls;
  const mortal =
    <Given extends unknown[], Answer>(call: (...given: Given) => Promise<Answer>, gone: () => Error) =>
    async (...given: Given): Promise<Answer> => {
      left -= 1;
      if (left > 0) return call(...given);
      died.yes = true;
      if (left === 0 && dies === 'after') await call(...given);
      throw gone();
    };
  const append = mortal(store.append.bind(store), () => new AppendInDoubt('the process died'));
  const readStream = mortal(store.readStream.bind(store), () => new StoreUnavailable('the process died'));
  return { died, store: Object.assign(Object.create(store) as EventStore, { append, readStream }) };
};

/** A store whose n-th call begins only when it is woken. */
export const sleepingAt = (store: EventStore, n: number) => {
  const { promise: asleep, resolve: fallAsleep } = promised();
  const { promise: woken, resolve: wake } = promised();
  let left = n;
  const drowsy =
    <Given extends unknown[], Answer>(call: (...given: Given) => Promise<Answer>) =>
    async (...given: Given): Promise<Answer> => {
      left -= 1;
      if (left === 0) {
        fallAsleep();
        await woken;
      }
      return call(...given);
    };
  const parts = { append: drowsy(store.append.bind(store)), readStream: drowsy(store.readStream.bind(store)) };
  return { asleep, wake, store: Object.assign(Object.create(store) as EventStore, parts) };
};

const promised = () => {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve: () => resolve() };
};
