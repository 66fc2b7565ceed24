import { type Config, ConfigError, type Ports, parseServerConfig, variableOfPort } from './config.ts';
import { createLogger, type Logger } from './log.ts';

/** URLs of stores that a process serves itself. */
export type StoreUrls = Readonly<Partial<Record<'eventStore' | 'postgres', string>>>;

/**
 * A process that listens. `urls` only for a store, which clients reach by URL.
 * `stop` takes nothing new, finishes what runs and closes; it is called once.
 */
export type Running = Readonly<{
  ports: Ports;
  urls?: StoreUrls;
  stop(): Promise<void>;
}>;

export type StartProcess = (config: Config, log: Logger) => Promise<Running>;

/** What a process tells the supervisor over IPC. `failed` means that another try cannot help. */
export type Report = Readonly<{ kind: 'ready'; ports: Ports; urls: StoreUrls }> | Readonly<{ kind: 'failed'; reason: string }>;

/** Milliseconds for a graceful stop: less than the 10 s promised outside, which include the stores behind this process. */
const STOP_MAX_MS = 8_000;
/** Milliseconds that a start may still take after a stop was asked for: nothing was promised to anyone yet. */
const START_LEFT_MAX_MS = 2_000;
/** Milliseconds within which a second signal is the first one delivered twice, as npm and a terminal do. */
export const SIGNAL_ECHO_MS = 1_000;

const PARENT_POLL_MS = 250;

export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

const reasonOf = (config: Config, error: unknown): string | null => {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && 'port' in error)) return null;
  const port = Number(error.port);
  return `port ${port} is taken: set ${variableOfPort(config, port) ?? 'another port'} to a free one, or to 0 for any`;
};

/** Tells the parent and waits until the message has left, since `exit` would drop it. */
const report = (message: Report): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });

/** Ends the process with status 1 on what nobody handled: its memory can no longer be trusted, the log can. */
const dieOnUnhandled = (log: Logger): void => {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (err) => {
      log.fatal({ err }, event);
      process.exit(EXIT.failed);
    });
  }
};

/** npm ends the shell it started and not what runs in it: under npm, a new parent means that npm was told to stop. */
const onNpmGone = (ask: (why: string) => void): void => {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    ask('npm is gone');
  }, PARENT_POLL_MS);
  watch.unref();
};

/**
 * Calls `stop` at the first SIGINT, SIGTERM or SIGHUP, or when the parent is gone, and `force` at a signal that comes
 * more than a second later.
 */
export const onStopRequest = (stop: (why: string) => void, force: () => void): void => {
  let askedAt: number | null = null;
  const ask = (why: string): void => {
    if (askedAt === null) {
      askedAt = performance.now();
      stop(why);
    } else if (performance.now() - askedAt > SIGNAL_ECHO_MS) force();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ask);
  process.once('disconnect', () => ask('the supervisor is gone'));
  // It may have gone while this process was still loading, when nobody listened for it yet.
  if (process.send !== undefined && !process.connected) ask('the supervisor is gone');
  onNpmGone(ask);
};

const endUsage = (error: ConfigError): never => {
  process.stderr.write(`${error.message}\n`);
  process.exit(EXIT.usage);
};

const readConfig = (): Config => {
  try {
    return parseServerConfig(process.env);
  } catch (error) {
    if (error instanceof ConfigError) return endUsage(error);
    throw error;
  }
};

const stopGracefully = async (running: Running, log: Logger, why: string): Promise<void> => {
  log.info({ why }, 'stopping');
  const late = setTimeout(() => {
    log.error({ ms: STOP_MAX_MS }, 'did not stop in time');
    process.exit(EXIT.failed);
  }, STOP_MAX_MS);
  try {
    await running.stop();
    clearTimeout(late);
    log.info('stopped');
    process.exit(EXIT.done);
  } catch (err) {
    log.error({ err }, 'stopped with an error');
    process.exit(EXIT.failed);
  }
};

/**
 * Runs one process of the shop from configuration to exit; never returns before its end. Status 0 after a stop that
 * was asked for, 1 after a failure, 2 for a wrong configuration. A stop asked for during the start waits for the start.
 */
export const runProcess = async (name: string, start: StartProcess): Promise<void> => {
  const config = readConfig();
  const log = createLogger(config, name);
  dieOnUnhandled(log);
  const starting = start(config, log);
  onStopRequest(
    (why) => {
      const stillStarting = setTimeout(() => process.exit(EXIT.done), START_LEFT_MAX_MS);
      starting
        .then((running) => {
          clearTimeout(stillStarting);
          return stopGracefully(running, log, why);
        })
        // A failed start ends the process below; there is nothing to stop then.
        .catch(() => undefined);
    },
    () => process.exit(EXIT.failed),
  );
  try {
    const { ports, urls } = await starting;
    log.info({ ports }, 'ready');
    await report({ kind: 'ready', ports, urls: urls ?? {} });
  } catch (err) {
    if (err instanceof ConfigError) endUsage(err);
    const reason = reasonOf(config, err);
    if (reason === null) log.fatal({ err }, 'did not start');
    else process.stderr.write(`${reason}\n`);
    if (reason !== null) await report({ kind: 'failed', reason });
    process.exit(EXIT.failed);
  }
};
