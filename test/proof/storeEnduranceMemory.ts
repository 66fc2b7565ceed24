import { privateMemory } from './storeProcess.ts';

const EVERY_MS = 250;
const BYTES_PER_MB = 1_000_000;
const TENTH = 10;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Samples a process's private memory. All values are in MB (10^6 bytes), not a number where the system does not tell them. */
export class MemoryWatch {
  readonly #pid: number;
  readonly #samples: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#pid = pid;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), EVERY_MS);
  }

  nowMb(): number {
    return this.#samples.at(-1) ?? Number.NaN;
  }

  get peakMb(): number {
    return this.#samples.length === 0 ? Number.NaN : Math.max(...this.#samples);
  }

  /** Median of the first tenth of the samples. */
  firstTenthMb(): number {
    return median(this.#samples.slice(0, Math.ceil(this.#samples.length / TENTH)));
  }

  lastTenthMb(): number {
    return median(this.#samples.slice(-Math.ceil(this.#samples.length / TENTH)));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const bytes = privateMemory(this.#pid);
    if (bytes !== undefined) this.#samples.push(bytes / BYTES_PER_MB);
  }
}
