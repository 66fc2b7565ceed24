/** Two clocks: what time it is, which is recorded in events and may jump, and how much time passed, which never does. */
export type Clock = Readonly<{
  /** Milliseconds since 1970. */
  now: () => number;
  /** Milliseconds since some moment of this process. */
  monotonic: () => number;
}>;

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
