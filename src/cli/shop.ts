import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Config, reachableHost } from '../platform/config.ts';
import { claim, HeldByAnother, release } from '../platform/owner.ts';
import { EXIT, onStopRequest } from '../platform/process.ts';
import { type Progress, showProgress } from './progress.ts';
import { ownerFile, removeShop, runFolder, runningShop, type Urls, writeShop } from './shopFile.ts';
import { Supervisor } from './supervisor.ts';

/** A shop that is being run by this process. `dataDir` is absolute. */
export type OpenShop = Readonly<{ config: Config; dataDir: string; supervisor: Supervisor; progress: Progress }>;

/** Given URLs as they are, else those the children told; HTTP and gRPC by port. */
export const urlsOf = ({ config, supervisor }: Pick<OpenShop, 'config' | 'supervisor'>): Urls => {
  const { ports, urls } = supervisor;
  const http = (port: number | undefined): string | undefined =>
    port === undefined ? undefined : `http://${reachableHost(config.host)}:${port}`;
  const all = {
    edge: http(ports.edge),
    commands: http(ports.command),
    queries: http(ports.query),
    grpc: ports.grpc === undefined ? undefined : `${reachableHost(config.host)}:${ports.grpc}`,
    eventStore: config.eventStoreUrl ?? urls.eventStore,
    postgres: config.databaseUrl ?? urls.postgres,
  };
  return Object.fromEntries(Object.entries(all).filter(([, url]) => url !== undefined));
};

const open = (config: Config, dataDir: string, steps: number): OpenShop => {
  const startedAt = new Date().toISOString();
  const progress = showProgress(steps);
  const changed = (): void => writeShop(dataDir, { startedAt, processes: supervisor.processes, urls: urlsOf({ config, supervisor }) });
  const supervisor = new Supervisor({ changed, note: progress.note });
  return { config, dataDir, supervisor, progress };
};

/** Takes the folder; when another shop holds it, the error says which process, and where that shop answers. */
const hold = (dataDir: string): void => {
  // Open to pass through: Postgres may have to run as another user. What it holds is closed, folder by folder.
  mkdirSync(dataDir, { recursive: true });
  for (const folder of [runFolder(dataDir), join(dataDir, 'logs')]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    claim(ownerFile(dataDir));
  } catch (error) {
    if (!(error instanceof HeldByAnother)) throw error;
    const edge = runningShop(dataDir)?.urls.edge;
    throw new Error(`DATA_DIR ${dataDir} is held by the shop of process ${error.owner.pid}${edge === undefined ? '' : `, ${edge}`}`);
  }
};

/**
 * Runs a shop until a signal: `bringUp` starts its processes, in `steps` steps of progress, and is given up when one of
 * them is lost or a stop is asked for. Status 0 after a stop that was asked for, 1 when the shop cannot be started or kept
 * running. However it ends, every process has ended before.
 */
export const runShop = async (config: Config, steps: number, bringUp: (shop: OpenShop) => Promise<void>): Promise<number> => {
  const dataDir = resolve(config.dataDir);
  hold(dataDir);
  const shop = open(config, dataDir, steps);
  const stopAsked = new Promise<void>((stop) => {
    onStopRequest(
      () => stop(),
      () => {
        shop.supervisor.kill();
        process.exit(EXIT.failed);
      },
    );
  });
  try {
    await Promise.race([bringUp(shop), shop.supervisor.lost, stopAsked]);
    await Promise.race([shop.supervisor.lost, stopAsked]);
    shop.progress.note('stopping');
    return EXIT.done;
  } catch (error) {
    shop.progress.note(error instanceof Error ? error.message : String(error));
    return EXIT.failed;
  } finally {
    await shop.supervisor.stop();
    removeShop(dataDir);
    release(ownerFile(dataDir));
  }
};
