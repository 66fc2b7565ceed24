import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Build } from './build.ts';
import type { Generate } from './load.ts';
import { measure } from './measure.ts';
import type { Options } from './options.ts';
import { type CpuProfile, whereTimeGoes } from './profileTable.ts';
import type { RowName } from './requests.ts';
import { startShop } from './servers.ts';

const PROFILER = fileURLToPath(new URL('profiler.mjs', import.meta.url));
/** The parts that run JavaScript. */
const PROFILED = ['api', 'event-store', 'projector'] as const;
/** Milliseconds for a profile to be written. */
const WRITTEN_MAX_MS = 20_000;

const untilThere = async (file: string): Promise<CpuProfile> => {
  const until = performance.now() + WRITTEN_MAX_MS;
  for (;;) {
    try {
      if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
    } catch {
      // Half written.
    }
    if (performance.now() > until) throw new Error(`${file} was not written`);
    await sleep(50);
  }
};

/**
 * Loads a shop with each row once while its processes are profiled: prints where their time went, by package and by function,
 * and leaves the profiles in `folder` as `<row>-<part>.cpuprofile`, for the viewer of any browser.
 */
export const profileRows = async (
  options: Options,
  folder: string,
  built: Build,
  generate: (row: RowName) => Generate,
  say: (line: string) => void,
): Promise<number> => {
  const to = resolve(folder);
  mkdirSync(to, { recursive: true });
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(PROFILER).href}`, PROFILE_DIR: to };
  const shop = await startShop(options.main ?? built.shop, env);
  const toggle = () => {
    for (const part of PROFILED) process.kill(shop.parts[part] ?? 0, 'SIGUSR2');
  };
  for (const row of options.only) {
    const { connections, seconds } = options;
    const figure = await measure({ subject: 'shop', server: shop, generate, connections, seconds }, row, `p-${row}`, async (work) => {
      toggle();
      const load = await work();
      toggle();
      return load;
    });
    say(`\n${row}: ${Math.round(figure.perSecond)}/s while profiled`);
    for (const part of PROFILED) {
      const file = join(to, `${shop.parts[part]}.cpuprofile`);
      const profile = await untilThere(file);
      renameSync(file, join(to, `${row}-${part}.cpuprofile`));
      for (const line of whereTimeGoes(`${row}, ${part}`, profile, figure.cpuUs[part] ?? 0)) say(line);
    }
  }
  await shop.stop();
  return 0;
};
