import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './temporaryFolder.ts';

const at = (...path: string[]): string => join(fileURLToPath(new URL('../..', import.meta.url)), ...path);
const MAIN = join('embedded', 'event-store', 'main.js');

/** The event store's start as plain JavaScript, and where it comes from, for people. */
export type StoreBuild = Readonly<{ main: string; from: string }>;

const newest = (path: string): number => {
  const entry = statSync(path);
  return entry.isDirectory() ? Math.max(entry.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name)))) : entry.mtimeMs;
};

/** The build's stamp is as old as the sources it was made from. */
const isDistFresh = (): boolean => {
  const stamp = at('dist', '.built');
  return existsSync(stamp) && existsSync(at('dist', MAIN)) && statSync(stamp).mtimeMs >= newest(at('src'));
};

/**
 * The server as plain JavaScript: `dist` when it is as new as `src`, else a build of its own in a temporary folder that is
 * removed when this process ends. Running the sources through a loader would cost the server start-up time and memory
 * that no user pays. Types are the compiler's business elsewhere: what it emits is taken.
 * @throws when nothing could be built.
 */
export const buildStore = (): StoreBuild => {
  if (isDistFresh()) return { main: at('dist', MAIN), from: 'dist' };
  const folder = temporaryFolder('store-build');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  symlinkSync(at('node_modules'), join(folder, 'node_modules'), 'junction');
  const compiler = at('node_modules', 'typescript', 'bin', 'tsc');
  const args = [compiler, '-p', at('tsconfig.build.json'), '--outDir', join(folder, 'dist')];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const main = join(folder, 'dist', MAIN);
  if (!existsSync(main)) throw new Error(`the event store could not be built: ${stdout}`);
  return { main, from: status === 0 ? 'a build of its own' : 'a build of its own, of sources with type errors' };
};
