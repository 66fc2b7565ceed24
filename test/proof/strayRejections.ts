/**
 * A broken batch append rejects promises inside the client that nobody holds, and its late answers throw a TypeError.
 * They are counted and survived; a rejection from anywhere else ends the proof.
 */
export const surviveTheClient = (): Readonly<{ count: () => number }> => {
  let survived = 0;
  process.on('unhandledRejection', (error) => {
    const trace = error instanceof Error ? `${error.stack} ${(error as { _raw?: Error })._raw?.stack ?? ''}` : '';
    if (!/@eventstore|@grpc/.test(trace)) throw error;
    survived++;
  });
  return { count: () => survived };
};
