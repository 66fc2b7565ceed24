import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testKafka } from '../../support/kafka.ts';

const SCRIPT = fileURLToPath(new URL('../../../bin/kafka.mjs', import.meta.url));
const TEST_MAX_MS = 60_000;

type Answer = Readonly<{ status: number | null; err: string }>;

const run = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<Answer> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [SCRIPT, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', (chunk) => {
      err += String(chunk);
    });
    child.once('close', (status) => resolve({ status, err }));
  });

describe('npm run kafka', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'till-kafka-script-'));
    symlinkSync(process.execPath, join(folder, 'node'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('says which package is missing when there is no Java', async () => {
    const { status, err } = await run([], { PATH: folder, DATA_DIR: folder });
    expect(status).toBe(1);
    expect(err).toContain('java is not on the PATH');
    expect(err).toContain('openjdk-17-jre-headless');
  });

  it('answers a wrong port and a wrong property with status 2', async () => {
    expect(await run([], { PATH: process.env.PATH, KAFKA_PORT: '70000' })).toMatchObject({
      status: 2,
      err: expect.stringContaining('KAFKA_PORT 70000'),
    });
    expect(await run(['--set', 'nothing'], { PATH: process.env.PATH })).toMatchObject({
      status: 2,
      err: expect.stringContaining('--set nothing'),
    });
    expect((await run(['--wrong'], { PATH: process.env.PATH })).status).toBe(2);
  });

  it(
    'names a port that is taken',
    async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as net.AddressInfo;
      const env = { PATH: process.env.PATH, HOME: process.env.HOME, KAFKA_PORT: String(port), DATA_DIR: join(folder, 'taken') };
      const { status, err } = await run([], env);
      server.close();
      expect(status).toBe(1);
      expect(err).toContain(`port ${port} or ${port + 1} is taken`);
    },
    TEST_MAX_MS,
  );

  it(
    'ends with what it says when the broker does not come up, and leaves nothing behind',
    async () => {
      const kafka = await testKafka(['process.roles=nothing']);
      await expect(kafka.start()).rejects.toThrow('process.roles');
      await kafka.end();
    },
    TEST_MAX_MS,
  );
});
