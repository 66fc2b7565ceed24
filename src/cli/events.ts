import { ConfigError, parseConfig } from '../platform/config.ts';
import { createEsdbEventStore } from '../platform/eventStore/esdbEventStore.ts';
import { type Inspection, openInspection } from '../platform/eventStore/inspect.ts';
import { EXIT, onStopRequest } from '../platform/process.ts';
import { printAccount } from './eventsAccount.ts';
import { exportLog } from './eventsExport.ts';
import {
  type AccountOptions,
  type EventsOptions,
  parseEventsOptions,
  type StreamOptions,
  type TailOptions,
  WrongUsage,
} from './eventsOptions.ts';
import { LineOutput } from './eventsOutput.ts';
import { asJson, asText } from './eventsPrint.ts';
import { tail } from './eventsTail.ts';
import { localEventStoreUrl } from './localStores.ts';

/** How long the end of the client may take, in milliseconds: nothing hangs on it. */
const CLOSE_MAX_MS = 500;

const say = (line: string): void => {
  process.stderr.write(`${line.replaceAll(/\s*\n\s*/g, ' ')}\n`);
};

/** A connection string without what it may keep secret. */
const addressOf = (url: string): string => /^[^:]+:\/\/(?:.*@)?([^/?@]*)/.exec(url)?.[1] ?? '';

type Look = Readonly<{ url: string; inspection: Inspection; ending: AbortController }>;

/** Writes to stdout by `print` until done. A reader that has seen enough is no failure. */
const toStdout = async (ending: AbortController, print: (output: LineOutput) => Promise<number>): Promise<number> => {
  const output = new LineOutput(process.stdout, ending);
  const status = await print(output);
  await output.flush();
  const { fault } = output;
  if (fault === undefined || fault.code === 'EPIPE') return status;
  say(`cannot write: ${fault.message}`);
  return EXIT.failed;
};

const columns = (): number | undefined => (process.stdout.isTTY ? process.stdout.columns : undefined);

const tailLog = async ({ url, inspection, ending }: Look, options: TailOptions): Promise<number> => {
  const store = createEsdbEventStore(url);
  const { signal } = ending;
  try {
    return await toStdout(ending, (output) => tail({ store, inspection, output, columns, say, signal }, options));
  } finally {
    await store.close();
  }
};

/** A stream that was not shown to its end because of a signal falls short. @throws NoSuchStream */
const printStream = ({ inspection, ending: { signal }, ending }: Look, options: StreamOptions): Promise<number> =>
  toStdout(ending, async (output) => {
    const { name, from, backwards, count, json } = options;
    for await (const event of inspection.stream(name, { from, backwards, maxCount: count, signal })) {
      await output.write(json ? asJson(event) : asText(event, columns()));
    }
    return signal.aborted && output.fault === undefined ? EXIT.failed : EXIT.done;
  });

/** An account whose state was not told because of a signal falls short. */
const showAccount = ({ inspection, ending: { signal }, ending }: Look, options: AccountOptions): Promise<number> =>
  toStdout(ending, async (output) => {
    const isWhole = await printAccount({ inspection, output, columns, signal }, options);
    return isWhole || output.fault !== undefined ? EXIT.done : EXIT.failed;
  });

const run = (look: Look, wanted: EventsOptions): Promise<number> => {
  if (wanted.kind === 'tail') return tailLog(look, wanted.options);
  if (wanted.kind === 'stream') return printStream(look, wanted.options);
  if (wanted.kind === 'account') return showAccount(look, wanted.options);
  return exportLog({ ...look, say }, wanted.options);
};

const optionsOf = (args: readonly string[]): EventsOptions | null => {
  try {
    return parseEventsOptions(args);
  } catch (error) {
    if (!(error instanceof WrongUsage)) throw error;
    say(`${error.message}; see "till events --help"`);
    return null;
  }
};

/**
 * `till events tail|stream|account|export`: a look into any EventStoreDB. Status 0 when done, 1 when the store does not answer,
 * or what was asked for is not there or could not all be shown, 2 for wrong usage. @throws ConfigError when the configuration is
 * wrong.
 */
export const eventsCommand = async (args: readonly string[]): Promise<number> => {
  const options = optionsOf(args);
  if (options === null) return EXIT.usage;
  const url = localEventStoreUrl(parseConfig(process.env));
  const ending = new AbortController();
  onStopRequest(
    (why) => ending.abort(why),
    () => process.exit(EXIT.failed),
  );
  process.stderr.on('error', () => {}); // Whoever closed it wants to hear nothing.
  let inspection: Inspection | undefined;
  try {
    inspection = openInspection(url);
    return await run({ url, inspection, ending }, options);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const isOwn = error instanceof Error && 'syscall' in error;
    say(isOwn ? reason : `event store ${addressOf(url)}: ${reason}`);
    return EXIT.failed;
  } finally {
    await Promise.race([inspection?.close(), new Promise((resolve) => void setTimeout(resolve, CLOSE_MAX_MS))]);
  }
};
