import { StoreUnavailable } from './eventStore.ts';

/** Appends sent and not yet answered. */
export const APPENDS_IN_FLIGHT_MAX = 64;
/** Bytes of events in them. */
export const BYTES_IN_FLIGHT_MAX = 8 * 1024 * 1024;
/** Appends that wait for their turn. */
const APPENDS_WAITING_MAX = 10_000;
/** How long one waits for its turn, in milliseconds. */
const TURN_WAIT_MAX_MS = 3_000;

type Waiting = Readonly<{ bytes: number; admit: () => void }>;

/** Lets a bounded number of appends through at a time, first come first served (CL3). */
export class AppendWindow {
  private appends = 0;
  private bytes = 0;
  private readonly waiting = new Set<Waiting>();

  /** Whether there was room at once. */
  tryEnter(bytes: number): boolean {
    if (this.waiting.size > 0 || !this.hasRoom(bytes)) return false;
    this.take(bytes);
    return true;
  }

  /** @throws StoreUnavailable when too many wait, when it takes too long, or when the signal is aborted first. */
  enter(bytes: number, signal?: AbortSignal): Promise<void> {
    if (this.waiting.size >= APPENDS_WAITING_MAX)
      return Promise.reject(new StoreUnavailable(`${APPENDS_WAITING_MAX} appends wait already`));
    return new Promise((resolve, reject) => {
      const leaveQueue = () => {
        this.waiting.delete(waiting);
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
      };
      const giveUp = () => {
        leaveQueue();
        reject(new StoreUnavailable('no turn to append in the time given'));
        this.admitAll();
      };
      const admit = () => {
        leaveQueue();
        resolve();
      };
      const waiting = { bytes, admit };
      const timer = setTimeout(giveUp, TURN_WAIT_MAX_MS);
      signal?.addEventListener('abort', giveUp, { once: true });
      this.waiting.add(waiting);
    });
  }

  leave(bytes: number): void {
    this.appends -= 1;
    this.bytes -= bytes;
    if (this.waiting.size > 0) this.admitAll();
  }

  private admitAll(): void {
    for (const { bytes, admit } of this.waiting) {
      if (!this.hasRoom(bytes)) return;
      this.take(bytes);
      admit();
    }
  }

  private hasRoom(bytes: number): boolean {
    return this.appends < APPENDS_IN_FLIGHT_MAX && this.bytes + bytes <= BYTES_IN_FLIGHT_MAX;
  }

  private take(bytes: number): void {
    this.appends += 1;
    this.bytes += bytes;
  }
}
