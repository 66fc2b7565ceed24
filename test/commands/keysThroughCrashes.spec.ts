import { describe, expect, it } from '@jest/globals';
import type { Mailboxes } from '../../src/commands/mailboxes.ts';
import { type AccountEvent, accountStream, charge } from '../../src/domain/account.ts';
import { type CouponPolicyEvent, couponPolicyStream, issueCoupon, openPolicy } from '../../src/domain/couponPolicy.ts';
import { parseEvent } from '../../src/domain/events.ts';
import type { CommandId, Fingerprint, PolicyId, UserId } from '../../src/domain/ids.ts';
import type { Won } from '../../src/domain/money.ts';
import type { EventStore } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { MemoryLog } from '../../src/platform/eventStore/memoryLog.ts';
import { until } from '../support/processes.ts';
import { silentLog } from '../support/silentLog.ts';
import { dyingAt } from './mortalStores.ts';
import { about, ann, commandProcess, openOrdersOf, stoppedClock } from './shopInMemory.ts';

const hasty = { mailbox: { settleMsMax: 30, waitMsMax: 100, attemptsMax: 4 } };
const policyId = 'sale' as PolicyId;

/** Every try is made a little later, as a client's are. */
let now = 1;
const chargeOf = (key: string, amount: number) => {
  now += 1;
  return charge({ chargeId: key as CommandId, fingerprint: `${amount}` as Fingerprint, amount: amount as Won, at: now });
};
const chargeBy = (mailboxes: Mailboxes, key: string, amount = 1_000) => mailboxes.account(ann).ask(chargeOf(key, amount), about(key));
const issueBy = (mailboxes: Mailboxes, key: string, userId: UserId = ann) =>
  mailboxes.policy(policyId).ask(issueCoupon({ userId, commandId: key as CommandId, at: 1 }), about(key));

const processOver = (store: EventStore, options = {}) =>
  commandProcess(store, stoppedClock(), openOrdersOf(new MemoryLog(), []), options).mailboxes;

const accountEvents = async (store: EventStore): Promise<AccountEvent[]> =>
  (await store.readStream(accountStream(ann), 0n, { maxCount: 10_000 })).map((event) => parseEvent(event) as AccountEvent);
const issued = async (store: EventStore) =>
  (await store.readStream(couponPolicyStream(policyId), 0n, { maxCount: 10_000 }))
    .map((event) => parseEvent(event) as CouponPolicyEvent)
    .flatMap((event) => (event.type === 'CouponIssued' ? [event.data] : []));

/** A policy of two coupons, one for each user, of which somebody has the first; and a charge of 500 on ann's account. */
const shop = async () => {
  const log = new MemoryLog();
  const store = createMemoryEventStore({ log });
  const calm = processOver(store);
  const terms = { name: 'sale', count: 2, discountType: 'amount', discountAmount: 500, startsAt: 0, endsAt: 9, perUser: 1 } as const;
  await calm
    .policy(policyId)
    .ask(openPolicy({ policyId, number: 1, generation: 0, terms: { ...terms, expireMinutes: 60 }, at: 0 }), about('o'));
  await issueBy(calm, 'first', 'bob' as UserId);
  await chargeBy(calm, 'before', 500);
  return { log, store };
};

describe.each(['before', 'after'] as const)('a process that dies %s its n-th call, whatever n (I3, I4, ES1, ES2)', (dies) => {
  it('leaves a charge that its key finds, or makes, exactly once', async () => {
    for (let n = 1; ; n += 1) {
      const { log, store } = await shop();
      const mortal = dyingAt(createMemoryEventStore({ log }), n, dies);
      await chargeBy(processOver(mortal.store, hasty), 'k').catch(() => undefined);
      const another = processOver(createMemoryEventStore({ log }));
      await chargeBy(another, 'later', 70);
      const { outcome } = await chargeBy(another, 'k');
      // 1,500 where the dead process had charged before the other did, else 1,570: what the event says.
      const [recorded, ...more] = (await accountEvents(store)).flatMap((event) =>
        event.type === 'BalanceCharged' && event.data.chargeId === 'k' ? [event.data] : [],
      );
      expect([outcome.kind === 'charged' && outcome.balance, more]).toEqual([recorded?.balanceAfter, []]);
      expect((await chargeBy(processOver(store), 'k')).outcome).toEqual({
        kind: 'charged',
        balance: recorded?.balanceAfter,
        replayed: true,
      });
      if (!mortal.died.yes) break;
      expect(n).toBeLessThan(20);
    }
  });

  it('leaves a coupon that its key finds, or issues, exactly once (I5, I6, CP3)', async () => {
    for (let n = 1; ; n += 1) {
      const { log, store } = await shop();
      const mortal = dyingAt(createMemoryEventStore({ log }), n, dies);
      await issueBy(processOver(mortal.store, hasty), 'k').catch(() => undefined);
      const another = processOver(createMemoryEventStore({ log }));
      const { outcome } = await issueBy(another, 'k');
      expect((await issued(store)).map(({ userId, serial }) => [userId, serial])).toEqual([
        ['bob', 1],
        ['ann', 2],
      ]);
      expect(outcome).toMatchObject({ kind: 'issued', coupon: { serial: 2 } });
      expect((await issueBy(another, 'next', 'carl' as UserId)).outcome).toMatchObject({ kind: 'refused', reason: 'sold-out' });
      if (!mortal.died.yes) break;
      expect(n).toBeLessThan(20);
    }
  });
});

it('a key answers as it did, ten thousand events, a snapshot and a restart later (I4, I17)', async () => {
  const log = new MemoryLog();
  const store = createMemoryEventStore({ log });
  const snapshots = { truncate: async () => undefined, log: silentLog };
  const first = processOver(store, { snapshots });
  await chargeBy(first, 'k', 5);
  for (let from = 0; from < 10_000; from += 2_000) {
    await Promise.all(Array.from({ length: 2_000 }, (_, i) => chargeBy(first, `charge-${from + i}`, 1)));
  }
  await until(async () => (await store.readStream(`snapshot-${accountStream(ann)}`, 0n, { maxCount: 1 })).length > 0);
  await until(() => log.typeAt(log.length - 1) === 'SnapshotTaken');

  let read = 0;
  const readStream: EventStore['readStream'] = async (stream, ...rest) => {
    const page = await store.readStream(stream, ...rest);
    if (stream === accountStream(ann)) read += page.length;
    return page;
  };
  const restarted = processOver(Object.assign(Object.create(store) as EventStore, { readStream }), { snapshots });
  const events = log.length;
  expect((await chargeBy(restarted, 'k', 5)).outcome).toEqual({ kind: 'charged', balance: 5, replayed: true });
  expect((await chargeBy(restarted, 'charge-0', 1)).outcome).toEqual({ kind: 'charged', balance: 6, replayed: true });
  expect((await chargeBy(restarted, 'k', 6)).outcome).toEqual({ kind: 'refused', reason: 'key-reused' });
  expect([log.length, read < 6_000]).toEqual([events, true]);
}, 90_000);
