import { type FileHandle, open } from 'node:fs/promises';
import { type Position, type RecordedEvent, StoreUnavailable } from '../platform/eventStore/eventStore.ts';
import type { Inspection } from '../platform/eventStore/inspect.ts';
import { EXIT } from '../platform/process.ts';
import { endBehind } from './eventsEnd.ts';
import type { ExportOptions } from './eventsOptions.ts';
import { LineOutput } from './eventsOutput.ts';
import { asJson } from './eventsPrint.ts';

/** Readable by its owner only: events hold what customers did. */
const FILE_MODE = 0o600;

export type ExportParts = Readonly<{
  inspection: Inspection;
  /** Tells people, on stderr. */
  say(line: string): void;
  /** Aborted to end the export, by the output too when it breaks. */
  ending: AbortController;
}>;

/** How far an export got: `upTo` is the last position that was looked at, exported or not. */
type Progress = { count: number; upTo: Position | null };

const wantedBy =
  ({ types, system }: ExportOptions) =>
  ({ type }: RecordedEvent): boolean =>
    types === null ? system || !type.startsWith('$') : types.includes(type);

const copy = async (
  { inspection, ending: { signal } }: ExportParts,
  options: ExportOptions,
  end: Position,
  to: LineOutput,
  got: Progress,
) => {
  const isWanted = wantedBy(options);
  for await (const event of inspection.log({ after: options.from, upTo: end, signal })) {
    got.upTo = event.position;
    if (!isWanted(event)) continue;
    const behind = to.write(asJson(event));
    if (behind !== undefined) await behind;
    got.count += 1;
  }
};

const told = ({ count, upTo }: Progress): string => {
  const exported = `exported ${count} ${count === 1 ? 'event' : 'events'}`;
  return upTo === null ? `${exported}: the log is empty` : `${exported} up to position ${upTo}; go on with --from ${upTo}`;
};

const exportTo = async (output: LineOutput, parts: ExportParts, options: ExportOptions, end: Position | null): Promise<number> => {
  const got: Progress = { count: 0, upTo: options.from };
  let failure: string | null = null;
  try {
    if (end !== null) await copy(parts, options, end, output, got);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    failure = error.message;
  }
  const hasLeft = await output.flush();
  const { fault } = output;
  if (fault !== undefined) failure = fault.code === 'EPIPE' ? 'its reader is gone' : fault.message;
  else if (parts.ending.signal.aborted) failure = 'it was stopped';
  if (failure === null) parts.say(told({ ...got, upTo: end }));
  // Without a flush nobody knows how much of it arrived.
  else parts.say(`this is not the whole log, ${failure}${hasLeft ? `: ${told(got)}` : ''}`);
  return failure === null ? EXIT.done : EXIT.failed;
};

const exportToFile = async (file: FileHandle, parts: ExportParts, options: ExportOptions, end: Position | null): Promise<number> => {
  try {
    const status = await exportTo(new LineOutput(file.createWriteStream({ autoClose: false }), parts.ending), parts, options, end);
    await file.sync();
    return status;
  } finally {
    await file.close();
  }
};

/**
 * The log up to its end at the moment of asking, an event a line, and on stderr how far it got. Memory does not grow with the log,
 * and a slow reader slows the store down. A file is new (one that exists is left alone) and on disk before this returns.
 *
 * @throws LogTooShort when `from` lies behind the end; StoreUnavailable when the end cannot be read; what opening the file throws.
 */
export const exportLog = async (parts: ExportParts, options: ExportOptions): Promise<number> => {
  const end = await endBehind(parts.inspection, options.from, parts.ending.signal);
  if (options.toFile === null) return exportTo(new LineOutput(process.stdout, parts.ending), parts, options, end);
  return exportToFile(await open(options.toFile, 'wx', FILE_MODE), parts, options, end);
};
