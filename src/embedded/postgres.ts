import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { claim, release } from '../platform/owner.ts';
import { type Binaries, findBinaries, prepareToRun } from './postgresBinaries.ts';
import { launch, type Server, type ServerOptions, startServer, stopOrphan, stopServer } from './postgresServer.ts';

/** Part of the path: a data folder opens only with the major version that made it. */
const MAJOR = 18;
const USER = 'app';
const DATABASE = 'till';

/** `dataDir` is the folder in which the server keeps `pg18`, its password and its owner's name. */
export type PostgresOptions = ServerOptions & Readonly<{ dataDir: string }>;

export type EmbeddedPostgres = Readonly<{
  url: string;
  port: number;
  /** Resolves with the tail of the server's output when it ends, asked or not. */
  ended: Promise<string>;
  stop(): Promise<void>;
}>;

const passwordFileIn = (dataDir: string): string => join(dataDir, `pg${MAJOR}.password`);

/** Kept beside the data, readable by its owner only; made once, before the data. */
const passwordIn = (dataDir: string, initialised: boolean): string => {
  const file = passwordFileIn(dataDir);
  if (!existsSync(file)) {
    if (initialised) throw new Error(`${file} is missing: the data beside it cannot be opened without it`);
    writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  }
  return readFileSync(file, 'utf8').trim();
};

/** Makes the cluster once. It appears under its name only when complete, so an interrupted start leaves nothing half-made. */
const initialise = async (binaries: Binaries, folder: string, password: string): Promise<void> => {
  const half = `${folder}.new`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { mode: 0o700 });
  const cluster = join(half, 'cluster');
  const passwordFile = join(half, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const runAs = prepareToRun(binaries, half);
  const access = ['--auth=scram-sha-256', `--username=${USER}`, `--pwfile=${passwordFile}`];
  const args = [`--pgdata=${cluster}`, '--encoding=UTF8', '--locale=C', '--no-instructions', ...access];
  const { child, ended } = launch(runAs, binaries.initdb, args);
  const output = await ended;
  if (child.exitCode !== 0) throw new Error(`initdb failed: ${output}`);
  renameSync(cluster, folder);
  rmSync(half, { recursive: true, force: true });
};

/** With no table of its own in it yet. Does nothing when it is there. */
const createDatabase = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: `${url}/postgres` });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
};

/** Starts the server on a folder that this process owns. */
const startOwned = async (options: PostgresOptions, dataDir: string, folder: string): Promise<{ server: Server; url: string }> => {
  const binaries = findBinaries();
  await stopOrphan(folder);
  const initialised = existsSync(join(folder, 'PG_VERSION'));
  const password = passwordIn(dataDir, initialised);
  if (!initialised) await initialise(binaries, folder, password);
  const server = await startServer(binaries, folder, options);
  const base = `postgres://${USER}:${password}@${options.host}:${server.port}`;
  try {
    await createDatabase(base);
  } catch (error) {
    await stopServer(server);
    throw error;
  }
  return { server, url: `${base}/${DATABASE}` };
};

/**
 * Starts the Postgres that npm ships on `dataDir/pg18`, made on the first start, and answers when it takes connections.
 * A folder has one owner: a second start throws `HeldByAnother`, which names the first one's pid. A taken port throws an
 * error with `code: 'EADDRINUSE'` and `port`. The server ends with this process, also after `kill -9` of it (on Linux).
 */
export const startPostgres = async (options: PostgresOptions): Promise<EmbeddedPostgres> => {
  const dataDir = resolve(options.dataDir);
  const folder = join(dataDir, `pg${MAJOR}`);
  const owner = `${folder}.owner`;
  mkdirSync(dataDir, { recursive: true });
  claim(owner);
  try {
    const { server, url } = await startOwned(options, dataDir, folder);
    const endWithProcess = (): boolean => server.child.kill('SIGINT');
    process.once('exit', endWithProcess);
    const stop = async (): Promise<void> => {
      await stopServer(server);
      process.off('exit', endWithProcess);
      release(owner);
    };
    return { url, port: server.port, ended: server.ended, stop };
  } catch (error) {
    release(owner);
    throw error;
  }
};

/** The URL of the database that a shop on this folder uses, or null before its first start. */
export const embeddedUrl = (dataDir: string, port: number): string | null => {
  const file = passwordFileIn(resolve(dataDir));
  return existsSync(file) ? `postgres://${USER}:${readFileSync(file, 'utf8').trim()}@127.0.0.1:${port}/${DATABASE}` : null;
};
