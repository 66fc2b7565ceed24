import { DEAD_LETTERS } from '../commands/queue/couponTopics.ts';
import { type DeadLetter, deadLetters, REPLAY, replayAll, sendAgain } from '../commands/queue/deadLetters.ts';
import { type Config, parseConfig } from '../platform/config.ts';
import { createEsdbEventStore } from '../platform/eventStore/esdbEventStore.ts';
import { createLogger } from '../platform/log.ts';
import { EXIT } from '../platform/process.ts';
import { openQueue } from '../platform/queue/openQueue.ts';
import { type Queue, QueueUnavailable } from '../platform/queue/queue.ts';
import { type DlqOptions, type Place, parseDlqOptions, WrongUsage } from './dlqOptions.ts';
import { localEventStoreUrl } from './localStores.ts';

/** Dead letters that are listed at most. */
const LISTED_MAX = 10_000;
/** Characters of a detail that a line of the list shows. */
const DETAIL_SHOWN = 80;

type Listed = Readonly<{ letter: DeadLetter; sentAgain: boolean }>;

const placeText = ({ partition, offset }: Place): string => `${partition}:${offset}`;

const documentOf = ({ letter, sentAgain }: Listed) => {
  const { at, reason, detail, original } = letter;
  const { offset, ...rest } = original;
  const time = new Date(at).toISOString();
  return { place: placeText(letter), at: time, reason, detail, sentAgain, original: { ...rest, offset: String(offset) } };
};

const lineOf = ({ letter, sentAgain }: Listed): string => {
  const { at, reason, detail, original } = letter;
  const from = `${original.topic}/${original.partition}/${original.offset}`;
  return [
    placeText(letter).padEnd(8),
    new Date(at).toISOString(),
    reason.padEnd(22),
    from.padEnd(24),
    sentAgain ? 'sent again' : '',
    detail.slice(0, DETAIL_SHOWN),
  ].join('  ');
};

const list = async (queue: Queue): Promise<readonly Listed[]> => {
  const listed: Listed[] = [];
  for (const { partition, committed, end } of await queue.lag(REPLAY, DEAD_LETTERS)) {
    for await (const letter of deadLetters(queue, partition, 0n, end)) {
      listed.push({ letter, sentAgain: letter.offset < committed });
      if (listed.length === LISTED_MAX) return listed;
    }
  }
  return listed;
};

/** @throws Error when nothing lies there. */
const find = async (queue: Queue, place: Place): Promise<Listed> => {
  const lag = (await queue.lag(REPLAY, DEAD_LETTERS)).find(({ partition }) => partition === place.partition);
  if (lag && place.offset < lag.end) {
    for await (const letter of deadLetters(queue, place.partition, place.offset, place.offset + 1n)) {
      return { letter, sentAgain: letter.offset < lag.committed };
    }
  }
  throw new Error(`no dead letter lies at ${placeText(place)}`);
};

const run = async (queue: Queue, wanted: DlqOptions): Promise<readonly [document: unknown, words: string]> => {
  if (wanted.kind === 'list') {
    const listed = await list(queue);
    return [listed.map(documentOf), listed.length === 0 ? 'no dead letters' : listed.map(lineOf).join('\n')];
  }
  if (wanted.kind === 'show') {
    const document = documentOf(await find(queue, wanted.place));
    return [document, JSON.stringify(document, null, 2)];
  }
  if (wanted.place === null) {
    const sent = await replayAll(queue);
    return [{ sent }, `${sent} sent again`];
  }
  await sendAgain(queue, (await find(queue, wanted.place)).letter);
  return [{ sent: 1 }, `${placeText(wanted.place)} was sent again`];
};

const optionsOf = (args: readonly string[]): DlqOptions | null => {
  try {
    return parseDlqOptions(args);
  } catch (error) {
    if (!(error instanceof WrongUsage)) throw error;
    process.stderr.write(`${error.message}; see "till dlq --help"\n`);
    return null;
  }
};

const onQueue = async <T>(config: Config, use: (queue: Queue) => Promise<T>): Promise<T> => {
  const store = createEsdbEventStore(localEventStoreUrl(config));
  const log = createLogger({ logLevel: 'error' }, 'dlq', process.stderr);
  const queue = openQueue(config, { store, truncate: async () => undefined, log });
  try {
    return await use(queue);
  } finally {
    await queue.close();
    await store.close();
  }
};

/** `till dlq list|show|replay`. Status 0 when done, 1 when the queue is away or nothing lies at the place, 2 for wrong usage. */
export const dlqCommand = async (args: readonly string[]): Promise<number> => {
  const wanted = optionsOf(args);
  if (wanted === null) return EXIT.usage;
  const config = parseConfig(process.env);
  try {
    const [document, words] = await onQueue(config, (queue) => run(queue, wanted));
    process.stdout.write(wanted.json ? `${JSON.stringify(document, null, 2)}\n` : `${words}\n`);
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    process.stderr.write(`the queue cannot be asked: ${error.message}\n`);
    return EXIT.failed;
  }
};
