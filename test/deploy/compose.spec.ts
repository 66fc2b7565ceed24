import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { ConfigError, describeConfig, PORT_VARIABLES, parseConfig, parseServerConfig } from '../../src/platform/config.ts';
import { startScript } from '../support/processes.ts';

type Service = Readonly<{
  image?: string;
  build?: string;
  command?: string[];
  environment?: Record<string, string>;
  expose?: string[];
  ports?: string[];
  volumes?: string[];
  tmpfs?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  cap_drop?: string[];
  security_opt?: string[];
  read_only?: boolean;
  mem_limit?: string;
  user?: string;
}>;

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const textOf = (path: string): string => readFileSync(at(path), 'utf8');
const compose = parse(textOf('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
};
const services = Object.entries(compose.services);
/** Those that run an image of ours. */
const ours = services.filter(([, { build }]) => build !== undefined);
const environmentOf = ({ environment = {} }: Service): Record<string, string> => ({
  // What the image itself sets.
  NODE_ENV: 'production',
  HOST: '0.0.0.0',
  ...Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value.replace(/\$\{POSTGRES_PASSWORD:\?[^}]*\}/, 's3cret')]),
  ),
});
/** The port on which a process of ours listens, by the command that starts it. */
const LISTENS = {
  'command-api': PORT_VARIABLES.command,
  'query-api': PORT_VARIABLES.query,
  projector: PORT_VARIABLES.projector,
  edge: PORT_VARIABLES.edge,
  'coupon-worker': PORT_VARIABLES.worker,
} as const;
const commandOf = ({ command = [] }: Service): string => command[0] ?? '';
const portOf = (service: Service): number => {
  const variable = LISTENS[commandOf(service) as keyof typeof LISTENS];
  return Number(describeConfig(parseConfig(environmentOf(service)))[variable]);
};

/** The port that a service opens to the others. */
const openOf = (name: string): string | undefined => (compose.services[name] as Service).expose?.[0];

