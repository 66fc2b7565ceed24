import { expect, it } from '@jest/globals';
import { Mailboxes } from '../../src/commands/mailboxes.ts';
import { charge } from '../../src/domain/account.ts';
import type { CommandId, Fingerprint, UserId } from '../../src/domain/ids.ts';
import type { Won } from '../../src/domain/money.ts';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';

const mailboxesOf = (max: number) => new Mailboxes(createMemoryEventStore(), () => performance.now(), max);
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
