import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { baseUrls, brokers, databaseUrl, eventStoreUrl, flag, isLoopback, isZone, port, redisUrl, whole } from './variables.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';
/** `off`: nobody is asked who is calling; the user that a request names counts. */
export type AuthMode = 'off';

/** All that a process is told from outside. Ports: 0 asks for any free one. `null` URLs mean the embedded servers. */
export type Config = Readonly<{
  host: string;
  edgePort: number;
  commandPort: number;
  queryPort: number;
  grpcPort: number;
  projectorPort: number;
  workerPort: number;
  eventStorePort: number;
  postgresPort: number;
  /** The folder that holds everything the local default stores. */
  dataDir: string;
  eventStoreUrl: string | null;
  databaseUrl: string | null;
  /** Kafka's brokers, host:port each; none: the queue is kept in the event store. */
  kafkaBrokers: readonly string[];
  /** A cache that processes share; `null`: none. */
  redisUrl: string | null;
  enableTestEndpoints: boolean;
  idempotencyRequired: boolean;
  /** IANA name of the zone whose midnight starts a selling day. */
  serviceZone: string;
  /** Products in a top list at most. */
  topLimit: number;
  /** Days that a top list looks back. */
  topDays: number;
  logLevel: LogLevel;
  /** Requests that one address may make in `rateLimitSeconds`; 0 sets no limit. */
  rateLimitRequests: number;
  rateLimitSeconds: number;
  /** Proxies before a process whose word on the caller's address counts. */
  trustedProxies: number;
  /** The APIs behind `till edge`, by their base URLs; none unless set. */
  commandUrls: readonly string[];
  queryUrls: readonly string[];
  authMode: AuthMode;
  /** Serves callers from other machines, and in production, although nobody is asked who is calling. */
  allowInsecure: boolean;
  production: boolean;
}>;

