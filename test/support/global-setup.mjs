import { chmodSync, existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { tsImport } from 'tsx/esm/api';

/** The database that every test file's own database is a copy of: migrated once, never connected to afterwards. */
const TEMPLATE = 'till_template';

const onDatabase = (url, name) => {
  const target = new URL(url);
  target.pathname = `/${name}`;
  return target.href;
};

const makeTemplate = async (url) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`drop database if exists ${TEMPLATE}`);
    await client.query(`create database ${TEMPLATE}`);
  } finally {
    await client.end();
  }
  const migrations = new URL('../../src/platform/migrate.ts', import.meta.url);
  if (!existsSync(migrations)) return;
  const { migrate } = await tsImport(migrations.href, import.meta.url);
  await migrate(onDatabase(url, TEMPLATE));
};

/**
 * One Postgres for all test files: the embedded one in a temporary folder, or the server of TEST_DATABASE_URL. Sources are
 * loaded as they are, so that a test run never depends on an old build. Test files find it as TILL_TEST_POSTGRES_URL.
 */
export default async function globalSetup() {
  let url = process.env.TEST_DATABASE_URL;
  if (!url) {
    const { startPostgres } = await tsImport('../../src/embedded/postgres.ts', import.meta.url);
    const folder = mkdtempSync(join(tmpdir(), 'till-test-'));
    // When root runs the tests, the server runs as another user, who must be able to pass through.
    chmodSync(folder, 0o755);
    const server = await startPostgres({ dataDir: join(folder, 'data'), host: '127.0.0.1', port: 0, durable: false });
    globalThis.tillTestPostgres = { server, folder };
    url = server.url;
  }
  await makeTemplate(url);
  process.env.TILL_TEST_POSTGRES_URL = url;
}
