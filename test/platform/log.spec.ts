import { expect, it } from '@jest/globals';
import { parseConfig } from '../../src/platform/config.ts';
import { createLogger } from '../../src/platform/log.ts';

const linesOf = (write: (log: ReturnType<typeof createLogger>) => void): string[] => {
  const lines: string[] = [];
  write(createLogger(parseConfig({}), 'test', { write: (line) => void lines.push(line) }));
  return lines;
};

it('writes one line per entry, whatever control characters it holds (S21)', () => {
  const [line = '', ...more] = linesOf((log) => log.info({ path: 'a\r\nb\u001b[31m' }, 'first\nsecond'));
  expect(more).toEqual([]);
  expect([...line.slice(0, -1)].filter((character) => character < ' ')).toEqual([]);
  expect(JSON.parse(line)).toMatchObject({ name: 'test', level: 30, msg: 'first\nsecond', path: 'a\r\nb\u001b[31m' });
});

it('shows no secret: by member, inside an address, inside an error (S17)', () => {
  const url = 'postgres://app:canary@db:5432/till';
  const lines = linesOf((log) => {
    log.info({ password: 'canary', token: 'canary', headers: { authorization: 'Bearer canary', cookie: 'canary' } }, 'members');
    log.info({ url, nested: { deeper: { url } } }, `connecting to ${url}`);
    log.error({ err: new Error(`cannot reach ${url}`) }, 'failed');
    log.info({ config: parseConfig({ DATABASE_URL: url }) }, 'config');
  });
  expect(lines).toHaveLength(4);
  expect(lines.join('')).not.toContain('canary');
  expect(lines[1]).toContain('postgres://app:***@db:5432/till');
});

it('heeds the level', () => {
  expect(linesOf((log) => log.debug('unseen'))).toEqual([]);
});
