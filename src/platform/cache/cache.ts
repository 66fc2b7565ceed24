/**
 * Text by key, kept for a moment, that several processes may have between them. It is a convenience and never the truth: whatever it
 * says may be missing, old, cut off or somebody else's, so who reads checks the value, and goes on without one. Nothing in it
 * counts or locks. Neither call throws; each ends within CACHE_CALL_MS_MAX, and at once while the cache is known not to answer.
 */
export interface Cache {
  /** Whether other processes see what is set here: only then it spares anybody anything that a variable would not. */
  readonly isShared: boolean;
  /** `null`: there is none, it is over, or the cache does not answer. */
  get(key: string): Promise<string | null>;
  /**
   * Keeps the text until `endsAt`, in milliseconds since 1970 by the clock of whoever keeps it. The end is a moment and not a length
   * of time: what arrives late ends no later. More than CACHE_VALUE_CHARS_MAX are not kept.
   */
  set(key: string, value: string, endsAt: number): Promise<void>;
  close(): Promise<void>;
}

/** Milliseconds that a call may take. */
export const CACHE_CALL_MS_MAX = 200;
export const CACHE_VALUE_CHARS_MAX = 1_048_576;
