export type Work = (signal: AbortSignal, end: () => void) => Promise<void>;

/**
 * Runs all works to their end. The first that fails, or calls `end`, has the others' signal aborted, as `signal` has.
 * @throws what the first of them failed with.
 */
export const together = async (signal: AbortSignal, ...works: readonly Work[]): Promise<void> => {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const end = () => ended.abort();
  const orEndAll = async (work: Work): Promise<void> => {
    try {
      await work(both, end);
    } catch (error) {
      end();
      throw error;
    }
  };
  const failed = (await Promise.allSettled(works.map(orEndAll))).find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
};
