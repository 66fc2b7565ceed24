/** What `sparingly` gives: says it, or counts what it keeps to itself. */
export type Sparing = (say: (unsaid: number) => void) => void;

const WINDOW_MS = 1_000;

/**
 * Lets at most `max` things a second be said. The first one of a new second is told how many were not said before it. A server
 * that is overrun must not spend what it has left on telling so.
 */
export const sparingly = (max: number, monotonic: () => number = () => performance.now()): Sparing => {
  let windowEnds = Number.NEGATIVE_INFINITY;
  let said = 0;
  let unsaid = 0;
  return (say) => {
    const now = monotonic();
    if (now >= windowEnds) {
      windowEnds = now + WINDOW_MS;
      said = 0;
    }
    if (said >= max) {
      unsaid += 1;
      return;
    }
    said += 1;
    const before = unsaid;
    unsaid = 0;
    say(before);
  };
};
