import { type Account, type AccountEvent, accountFold, accountStream } from '../domain/account.ts';
import { parseEvent } from '../domain/events.ts';
import type { UserId } from '../domain/ids.ts';
import type { Position, RecordedEvent } from '../platform/eventStore/eventStore.ts';
import { type Inspection, NoSuchStream } from '../platform/eventStore/inspect.ts';
import { endBehind } from './eventsEnd.ts';
import type { AccountOptions } from './eventsOptions.ts';
import type { LineOutput } from './eventsOutput.ts';
import { asJson, asText } from './eventsPrint.ts';

/** Position of an empty log, as the query API tells it. */
const BEGINNING: Position = 0n;

export type AccountParts = Readonly<{
  inspection: Inspection;
  output: LineOutput;
  /** Width of the terminal that text goes to, if it does. */
  columns(): number | undefined;
  signal: AbortSignal;
}>;

/** The account's events up to a position; none when nothing ever happened to it. What lies behind is let run out (CL9). */
async function* eventsUpTo(inspection: Inspection, userId: UserId, at: Position, signal: AbortSignal): AsyncGenerator<RecordedEvent, void> {
  try {
    for await (const event of inspection.stream(accountStream(userId), { from: null, backwards: false, maxCount: null, signal })) {
      if (event.position <= at) yield event;
    }
  } catch (error) {
    if (!(error instanceof NoSuchStream)) throw error;
  }
}

/** The position asked for, or the end of the log. @throws LogTooShort when the log has not come so far. */
const momentOf = async ({ inspection, signal }: AccountParts, asked: Position | null): Promise<Position> => {
  const end = await endBehind(inspection, asked === BEGINNING ? null : asked, signal);
  return asked ?? end ?? BEGINNING;
};

const stateAsJson = (userId: UserId, at: Position, { balance, held }: Account): string =>
  JSON.stringify({ userId, at: at.toString(), balance, held });
const stateAsText = (userId: UserId, at: Position, { balance, held }: Account): string =>
  `${userId} at ${at}: balance ${balance}, held ${held}`;

/**
 * An account as it was: its events up to a position, and behind them, as the last line, what the domain's own fold makes of them.
 * Says nothing of the state when it was stopped before; answers whether it came so far.
 *
 * @throws LogTooShort when the log ends before `at`; StoreUnavailable; UnknownEventType or MalformedEvent when this program is too
 * old for an event.
 */
export const printAccount = async (parts: AccountParts, { userId, at, json }: AccountOptions): Promise<boolean> => {
  const { inspection, output, columns, signal } = parts;
  const moment = await momentOf(parts, at);
  let account = accountFold.initial;
  for await (const event of eventsUpTo(inspection, userId, moment, signal)) {
    await output.write(json ? asJson(event) : asText(event, columns()));
    account = accountFold.evolve(account, parseEvent(event) as AccountEvent);
  }
  if (signal.aborted) return false;
  await output.write(json ? stateAsJson(userId, moment, account) : stateAsText(userId, moment, account));
  return true;
};