describe('the compose file', () => {
  it('has the processes of a shop that outlives any one of them', () => {
    const commands = ours.map(([, service]) => commandOf(service)).sort();
    expect(commands).toEqual(['command-api', 'command-api', 'coupon-worker', 'edge', 'migrate', 'projector', 'query-api', 'query-api']);
    expect(services.map(([name]) => name)).toEqual(expect.arrayContaining(['event-store', 'postgres', 'redis', 'kafka']));
  });

  it('starts only commands that till knows', async () => {
    const help = startScript(at('src/cli/main.ts'), ['--help']);
    expect(await help.ended).toBe(0);
    const known = [...help.out().matchAll(/^ {2}([a-z-]+) /gm)].map(([, command]) => command);
    for (const [, service] of ours) expect(known).toContain(commandOf(service));
  });

  it.each(ours)('sets %s only variables that the configuration knows, to values it takes', (_, service) => {
    const known = Object.keys(describeConfig(parseConfig({})));
    expect(Object.keys(service.environment ?? {}).filter((name) => !known.includes(name))).toEqual([]);
    expect(parseServerConfig(environmentOf(service)).production).toBe(true);
  });

  it('names servers by services that listen there', () => {
    const listening = new Map(ours.map(([name, service]) => [name, portOf(service)]));
    const urls = ours.flatMap(([, { environment = {} }]) => [environment.COMMAND_URLS, environment.QUERY_URLS]).join(',');
    const named = urls
      .split(',')
      .filter(Boolean)
      .map((url) => new URL(url));
    expect(named).toHaveLength(4);
    for (const { hostname, port } of named) expect([hostname, listening.get(hostname)]).toEqual([hostname, Number(port)]);
    for (const [name, service] of ours) {
      const { EVENTSTORE_URL: store, DATABASE_URL: database, REDIS_URL: redis, KAFKA_BROKERS: kafka } = environmentOf(service);
      if (store) expect([name, new URL(store).host]).toEqual([name, `event-store:${openOf('event-store')}`]);
      if (database) expect([name, new URL(database).host]).toEqual([name, `postgres:${openOf('postgres')}`]);
      if (redis) expect([name, new URL(redis).host]).toEqual([name, `redis:${openOf('redis')}`]);
      if (kafka) expect([name, kafka]).toEqual([name, `kafka:${openOf('kafka')}`]);
    }
  });

  it('opens the ports on which the processes listen, and asks for health there', () => {
    for (const [name, service] of ours.filter(([, service]) => commandOf(service) in LISTENS)) {
      const port = String(portOf(service));
      const opened = service.ports?.map((mapping) => mapping.split(':').at(-1)) ?? service.expose;
      const [kind, program, script, asked, question] = service.healthcheck?.test ?? [];
      const also = commandOf(service) === 'command-api' ? [service.environment?.GRPC_PORT] : [];
      expect([name, opened, kind, program, asked]).toEqual([name, [port, ...also], 'CMD', 'node', port]);
      expect(existsSync(at(script ?? ''))).toBe(true);
      expect(['live', 'ready']).toContain(question);
      expect(textOf('Dockerfile')).toMatch(new RegExp(`^EXPOSE .*\\b${port}\\b`, 'm'));
    }
  });

  it('lets nobody in but through the edge, from this machine (S1)', () => {
    const open = services.filter(([, { ports }]) => ports !== undefined);
    expect(open.map(([name]) => name)).toEqual(['edge']);
    for (const mapping of open.flatMap(([, { ports = [] }]) => ports)) expect(mapping).toMatch(/^127\.0\.0\.1:/);
  });

  it('says that this may be, and without that its processes would not serve (S1)', () => {
    for (const [name, service] of ours) {
      expect([name, service.environment?.ALLOW_INSECURE]).toEqual([name, '1']);
      expect(() => parseServerConfig({ ...environmentOf(service), ALLOW_INSECURE: '' })).toThrow(ConfigError);
    }
  });

  it('tells the query side of no event store, and the edge of no store at all (S18)', () => {
    const knowing = (variable: string) =>
      ours.filter(([, { environment = {} }]) => variable in environment).map(([, service]) => commandOf(service));
    expect(new Set(knowing('EVENTSTORE_URL'))).toEqual(new Set(['projector', 'command-api', 'coupon-worker']));
    expect(knowing('DATABASE_URL')).not.toContain('edge');
    expect(new Set(knowing('REDIS_URL'))).toEqual(new Set(['command-api', 'query-api']));
    expect(new Set(knowing('KAFKA_BROKERS'))).toEqual(new Set(['command-api', 'coupon-worker']));
  });

  it('has no password of its own (S17)', () => {
    expect(textOf('docker-compose.yml')).not.toMatch(/PASSWORD(_FILE)?: (?!\$\{POSTGRES_PASSWORD:\?)/);
  });

  it.each(ours)('gives %s a read-only root, no capabilities, and limits (S25)', (_, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(service.mem_limit).toMatch(/^\d+[mg]$/);
    expect(service.tmpfs).toEqual(['/tmp']);
    expect(service.volumes).toBeUndefined();
  });

  it('gives the stores no capabilities either, limits, and a volume that is kept (S25)', () => {
    const [eventStore, postgres, redis] = ['event-store', 'postgres', 'redis'].map((name) => compose.services[name]) as [
      Service,
      Service,
      Service,
    ];
    for (const service of [eventStore, postgres, redis]) {
      expect(service).toMatchObject({
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        mem_limit: expect.stringMatching(/^\d+[mg]$/),
      });
      for (const volume of service.volumes ?? []) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
    }
    expect(postgres.volumes).toEqual(['postgres:/var/lib/postgresql']);
    // What the cache forgets is read anew.
    expect([redis.volumes, redis.read_only]).toEqual([undefined, true]);
  });

  it('waits for no cache and no queue: no process needs them to start (I20)', () => {
    for (const [, { depends_on = {} }] of ours) {
      expect(Object.keys(depends_on)).not.toContain('redis');
      expect(Object.keys(depends_on)).not.toContain('kafka');
    }
  });

  it('starts nothing before what it needs is there', () => {
    for (const [, { depends_on = {} }] of ours) {
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        const service = compose.services[needed] as Service;
        expect(service).toBeDefined();
        const ends = commandOf(service) === 'migrate';
        expect([needed, condition]).toEqual([needed, ends ? 'service_completed_successfully' : 'service_healthy']);
      }
    }
  });
});

describe('the image', () => {
  const stages = textOf('Dockerfile').split(/^FROM /m);
  const last = stages.at(-1) ?? '';

  it('runs as a user that is not root, on files that are not its own (S25)', () => {
    expect(last).toMatch(/^USER node$/m);
    expect(last).not.toMatch(/--chown/);
  });

  it('holds no development packages, and installs without scripts (S19)', () => {
    expect(stages.length).toBeGreaterThan(2);
    expect(last).not.toMatch(/npm/);
    expect(textOf('Dockerfile').match(/npm ci .*/g)).toEqual([
      'npm ci --ignore-scripts',
      'npm ci --omit=dev --omit=optional --ignore-scripts',
    ]);
  });

  it('is made of files that are there, which .dockerignore lets through', () => {
    const allowed = textOf('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = [...textOf('Dockerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '));
    expect(copied.length).toBeGreaterThan(5);
    for (const source of copied) {
      const path = source.replace(/^\.\//, '');
      expect([path, existsSync(at(path)), allowed.includes(path)]).toEqual([path, true, true]);
    }
  });

  it('starts the program that package.json calls till, as the build leaves it', () => {
    expect(last).toMatch(/^ENTRYPOINT \["node", "--enable-source-maps", "dist\/cli\/main\.js"\]$/m);
    expect(existsSync(at('src/cli/main.ts'))).toBe(true);
  });
});
