import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEventStore } from '../../src/embedded/event-store/server.ts';

/** A store of its own for a test: the embedded server on a free port, in this process, with a folder that goes when it stops. */
export const startTestEventStore = async (): Promise<{ url: string; stop: () => Promise<void> }> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'till-event-store-'));
  const server = await startEventStore({ host: '127.0.0.1', port: 0, dataDir });
  const stop = async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { url: server.url, stop };
};
