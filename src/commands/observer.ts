/**
 * What the write side tells of itself while it works, for the metrics. Calls are made on the hot path: an observer counts and
 * returns, and never throws.
 */
export type CommandObserver = Readonly<{
  /** A mailbox decides `commands` commands for one append. */
  batch(commands: number): void;
  /** The line of commands that wait in all mailboxes became longer (or, below zero, shorter) by this many. */
  waiting(by: number): void;
}>;

/** Looks away. */
export const noObserver: CommandObserver = { batch: () => undefined, waiting: () => undefined };
