import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
// Without these a signal would end the process past all that is to be done at its exit.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

/** A new folder, gone when this process ends. */
export const temporaryFolder = (name: string): string => {
  const folder = mkdtempSync(join(tmpdir(), `till-${name}-`));
  folders.add(folder);
  return folder;
};

/** Removes a temporary folder before the end. */
export const removeFolder = (folder: string): void => {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
};

/** Leaves a temporary folder where it is, for somebody to look at. */
export const keepFolder = (folder: string): void => void folders.delete(folder);
