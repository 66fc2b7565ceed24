/** How `work` ends, or `failure()` as soon as `signal` is aborted. The work itself goes on, and its late end is nobody's concern. */
export const orAborted = <T>(work: Promise<T>, signal: AbortSignal | undefined, failure: () => Error): Promise<T> => {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const aborted = () => reject(failure());
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
};
