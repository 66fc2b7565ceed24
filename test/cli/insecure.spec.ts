import { afterEach, expect, it, jest } from '@jest/globals';
import { type Started, startScript, until } from '../support/processes.ts';

jest.setTimeout(30_000);

let running: Started[] = [];
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  running = [];
});

/** An edge needs no store. Where it listens on every address, nothing is sent to it. */
const edge = (env: Readonly<Record<string, string>>): Started => {
  const upstreams = { COMMAND_URLS: 'http://127.0.0.1:1', QUERY_URLS: 'http://127.0.0.1:1' };
  const started = startScript('src/cli/main.ts', ['edge'], { EDGE_PORT: '0', ...upstreams, ...env });
  running = [...running, started];
  return started;
};

it.each([
  [{ AUTH_MODE: 'jwt' }, /^ {2}AUTH_MODE must be off: there is no other mode yet$/m],
  [{ HOST: '0.0.0.0' }, /^ {2}HOST 0\.0\.0\.0 is reached from other machines.*ALLOW_INSECURE=1/m],
  [{ NODE_ENV: 'production' }, /^ {2}AUTH_MODE=off is refused in production.*ALLOW_INSECURE=1/m],
])('does not start with %j, and says why with status 2 (S1)', async (env, said) => {
  const { ended, err } = edge(env);
  expect(await ended).toBe(2);
  expect(err()).toMatch(said);
});

it.each([[{}], [{ AUTH_MODE: 'off', HOST: 'localhost' }], [{ NODE_ENV: 'production', ALLOW_INSECURE: '1' }]])(
  'starts with %j, and warns in its log once (S1)',
  async (env) => {
    const { out, child, ended } = edge(env);
    await until(() => out().includes('"msg":"ready"'));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    const lines = out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: number; msg: string });
    expect(lines.filter(({ msg }) => msg === 'nobody is asked who is calling').map(({ level }) => level)).toEqual([40]);
  },
);

it.each(['up', 'api', 'command-api', 'query-api', 'projector'])(
  'till %s on every address refuses to start unless told (S1)',
  async (command) => {
    const { ended, err } = startScript('src/cli/main.ts', [command], { HOST: '0.0.0.0', DATA_DIR: 'nowhere' });
    expect(await ended).toBe(2);
    expect(err()).toContain('ALLOW_INSECURE=1');
  },
);
