import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { READ_WINDOW_BYTES } from '../limits.ts';
import { logPath, logToRead } from './folder.ts';
import { LOG_START } from './logFile.ts';
import { recover } from './recovery.ts';

export type Backup = Readonly<{ events: number; bytes: number }>;

/**
 * Copies the log of a data folder, in use or not, up to its end at this moment, checking every record. What was acknowledged
 * before the call is in the copy. The index is left out: a store that starts on the copy makes it from the log.
 * @throws DamagedLog; an Error when the source has no log or the target holds anything.
 */
export const backupFolder = (folder: string, target: string): Backup => {
  if (existsSync(target) && readdirSync(target).length > 0) throw new Error(`${target} is not empty`);
  const log = logToRead(folder);
  try {
    let events = 0;
    recover(log, LOG_START, () => {
      events++;
    });
    mkdirSync(target, { recursive: true });
    const copy = openSync(logPath(target), 'wx', 0o600);
    for (let at = 0; at < log.end; ) {
      const bytes = log.bytes(at, Math.min(READ_WINDOW_BYTES, log.end - at));
      for (let done = 0; done < bytes.length; ) done += writeSync(copy, bytes, done);
      at += bytes.length;
    }
    fsyncSync(copy);
    closeSync(copy);
    return { events, bytes: log.end };
  } finally {
    log.close();
  }
};
