import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LogFile } from './logFile.ts';

/** The log within a data folder, and the folder of its index. */
export const logPath = (folder: string): string => join(folder, 'events.log');
export const indexPath = (folder: string): string => join(folder, 'index');

/** The log of a folder, in use or not, to be read only. @throws when there is none. */
export const logToRead = (folder: string): LogFile => {
  if (!existsSync(logPath(folder))) throw new Error(`${folder} holds no event store`);
  return new LogFile(logPath(folder), false, 'read');
};
