import { expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase } from './postgres.ts';

const query = async (url: string, text: string): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
};

it('gives every caller a database of its own', async () => {
  const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await query(one.url, 'create table only_here (n int)');
  const found = "select count(*)::int as n from pg_tables where tablename = 'only_here'";
  expect(await query(one.url, found)).toEqual([{ n: 1 }]);
  expect(await query(two.url, found)).toEqual([{ n: 0 }]);
  await Promise.all([one.drop(), two.drop()]);
  await expect(query(one.url, 'select 1')).rejects.toThrow('does not exist');
});
