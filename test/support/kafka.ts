import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until, untilGone } from './processes.ts';

const SCRIPT = fileURLToPath(new URL('../../bin/kafka.mjs', import.meta.url));

/** Milliseconds; the first start of all fetches the jars. */
export const KAFKA_START_MAX_MS = 180_000;
const ENDS_WITHIN_MS = 15_000;

/** Below the ports that connections get by themselves, or a stopped broker would not find its own free again. */
const PORTS = { from: 20_000, to: 32_000 };

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** A free port whose next one is free, too. */
const freePorts = async (): Promise<number> => {
  for (;;) {
    const port = PORTS.from + 2 * Math.floor((Math.random() * (PORTS.to - PORTS.from)) / 2);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
};

/** One broker of its own, with a log of its own. Nothing runs before `start`. */
export type TestKafka = Readonly<{
  brokers: readonly string[];
  port: number;
  /** Also again, after `stop` or `kill`: it has what it had. */
  start(): Promise<void>;
  /** SIGTERM, which closes the log. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Stops it and removes what it kept. */
  end(): Promise<void>;
}>;

const isGone = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** The script ends with the test process, also when that is killed, and the broker with the script. */
const spawnScript = (port: number, folder: string, settings: readonly string[]): ChildProcess => {
  const command = [process.execPath, SCRIPT, ...settings.flatMap((setting) => ['--set', setting])];
  const [program = '', ...args] = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'TERM', ...command] : command;
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, KAFKA_PORT: String(port), DATA_DIR: folder };
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
};

/** `settings` are more properties of the broker, as `name=value`. */
export const testKafka = async (settings: readonly string[] = []): Promise<TestKafka> => {
  const folder = mkdtempSync(join(tmpdir(), 'till-kafka-'));
  const port = await freePorts();
  let script: ChildProcess | null = null;
  let broker: number | null = null;

  const start = async (): Promise<void> => {
    const started = spawnScript(port, folder, settings);
    script = started;
    let [out, err] = ['', ''];
    started.stdout?.on('data', (chunk) => {
      out += String(chunk);
    });
    started.stderr?.on('data', (chunk) => {
      err += String(chunk);
    });
    await until(() => {
      if (isGone(started)) throw new Error(`no broker: ${err}`);
      return out.includes('\n');
    }, KAFKA_START_MAX_MS);
    const pid = /^ready KAFKA_BROKERS=\S+ pid=([1-9]\d*)$/m.exec(out)?.[1];
    if (pid === undefined) throw new Error(`not a ready line: ${out}`);
    broker = Number(pid);
  };
  const signal = (name: NodeJS.Signals): void => {
    // Never a pid that was not read from the ready line: -1 would be every process of this machine.
    if (broker !== null && script !== null && !isGone(script)) process.kill(broker, name);
  };
  const endWith = async (name: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const ending = script;
    if (ending === null || isGone(ending)) return;
    const ended = once(ending, 'close');
    if (name === 'SIGKILL' && broker !== null) signal(name);
    else ending.kill('SIGTERM');
    await ended;
    if (broker !== null) await untilGone(broker, ENDS_WITHIN_MS);
    [script, broker] = [null, null];
  };
  const end = async (): Promise<void> => {
    signal('SIGCONT');
    await endWith('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    brokers: [`127.0.0.1:${port}`],
    port,
    start,
    stop: () => endWith('SIGTERM'),
    kill: () => endWith('SIGKILL'),
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    end,
  };
};
