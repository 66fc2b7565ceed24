import { acquireConnection, type StoreLog, silent } from './esdbConnection.ts';
import type { Revision } from './eventStore.ts';

/** Milliseconds that the store may take to note it. */
const TRUNCATE_MAX_MS = 3_000;

export type StreamTruncation = Readonly<{
  /**
   * Lets readers of a stream begin at this revision; the store gives back the room of what is before when it cleans up.
   * @throws Error when the store does not take it in time: asking again is harmless.
   */
  truncate(stream: string, before: Revision): Promise<void>;
  close(): Promise<void>;
}>;

/** Leaves every event where it is. */
export const noTruncation: StreamTruncation = { truncate: async () => undefined, close: async () => undefined };

/** Notes in the metadata of streams from where on they count (`$tb`), over the one connection of this process. */
export const createStreamTruncation = (url: string, { log = silent }: Readonly<{ log?: StoreLog }> = {}): StreamTruncation => {
  const { connection, release } = acquireConnection(url, log, () => performance.now());
  return {
    truncate: async (stream, before) => {
      const { client } = connection.current ?? (await connection.open());
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${TRUNCATE_MAX_MS} ms`)), TRUNCATE_MAX_MS);
      });
      const noted = client.setStreamMetadata(stream, { truncateBefore: Number(before) }, { deadline: TRUNCATE_MAX_MS });
      noted.catch(() => undefined); // Nobody waits any longer when it is late.
      try {
        await Promise.race([noted, late]);
      } finally {
        clearTimeout(timer);
      }
    },
    close: release,
  };
};