/** Everything that is wrong with the environment, one sentence per fault. No fault repeats a secret. */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`wrong configuration:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  EDGE_PORT: port(8080),
  COMMAND_PORT: port(8081),
  QUERY_PORT: port(8082),
  GRPC_PORT: port(5000),
  PROJECTOR_PORT: port(8083),
  WORKER_PORT: port(8084),
  EVENTSTORE_PORT: port(2113),
  POSTGRES_PORT: port(5433),
  DATA_DIR: z.string().default('.data'),
  EVENTSTORE_URL: eventStoreUrl,
  DATABASE_URL: databaseUrl,
  REDIS_URL: redisUrl,
  KAFKA_BROKERS: brokers,
  ENABLE_TEST_ENDPOINTS: flag,
  IDEMPOTENCY_REQUIRED: flag,
  SERVICE_ZONE: z.string().refine(isZone, 'must be the IANA name of a time zone').default('Asia/Seoul'),
  TOP_LIMIT: whole(1, 100, 5),
  TOP_DAYS: whole(1, 366, 3),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error'], 'must be trace, debug, info, warn or error').default('info'),
  RATE_LIMIT_REQUESTS: whole(0, 1_000_000, 0),
  RATE_LIMIT_SECONDS: whole(1, 3_600, 60),
  TRUSTED_PROXIES: whole(0, 10, 0),
  COMMAND_URLS: baseUrls,
  QUERY_URLS: baseUrls,
  AUTH_MODE: z.enum(['off'], 'must be off: there is no other mode yet').default('off'),
  ALLOW_INSECURE: flag,
  NODE_ENV: z.string().default('development'),
});

type Environment = z.output<typeof environment>;
export type Variable = keyof Environment;

/** Which variable sets which member; `production` comes from NODE_ENV. */
const MEMBERS = {
  HOST: 'host',
  EDGE_PORT: 'edgePort',
  COMMAND_PORT: 'commandPort',
  QUERY_PORT: 'queryPort',
  GRPC_PORT: 'grpcPort',
  PROJECTOR_PORT: 'projectorPort',
  WORKER_PORT: 'workerPort',
  EVENTSTORE_PORT: 'eventStorePort',
  POSTGRES_PORT: 'postgresPort',
  DATA_DIR: 'dataDir',
  EVENTSTORE_URL: 'eventStoreUrl',
  DATABASE_URL: 'databaseUrl',
  REDIS_URL: 'redisUrl',
  KAFKA_BROKERS: 'kafkaBrokers',
  ENABLE_TEST_ENDPOINTS: 'enableTestEndpoints',
  IDEMPOTENCY_REQUIRED: 'idempotencyRequired',
  SERVICE_ZONE: 'serviceZone',
  TOP_LIMIT: 'topLimit',
  TOP_DAYS: 'topDays',
  LOG_LEVEL: 'logLevel',
  RATE_LIMIT_REQUESTS: 'rateLimitRequests',
  RATE_LIMIT_SECONDS: 'rateLimitSeconds',
  TRUSTED_PROXIES: 'trustedProxies',
  COMMAND_URLS: 'commandUrls',
  QUERY_URLS: 'queryUrls',
  AUTH_MODE: 'authMode',
  ALLOW_INSECURE: 'allowInsecure',
  NODE_ENV: 'production',
} as const satisfies Record<Variable, keyof Config>;

const VARIABLES = Object.keys(MEMBERS) as Variable[];

/** Variables that hold a secret; each may also be given as `<NAME>_FILE`, the path of a file that holds it. */
const SECRETS: readonly Variable[] = ['EVENTSTORE_URL', 'DATABASE_URL', 'REDIS_URL'];

/** Passwords that servers are shipped with. */
const SHIPPED_PASSWORDS: readonly string[] = ['changeit', 'postgres'];

/** An empty variable counts as one that is not set, as in compose files. */
const given = (env: NodeJS.ProcessEnv, name: string): string | undefined => env[name]?.trim() || undefined;

const readSecret = (env: NodeJS.ProcessEnv, name: Variable, faults: string[]): string | undefined => {
  const file = given(env, `${name}_FILE`);
  if (file === undefined) return given(env, name);
  if (given(env, name) !== undefined) faults.push(`${name} and ${name}_FILE are both set`);
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    faults.push(`${name}_FILE cannot be read`);
    return undefined;
  }
};

const passwordOf = (url: string | null): string | undefined => url?.match(/:\/\/[^:@/]+:([^@]+)@/)?.[1];

const productionFaults = (settings: Environment): string[] => {
  if (settings.NODE_ENV !== 'production') return [];
  const faults = SECRETS.filter((name) => SHIPPED_PASSWORDS.includes(passwordOf(settings[name] as string | null) ?? '')).map(
    (name) => `${name} has a password that its server is shipped with, which production refuses`,
  );
  return settings.ENABLE_TEST_ENDPOINTS
    ? [...faults, 'ENABLE_TEST_ENDPOINTS is refused in production: POST /init empties the shop']
    : faults;
};

/** What stands against serving callers whom nobody asks who they are (S1). */
const insecurityFaults = ({ HOST, NODE_ENV, ALLOW_INSECURE }: Environment): string[] => {
  if (ALLOW_INSECURE) return [];
  const remedy = 'set ALLOW_INSECURE=1 where only trusted machines reach the shop';
  const open = `HOST ${HOST} is reached from other machines, and with AUTH_MODE=off nobody is asked who is calling: ${remedy}`;
  const unasked = `AUTH_MODE=off is refused in production, because nobody is asked who is calling: ${remedy}`;
  return [...(isLoopback(HOST) ? [] : [open]), ...(NODE_ENV === 'production' ? [unasked] : [])];
};

type Rule = (settings: Environment) => readonly string[];

const read = (env: NodeJS.ProcessEnv, rules: readonly Rule[]): Config => {
  const faults: string[] = [];
  const raw = Object.fromEntries(
    VARIABLES.map((name) => [name, SECRETS.includes(name) ? readSecret(env, name, faults) : given(env, name)]),
  );
  const parsed = environment.safeParse(raw);
  if (parsed.success) faults.push(...rules.flatMap((rule) => rule(parsed.data)));
  else faults.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);
  const members = VARIABLES.map((name) => [MEMBERS[name], parsed.data[name]]);
  return Object.freeze({ ...Object.fromEntries(members), production: parsed.data.NODE_ENV === 'production' }) as Config;
};

/** Reads the environment; throws one `ConfigError` that names every fault. Variables it does not know are left alone. */
export const parseConfig = (env: NodeJS.ProcessEnv): Config => read(env, [productionFaults]);

/** The same for a process that listens: it refuses also to serve the world without asking who is calling. */
export const parseServerConfig = (env: NodeJS.ProcessEnv): Config => read(env, [productionFaults, insecurityFaults]);

/** Hides the password of a connection string, wherever it stands in a text; Redis' have no user before it. */
export const maskPasswords = (text: string): string => text.replace(/(:\/\/[^:@/\s"]*):[^@\s"]+@/g, '$1:***@');

/** The configuration by variable, as `till config` prints it: secrets masked, what is not set as null. */
export const describeConfig = (config: Config): Readonly<Record<string, string | number | boolean | null>> =>
  Object.fromEntries(
    VARIABLES.map((name) => {
      const value = config[MEMBERS[name]];
      if (typeof value === 'object' && value !== null) return [name, value.join(',') || null];
      if (name === 'NODE_ENV') return [name, config.production ? 'production' : 'development'];
      return [name, typeof value === 'string' && SECRETS.includes(name) ? maskPasswords(value) : value];
    }),
  );

/** The name under which a process tells a port of its own, and the variable that sets it. */
export const PORT_VARIABLES = {
  edge: 'EDGE_PORT',
  command: 'COMMAND_PORT',
  query: 'QUERY_PORT',
  grpc: 'GRPC_PORT',
  projector: 'PROJECTOR_PORT',
  worker: 'WORKER_PORT',
  eventStore: 'EVENTSTORE_PORT',
  postgres: 'POSTGRES_PORT',
} as const satisfies Record<string, Variable>;

/** Ports by their names; those that a process does not have are left out. */
export type Ports = Readonly<Partial<Record<keyof typeof PORT_VARIABLES, number>>>;

/** The variable that asked for this port, or null when none did. */
export const variableOfPort = (config: Config, taken: number): Variable | null =>
  Object.values(PORT_VARIABLES).find((name) => config[MEMBERS[name]] === taken) ?? null;

/** Where a listener on this host is reached from the same machine. */
export const reachableHost = (host: string): string => (host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host);
