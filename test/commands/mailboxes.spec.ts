import { expect, it } from '@jest/globals';
import { Mailboxes } from '../../src/commands/mailboxes.ts';
import { charge } from '../../src/domain/account.ts';
import type { CommandId, Fingerprint, UserId } from '../../src/domain/ids.ts';
import type { Won } from '../../src/domain/money.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';

const mailboxesOf = (max: number) => new Mailboxes(createMemoryEventStore(), () => performance.now(), { max });
const user = (n: number) => `u${n}` as UserId;

it('gives one mailbox to a stream as long as it is in use', () => {
  const mailboxes = mailboxesOf(4);
  const first = mailboxes.account(user(0));
  for (let n = 1; n < 100; n += 1) {
    mailboxes.account(user(n));
    expect(mailboxes.account(user(0))).toBe(first);
  }
});

it('lets go what was not used for longest, and stays right with two mailboxes of one stream (MB11)', async () => {
  const mailboxes = mailboxesOf(2);
  const ask = (id: string) =>
    mailboxes.account(user(0)).ask(charge({ chargeId: id as CommandId, fingerprint: 'f' as Fingerprint, amount: 1 as Won, at: 0 }), {
      commandId: id,
      correlationId: 'c',
      causationId: 'c',
      actor: 'test',
    });
  const before = mailboxes.account(user(0));
  await ask('a');
  for (let n = 1; n < 10; n += 1) mailboxes.account(user(n));
  expect(mailboxes.account(user(0))).not.toBe(before);
  expect((await ask('b')).outcome).toEqual({ kind: 'charged', balance: 2, replayed: false });
});

it('lets go sooner where much is remembered of each: what counts is the memory, not the number alone', async () => {
  const mailboxes = mailboxesOf(50_000);
  const facts = 200;
  const about = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'test' };
  const first = mailboxes.account(user(0));
  for (let n = 0; n < 1_030; n += 1) {
    const box = mailboxes.account(user(n));
    await Promise.all(
      Array.from({ length: facts }, (_, i) =>
        box.ask(charge({ chargeId: `${n}-${i}` as CommandId, fingerprint: 'f' as Fingerprint, amount: 1 as Won, at: 0 }), about),
      ),
    );
  }
  expect(mailboxes.account(user(0))).not.toBe(first);
}, 60_000);
