import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

/** Milliseconds to wait for another process that is migrating the same database. */
const LOCK_WAIT_MAX_MS = 30_000;
const CONNECT_MAX_MS = 5_000;
const STATEMENT_MAX_MS = 60_000;

/** `migrations/` of the package this file belongs to, however deep a build has put the file. */
const migrationsFolder = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the package has no package.json above its own files');
    folder = parent;
  }
  return join(folder, 'migrations');
};

/**
 * Brings a database to the newest schema; does nothing when it is there. Several processes may call it at once: one
 * works, the others wait for it.
 * @throws when a migration fails; that migration is then rolled back.
 */
export const migrate = async (databaseUrl: string): Promise<void> => {
  // A client of our own: the package neither listens for a lost connection, which would end the process, nor waits for the end.
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'till migrate',
    connectionTimeoutMillis: CONNECT_MAX_MS,
    statement_timeout: STATEMENT_MAX_MS,
    lock_timeout: LOCK_WAIT_MAX_MS,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await runner({
      dbClient: client,
      dir: migrationsFolder(),
      direction: 'up',
      migrationsTable: 'migrations',
      advisoryLockMode: 'wait',
      logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });
  } finally {
    await client.end();
  }
};
