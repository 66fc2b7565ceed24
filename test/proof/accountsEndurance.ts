/**
 * Does a command process stay within its memory, however many accounts come and go? Charges go round over many accounts,
 * through the mailboxes of one process; the log stands outside the heap. The heap is measured, collected,
 * fifty times: what is remembered swings between half and all of what may be.
 *
 *   node --expose-gc --import tsx test/proof/accountsEndurance.ts [commands = 1000000] [accounts = 200000]
 *
 * Status 1 when the heap of the second half is more than 5 % above that of the first.
 */
import { createHash } from 'node:crypto';
import { Mailboxes } from '../../src/commands/mailboxes.ts';
import { charge } from '../../src/domain/account.ts';
import type { CommandId, Fingerprint, UserId } from '../../src/domain/ids.ts';
import type { Won } from '../../src/domain/money.ts';
import type { EventStore } from '../../src/platform/eventStore/eventStore.ts';
import { ArenaEventStore } from './arenaEventStore.ts';

const COMMANDS = Number(process.argv[2] ?? 1_000_000);
const ACCOUNTS = Number(process.argv[3] ?? 200_000);
const LOOKS = 50;
const AT_ONCE = 256;
const GROWTH_MAX = 1.05;

const collect = globalThis.gc;
if (!collect) throw new Error('start this with --expose-gc');
const heap = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};
const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

const store = new ArenaEventStore(COMMANDS) as unknown as EventStore;
const mailboxes = new Mailboxes(store, () => performance.now());
/** Ids as clients' keys make them: they are what an account remembers. */
const chargeOf = (n: number) => {
  const chargeId = sha(`charge ${n}`).slice(0, 32) as CommandId;
  const asked = { chargeId, fingerprint: sha(`body ${n}`) as Fingerprint, amount: 1_000 as Won, at: 1_700_000_000_000 + n };
  const about = { commandId: chargeId, correlationId: 'endurance', causationId: chargeId, actor: 'endurance' };
  return mailboxes.account(`user-${n % ACCOUNTS}` as UserId).ask(charge(asked), about);
};

const heaps = [heap()];
const begun = performance.now();
for (let look = 1; look <= LOOKS; look += 1) {
  const until = (COMMANDS / LOOKS) * look;
  for (let n = (COMMANDS / LOOKS) * (look - 1); n < until; n += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, until - n) }, (_, i) => chargeOf(n + i)));
  heaps.push(heap());
  const seconds = Math.round((performance.now() - begun) / 1_000);
  if (look % 5 === 0) console.log(`${until} commands, ${seconds} s, heap ${(heaps.at(-1) as number) >> 20} MiB`);
}
const [first, second] = [heaps.slice(1, LOOKS / 2 + 1), heaps.slice(LOOKS / 2 + 1)].map((of) => Math.max(...of)) as [number, number];
const grown = second / first;
console.log(`heap at most ${first >> 20} MiB in the first half, ${second >> 20} MiB in the second: ${((grown - 1) * 100).toFixed(1)} %`);
process.exitCode = grown <= GROWTH_MAX ? 0 : 1;
