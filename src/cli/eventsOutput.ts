import type { Writable } from 'node:stream';

/** Characters that may wait for a slow reader before the writer waits too. */
const WAITING_MAX_CHARACTERS = 64 * 1024;
/** How long a reader that does not read may hold up the end of a command that was told to stop, in milliseconds. */
const STOP_FLUSH_MAX_MS = 1_000;

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/**
 * Lines to stdout or to a file, in pieces, at the pace of whoever reads them. When the output breaks, because its reader is gone
 * (`EPIPE`) or its disk is full, `ending` is aborted with that error, and what is written afterwards is dropped.
 */
export class LineOutput {
  private readonly target: Writable;
  private readonly ending: AbortController;
  private waiting = '';
  private sending: Promise<void> | undefined;
  private resume: (() => void) | undefined;
  private broken: NodeJS.ErrnoException | undefined;

  constructor(target: Writable, ending: AbortController) {
    this.target = target;
    this.ending = ending;
    target.on('error', (error) => {
      this.broken = error;
      ending.abort(error);
    });
    ending.signal.addEventListener('abort', () => this.resume?.(), { once: true });
  }

  /** Why nothing can be written any more. */
  get fault(): NodeJS.ErrnoException | undefined {
    return this.broken;
  }

  /** A promise only when the reader is behind: of the moment it is not, or the command is ending. */
  write(line: string): Promise<void> | undefined {
    this.waiting += `${line}\n`;
    this.sending ??= this.send();
    if (this.waiting.length < WAITING_MAX_CHARACTERS || this.ending.signal.aborted) return undefined;
    return new Promise((resolve) => {
      this.resume = resolve;
    });
  }

  /** Whether everything has left. Waits for it; but not for ever once the command was told to stop. */
  async flush(): Promise<boolean> {
    const { signal } = this.ending;
    while (this.sending !== undefined && this.broken === undefined) {
      const late = new Promise<'late'>((resolve) => {
        const wait = () => void setTimeout(resolve, STOP_FLUSH_MAX_MS, 'late').unref();
        if (signal.aborted) wait();
        else signal.addEventListener('abort', wait, { once: true });
      });
      if ((await Promise.race([this.sending, late])) === 'late') return false;
    }
    return this.broken === undefined;
  }

  private async send(): Promise<void> {
    // What is written in one turn leaves in one piece.
    await nextTurn();
    while (this.waiting !== '' && this.broken === undefined) {
      const piece = this.waiting;
      this.waiting = '';
      await new Promise<void>((resolve) => void this.target.write(piece, () => resolve()));
      this.resume?.();
    }
    this.waiting = '';
    this.sending = undefined;
  }
}
