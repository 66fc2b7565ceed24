import type { StoreBuild } from './storeBuild.ts';
import { ended, spawnStore, startStore } from './storeProcess.ts';
import { pause } from './waits.ts';

/** The server on its folder, always on the same port. */
export type Stage = Readonly<{
  url: string;
  kill: () => Promise<void>;
  /** Starts it again and waits until it is ready; returns how long that took, in milliseconds. */
  restart: () => Promise<number>;
  /** Starts it and kills it after some milliseconds, wherever in its start it is then. */
  killInStart: (afterMs: number) => Promise<void>;
  /** Stops it for some milliseconds, as a machine that swaps or a paused container would. */
  freeze: (ms: number) => Promise<void>;
  end: () => Promise<void>;
}>;

export const openStage = async (build: StoreBuild, folder: string): Promise<Stage> => {
  let store = await startStore(build, folder);
  const { url, port } = store;
  return {
    url,
    kill: () => store.end('SIGKILL'),
    restart: async () => {
      store = await startStore(build, folder, port);
      return store.startMs;
    },
    killInStart: async (afterMs) => {
      const child = spawnStore(build, folder, port);
      await pause(afterMs);
      await ended(child, 'SIGKILL');
    },
    freeze: async (ms) => {
      store.signal('SIGSTOP');
      await pause(ms);
      store.signal('SIGCONT');
    },
    end: () => store.end('SIGTERM'),
  };
};
