import { randomUUID } from 'node:crypto';
import pg from 'pg';

export type TestDatabase = Readonly<{ url: string; drop(): Promise<void> }>;

const serverUrl = (): string => {
  const url = process.env.TILL_TEST_POSTGRES_URL;
  if (url === undefined) throw new Error('no test server: run the tests with the global setup of jest.config.mjs');
  return url;
};

const run = async (statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
};

/** A database of one's own with all tables and no rows: a copy of the migrated template, made in 12–40 ms. `drop` also ends open connections. */
export const createTestDatabase = async (): Promise<TestDatabase> => {
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  await run(`create database ${name} template till_template strategy file_copy`);
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(`drop database ${name} with (force)`) };
};
