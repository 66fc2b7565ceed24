import { pino } from 'pino';
import type { Logger } from '../../src/platform/log.ts';

export type Logged = Readonly<Record<string, unknown>>;

/** A logger whose lines end up in `lines`, parsed. */
export const recordingLog = (lines: Logged[]): Logger =>
  pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as Logged) });
