import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ConfigError, describeConfig, parseConfig, parseServerConfig, variableOfPort } from '../../src/platform/config.ts';

const faultsOf = (env: NodeJS.ProcessEnv, parse = parseConfig): readonly string[] => {
  try {
    parse(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
};

const namesIn = (faults: readonly string[]): string[] => faults.map((fault) => fault.split(' ')[0] ?? '').sort();

describe('configuration', () => {
  it('has a default for everything', () => {
    expect(parseConfig({})).toEqual({
      host: '127.0.0.1',
      edgePort: 8080,
      commandPort: 8081,
      queryPort: 8082,
      grpcPort: 5000,
      projectorPort: 8083,
      workerPort: 8084,
      eventStorePort: 2113,
      postgresPort: 5433,
      dataDir: '.data',
      eventStoreUrl: null,
      databaseUrl: null,
      redisUrl: null,
      enableTestEndpoints: false,
      idempotencyRequired: false,
      kafkaBrokers: [],
      serviceZone: 'Asia/Seoul',
      topLimit: 5,
      topDays: 3,
      logLevel: 'info',
      rateLimitRequests: 0,
      rateLimitSeconds: 60,
      trustedProxies: 0,
      commandUrls: [],
      queryUrls: [],
      authMode: 'off',
      allowInsecure: false,
      production: false,
    });
  });

  it('reads the servers behind an edge, and nothing that is more than an address', () => {
    expect(parseConfig({ COMMAND_URLS: 'http://a:1, http://b:2/' }).commandUrls).toEqual(['http://a:1', 'http://b:2']);
    expect(describeConfig(parseConfig({ COMMAND_URLS: 'http://a:1,http://b:2' })).COMMAND_URLS).toBe('http://a:1,http://b:2');
    for (const wrong of [
      'a:1',
      'https://a:1',
      'http://user:secret@a:1',
      'http://a:1/path',
      'http://a:1?x',
      'http://a:1#x',
      'http://a:1,',
    ]) {
      expect(namesIn(faultsOf({ COMMAND_URLS: wrong }))).toEqual(['COMMAND_URLS']);
    }
  });

  it('is frozen', () => {
    expect(Object.isFrozen(parseConfig({}))).toBe(true);
  });

  it.each([
    ['1', true],
    ['true', true],
    ['0', false],
    ['false', false],
    ['', false],
  ])('reads the switch %p as %p', (text, value) => {
    expect(parseConfig({ ENABLE_TEST_ENDPOINTS: text }).enableTestEndpoints).toBe(value);
  });

  it('names every fault at once', () => {
    const env = {
      EDGE_PORT: '65536',
      COMMAND_PORT: '-1',
      QUERY_PORT: '80.5',
      LOG_LEVEL: 'loud',
      SERVICE_ZONE: 'Mars/Base',
      IDEMPOTENCY_REQUIRED: 'yes',
      TOP_LIMIT: '0',
    };
    expect(new Set(namesIn(faultsOf(env)))).toEqual(new Set(Object.keys(env)));
  });

  it('refuses a store address that switches keep-alive off (CL7)', () => {
    expect(namesIn(faultsOf({ EVENTSTORE_URL: 'esdb://store:2113?tls=false&keepAliveInterval=-1' }))).toEqual(['EVENTSTORE_URL']);
    expect(faultsOf({ EVENTSTORE_URL: 'esdb://store:2113?tls=false&keepAliveInterval=5000' })).toEqual([]);
  });

  it('reads the address of a Redis, and no options of its client', () => {
    for (const right of [
      'redis://cache',
      'redis://:secret@cache:6379',
      'rediss://shop:secret@cache.example:6380/2',
      'redis://[::1]:6379/0',
    ]) {
      expect(parseConfig({ REDIS_URL: right }).redisUrl).toBe(right);
    }
    for (const wrong of [
      'cache:6379',
      'http://cache',
      'redis://',
      'redis://cache:port',
      'redis://cache:65536',
      'redis://cache?enableOfflineQueue=true',
      'redis://a b',
    ]) {
      expect(namesIn(faultsOf({ REDIS_URL: wrong }))).toEqual(['REDIS_URL']);
    }
  });

  it('hides the password of a Redis, which has no user before it (S17)', () => {
    expect(describeConfig(parseConfig({ REDIS_URL: 'redis://:s3cret@cache:6379' })).REDIS_URL).toBe('redis://:***@cache:6379');
  });

  it('refuses addresses of other kinds', () => {
    expect(namesIn(faultsOf({ EVENTSTORE_URL: 'http://store:2113', DATABASE_URL: 'mysql://db/x' }))).toEqual([
      'DATABASE_URL',
      'EVENTSTORE_URL',
    ]);
  });

  it('refuses test endpoints and shipped passwords in production (S17)', () => {
    const env = {
      ENABLE_TEST_ENDPOINTS: '1',
      EVENTSTORE_URL: 'esdb://admin:changeit@store:2113',
      DATABASE_URL: 'postgres://app:postgres@db/till',
    };
    expect(faultsOf(env)).toEqual([]);
    expect(namesIn(faultsOf({ ...env, NODE_ENV: 'production' }))).toEqual(['DATABASE_URL', 'ENABLE_TEST_ENDPOINTS', 'EVENTSTORE_URL']);
  });

  it('knows no way of asking who is calling yet, and says so (S1)', () => {
    expect(parseConfig({ AUTH_MODE: 'off' }).authMode).toBe('off');
    for (const mode of ['jwt', 'OFF', 'none', '0']) {
      expect(faultsOf({ AUTH_MODE: mode })).toEqual(['AUTH_MODE must be off: there is no other mode yet']);
    }
  });

  it.each([
    ['127.0.0.1', 'development', '', []],
    ['127.8.8.8', 'development', '', []],
    ['localhost', 'development', '', []],
    ['::1', 'development', '', []],
    ['0.0.0.0', 'development', '', ['HOST']],
    ['::', 'development', '0', ['HOST']],
    ['192.168.1.7', 'development', '', ['HOST']],
    ['shop.example', 'development', '', ['HOST']],
    ['127.0.0.1.example', 'development', '', ['HOST']],
    ['0.0.0.0', 'development', '1', []],
    ['127.0.0.1', 'production', '', ['AUTH_MODE=off']],
    ['127.0.0.1', 'production', '1', []],
    ['0.0.0.0', 'production', '', ['AUTH_MODE=off', 'HOST']],
    ['0.0.0.0', 'production', '1', []],
  ])('HOST=%s in %s with ALLOW_INSECURE=%p: a server objects to %j, a tool to nothing (S1)', (host, mode, allow, objections) => {
    const env = { HOST: host, NODE_ENV: mode, ALLOW_INSECURE: allow };
    expect(namesIn(faultsOf(env, parseServerConfig))).toEqual(objections);
    expect(faultsOf(env)).toEqual([]);
  });

  it('never repeats a secret in a fault', () => {
    const env = { NODE_ENV: 'production', DATABASE_URL: 'postgres://app:postgres@db/till', EVENTSTORE_URL: 'http://admin:canary@store' };
    expect(faultsOf(env).join()).not.toMatch(/canary|:postgres@/);
  });

  it('reads a secret from a file, refuses it given twice or unreadable', () => {
    const folder = mkdtempSync(join(tmpdir(), 'till-config-'));
    const file = join(folder, 'url');
    writeFileSync(file, 'postgres://app:s3cret@db/till\n');
    expect(parseConfig({ DATABASE_URL_FILE: file }).databaseUrl).toBe('postgres://app:s3cret@db/till');
    expect(faultsOf({ DATABASE_URL_FILE: file, DATABASE_URL: 'postgres://db/till' })).toEqual([
      'DATABASE_URL and DATABASE_URL_FILE are both set',
    ]);
    rmSync(folder, { recursive: true });
    expect(faultsOf({ DATABASE_URL_FILE: file })).toEqual(['DATABASE_URL_FILE cannot be read']);
  });

  it('is shown by variable with its passwords hidden', () => {
    const shown = describeConfig(parseConfig({ DATABASE_URL: 'postgres://app:s3cret@db:5432/till', EDGE_PORT: '0' }));
    expect(shown).toMatchObject({
      DATABASE_URL: 'postgres://app:***@db:5432/till',
      EDGE_PORT: 0,
      EVENTSTORE_URL: null,
      NODE_ENV: 'development',
    });
  });

  it('knows which variable asked for a port', () => {
    const config = parseConfig({ QUERY_PORT: '9999' });
    expect(variableOfPort(config, 9999)).toBe('QUERY_PORT');
    expect(variableOfPort(config, 1)).toBeNull();
  });
});
