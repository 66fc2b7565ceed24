import { expect, it, jest } from '@jest/globals';
import { till } from '../support/processes.ts';

jest.setTimeout(30_000);

const COMMANDS = [
  'up',
  'migrate',
  'seed',
  'audit',
  'config',
  'events',
  'api',
  'command-api',
  'query-api',
  'projector',
  'coupon-worker',
  'dlq',
  'event-store',
  'postgres',
];

it('lists its commands, on request or when it is told none', async () => {
  const [asked, none, unknown] = await Promise.all([till(['--help']), till([]), till(['sell'])]);
  for (const command of COMMANDS) expect(asked.out).toContain(`\n  ${command} `);
  expect([asked.status, none.status, unknown.status]).toEqual([0, 2, 2]);
  expect(none.err).toBe(asked.out);
  expect(unknown.err).toContain('unknown command: sell');
});

it('explains every command on --help, and does nothing else', async () => {
  const answers = await Promise.all(COMMANDS.map((command) => till([command, '--help'], { EDGE_PORT: 'wrong' })));
  expect(answers.map(({ status }) => status)).toEqual(COMMANDS.map(() => 0));
  expect(answers.map(({ out }) => out.split(/\s/).slice(0, 3).join(' '))).toEqual(COMMANDS.map((command) => `usage: till ${command}`));
});

it.each([['up'], ['config'], ['postgres']])('till %s refuses an option it does not know', async (command) => {
  const { status, err } = await till([command, '--nonsense']);
  expect(status).toBe(2);
  expect(err).toContain('--nonsense');
});

it('prints the configuration with its secrets masked, as lines and as JSON', async () => {
  const env = { DATABASE_URL: 'postgres://app:canary@db/till', TOP_LIMIT: '7' };
  const [lines, json] = await Promise.all([till(['config'], env), till(['config', '--json'], env)]);
  expect(lines.out).toContain('\nDATABASE_URL=postgres://app:***@db/till\n');
  expect(JSON.parse(json.out)).toMatchObject({ DATABASE_URL: 'postgres://app:***@db/till', TOP_LIMIT: 7, EVENTSTORE_URL: null });
  expect(lines.out + json.out).not.toContain('canary');
});

it.each([['config'], ['up'], ['postgres'], ['migrate']])(
  'till %s names all faults of its configuration at once, with status 2',
  async (command) => {
    const { status, err } = await till([command], { EDGE_PORT: '-1', LOG_LEVEL: 'loud', DATA_DIR: 'nowhere' });
    expect(status).toBe(2);
    expect(err).toMatch(/EDGE_PORT must be[\s\S]*LOG_LEVEL must be/);
  },
);
