import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseConfig } from '../platform/config.ts';
import { EXIT } from '../platform/process.ts';

/** Parses the options of a command; null, after the reason on stderr, when they are wrong. */
const optionsOf = (args: readonly string[], usage: string, ...names: readonly ('data' | 'to')[]) => {
  try {
    const texts = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
    return parseArgs({ args: [...args], options: { ...texts, json: { type: 'boolean' } }, strict: true }).values as {
      data?: string;
      to?: string;
      json?: boolean;
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nusage: ${usage}\n`);
    return null;
  }
};

/** The folder of the local default, when none is named. */
const folderOf = (data: string | undefined): string => data ?? join(parseConfig(process.env).dataDir, 'event-store');

const print = (asJson: boolean | undefined, value: object, text: string): void => {
  process.stdout.write(asJson === true ? `${JSON.stringify(value)}\n` : `${text}\n`);
};

const VERIFY_USAGE = 'till event-store verify [--data DIR] [--json]';

/**
 * `till event-store verify`: reads the whole folder, in use or not, and changes nothing. Status 0 when every record, revision
 * chain and index entry is right, 1 when not or when there is nothing to read.
 */
const verify = async (args: readonly string[]): Promise<number> => {
  const options = optionsOf(args, VERIFY_USAGE, 'data');
  if (options === null) return EXIT.usage;
  const { verifyFolder } = await import('../embedded/event-store/storage/verify.ts');
  const found = await verifyFolder(folderOf(options.data));
  const { events, streams, end, indexedUpTo, problems } = found;
  const summary = `${events} events in ${streams} streams, ${end} bytes, indexed up to ${indexedUpTo}`;
  print(
    options.json,
    found,
    [...problems, `${summary}: ${problems.length === 0 ? 'nothing wrong' : `${problems.length} wrong`}`].join('\n'),
  );
  return problems.length === 0 ? EXIT.done : EXIT.failed;
};

const BACKUP_USAGE = 'till event-store backup --to DIR [--data DIR] [--json]';

/**
 * `till event-store backup`: copies the log of a folder, in use or not, checking every record. The copy is a folder to start
 * an event store on.
 */
const backup = async (args: readonly string[]): Promise<number> => {
  const options = optionsOf(args, BACKUP_USAGE, 'data', 'to');
  if (options === null) return EXIT.usage;
  if (options.to === undefined || options.to === '') {
    process.stderr.write(`--to is missing\nusage: ${BACKUP_USAGE}\n`);
    return EXIT.usage;
  }
  const { backupFolder } = await import('../embedded/event-store/storage/backup.ts');
  const copied = backupFolder(folderOf(options.data), options.to);
  print(options.json, copied, `${copied.events} events, ${copied.bytes} bytes, copied to ${options.to}`);
  return EXIT.done;
};

/** What `till event-store` does with a folder besides serving it, by the word behind it. */
export const folderCommands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = { verify, backup };
