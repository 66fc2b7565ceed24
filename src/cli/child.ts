import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { PORT_VARIABLES, type Ports } from '../platform/config.ts';
import { EXIT, type Report, type StoreUrls } from '../platform/process.ts';

/** What to fork, where it logs, and the environment it is told. */
export type ChildSpec = Readonly<{ name: string; module: string; args: readonly string[]; env: NodeJS.ProcessEnv; logFile: string }>;

/**
 * `changed`: pid or ports are new. `died`: it ended unasked and is started again. `lost`: it will not be started again. `othersServe`:
 * whether another child does the same work at this moment.
 */
export type ChildEvents = Readonly<{ changed(): void; died(how: string): void; lost(error: Error): void; othersServe(): boolean }>;

/**
 * Milliseconds before a dead child is started again. Alone: short, since shoppers wait, yet no busy loop. Beside others of its kind:
 * later, since a start takes a core for more than a second, which those need first who take over its work.
 */
const RESTART_DELAY_MS = { alone: 250, besideOthers: 1_200 } as const;
/** Deaths within the window after which starting again is no cure. */
const DEATHS_MAX = 5;
const DEATHS_WINDOW_MS = 60_000;
/** Milliseconds for the kernel to report a killed child. */
const KILLED_MAX_MS = 2_000;
/**
 * MiB of the heap in which young objects live, twice of which is set aside. What a request makes is garbage by the time of its answer; with
 * V8's default of 16 much of it is still in use when that space is full, and is copied (measured: 5 % of the processor time of an order,
 * and with 64 another 1.09 times as many orders as with 32).
 */
const SEMI_SPACE_MIB = 64;
/** Lines of its log shown when a child is given up. */
const TAIL_LINES = 20;
/** Bytes of a log after which the next start puts it aside as `<name>.log.1`. */
const LOG_MAX_BYTES = 64 * 1024 * 1024;

const openLog = (file: string): number => {
  if (existsSync(file) && statSync(file).size > LOG_MAX_BYTES) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
};

const tailOf = (file: string): string => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n');

/**
 * One supervised process: starting → ready → (dead → starting …) → stopped. A dead child is started again on the ports it
 * had. It leads a process group of its own, so that a Ctrl-C reaches it only through the supervisor, in the supervisor's
 * order; it learns that the supervisor is gone when the IPC channel closes.
 */
export class Child {
  readonly name: string;
  ports: Ports = {};
  urls: StoreUrls = {};
  readonly #spec: ChildSpec;
  readonly #events: ChildEvents;
  #process: ChildProcess | null = null;
  #restart: NodeJS.Timeout | undefined;
  #deaths: readonly number[] = [];
  #stopping: boolean = false;
  #everReady: boolean = false;
  #tellReady: () => void = () => undefined;

  constructor(spec: ChildSpec, events: ChildEvents) {
    this.name = spec.name;
    this.#spec = spec;
    this.#events = events;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /** Resolves when the child listens for the first time; `lost` tells when it never will. */
  start(): Promise<void> {
    return new Promise((ready) => {
      this.#tellReady = ready;
      this.#spawn();
    });
  }

  /** Asks it to end, kills it after `ms` milliseconds, and resolves when it is gone. */
  async stop(ms: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#process;
    if (child === null) return;
    const gone = new Promise<boolean>((resolve) => child.once('exit', () => resolve(true)));
    child.kill('SIGTERM');
    if (await within(gone, ms)) return;
    child.kill('SIGKILL');
    await within(gone, KILLED_MAX_MS);
  }

  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#process?.kill('SIGKILL');
  }

  #spawn(): void {
    const { module, args, env, logFile } = this.#spec;
    const samePorts = Object.entries(this.ports).map(([name, port]) => [PORT_VARIABLES[name as keyof typeof PORT_VARIABLES], String(port)]);
    const log = openLog(logFile);
    const child = fork(module, args, {
      execArgv: [...process.execArgv, `--max-semi-space-size=${SEMI_SPACE_MIB}`],
      env: { ...env, ...Object.fromEntries(samePorts) },
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#process = child;
    child.on('message', (message) => this.#hear(message as Report));
    child.once('exit', (status, signal) => this.#died(status, signal));
    child.once('error', (error) => this.#events.lost(error));
  }

  #hear(report: Report): void {
    if (report.kind === 'failed') {
      // On a restart the port may just not be free again yet; at the first start only the operator can free it.
      if (!this.#everReady) this.#giveUp(new Error(`${this.name}: ${report.reason}`));
      return;
    }
    this.ports = report.ports;
    this.urls = report.urls;
    this.#everReady = true;
    this.#events.changed();
    this.#tellReady();
  }

  #died(status: number | null, signal: NodeJS.Signals | null): void {
    const pid = this.#process?.pid;
    this.#process = null;
    if (this.#stopping) return;
    const how = signal ?? `status ${status}`;
    const now = performance.now();
    this.#deaths = [...this.#deaths.filter((at) => now - at < DEATHS_WINDOW_MS), now];
    this.#events.changed();
    if (this.#deaths.length >= DEATHS_MAX || status === EXIT.usage) {
      this.#giveUp(
        new Error(
          `${this.name} ended with ${how}, ${this.#deaths.length} time(s) in a minute; the end of its log:\n${tailOf(this.#spec.logFile)}`,
        ),
      );
      return;
    }
    this.#events.died(`process ${pid} ended with ${how}`);
    const delayMs = this.#events.othersServe() ? RESTART_DELAY_MS.besideOthers : RESTART_DELAY_MS.alone;
    this.#restart = setTimeout(() => this.#spawn(), delayMs);
  }

  #giveUp(error: Error): void {
    this.#stopping = true;
    this.#events.lost(error);
  }
}

const within = async (done: Promise<boolean>, ms: number): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const inTime = await Promise.race([done, late]);
  clearTimeout(timer);
  return inTime;
};
