#!/usr/bin/env node
// One Kafka broker for local use and for the tests, without Docker: Maven fetches its jars once, Java 17 runs them.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const usage = `usage: npm run kafka [-- --fetch] [-- --set <property>=<value>]

Runs one Kafka broker (KRaft) on 127.0.0.1 until SIGINT or SIGTERM. When it takes connections, it prints
ready KAFKA_BROKERS=127.0.0.1:<port> pid=<pid of the broker>

  --fetch             only fetch the broker's jars (once, 43 MB, into .cache)
  --set <name=value>  one more property of the broker, or another value for one; may be repeated

KAFKA_PORT is its port (19092), the next one its controller's; DATA_DIR keeps its log (.data).
Needs Java 17 or later (Debian: openjdk-17-jre-headless) and, to fetch the jars, Maven (Debian: maven).`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'kafka');
const version = /<kafka.version>(.+)<\/kafka.version>/.exec(readFileSync(join(folder, 'pom.xml'), 'utf8'))[1];
const cache = join(root, '.cache', `kafka-${version}`);
const lib = join(cache, 'lib');

const JAVA_OLDEST = 17;
/** Formatting again with the same id changes nothing, so it is done at each start. */
const CLUSTER_ID = 'VGlsbHN0cmVhbS1sb2NhbA';
/** After SIGTERM the broker has this long to close its log. */
const STOP_MS = 10_000;

const fail = (status, message) => {
  console.error(message);
  process.exit(status);
};

/** A broker's jars appear whole or not at all, also when two processes fetch at once. */
const fetchJars = () => {
  if (existsSync(lib)) return;
  const fetched = join(cache, `fetch-${process.pid}`);
  mkdirSync(cache, { recursive: true });
  console.error(`fetching Kafka ${version} with Maven, once …`);
  const args = ['-q', '-B', '-f', join(folder, 'pom.xml'), `-Dkafka.lib=${fetched}`, 'dependency:copy-dependencies'];
  const { status, error } = spawnSync('mvn', args, { stdio: ['ignore', 2, 2] });
  if (error?.code === 'ENOENT') fail(1, 'Maven (mvn) is not on the PATH: it fetches the jars of Kafka. Debian: apt-get install maven');
  if (status === 0) {
    try {
      renameSync(fetched, lib);
    } catch (renaming) {
      if (!existsSync(lib)) throw renaming;
    }
  }
  rmSync(fetched, { recursive: true, force: true });
  if (status !== 0) fail(1, `Maven could not fetch the jars of Kafka ${version}: see above`);
};

const checkJava = () => {
  const { error, stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  const remedy = `Kafka needs Java ${JAVA_OLDEST} or later. Debian: apt-get install openjdk-17-jre-headless`;
  if (error?.code === 'ENOENT') fail(1, `java is not on the PATH. ${remedy}`);
  const found = Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0);
  if (found < JAVA_OLDEST) fail(1, `java is version ${found || 'unknown'}. ${remedy}`);
};

const parsePort = (text) => {
  const port = Number(text);
  // The controller's port is the next one.
  if (!/^\d+$/.test(text) || port < 1 || port > 65_534) fail(2, `KAFKA_PORT ${text} must be a whole number from 1 to 65534`);
  return port;
};

/**
 * Writes the properties of this start and gives their path. Two folders, not one: only a metadata folder of its own is locked before
 * it is written. With one folder a second start damages the log of the broker that runs.
 */
const writeProperties = (port, dataDir, settings) => {
  const data = join(dataDir, `kafka-${version}`);
  const lines = [
    readFileSync(join(folder, 'server.properties'), 'utf8'),
    `controller.quorum.voters=1@127.0.0.1:${port + 1}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${port + 1}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    `log.dirs=${join(data, 'log')}`,
    `metadata.log.dir=${join(data, 'meta')}`,
    ...settings,
  ];
  mkdirSync(data, { recursive: true });
  const path = join(data, 'server.properties');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
};

// Short-lived and small: the second compiler costs 45 MB and gains nothing here.
const jvm = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xms64m',
  '-Xmx384m',
  '-XX:MaxDirectMemorySize=128m',
  '-Djava.awt.headless=true',
];
const java = (...args) => [...jvm, `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`, '-cp', join(lib, '*'), ...args];

const format = (properties) => {
  const args = java('kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties, '--ignore-formatted');
  const { status, stdout, stderr } = spawnSync('java', args, { encoding: 'utf8' });
  if (status !== 0) fail(1, `the folders of Kafka cannot be formatted:\n${stdout}${stderr}`);
};

/** Where the kernel can, the broker ends with this process, also when that is killed. */
const spawnBroker = (properties) => {
  const command = ['java', ...java('kafka.Kafka', properties)];
  const bound = process.platform === 'linux' && !spawnSync('setpriv', ['--version']).error;
  const [program, ...args] = bound ? ['setpriv', '--pdeathsig', 'TERM', ...command] : command;
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
};

const run = (port, properties) => {
  const broker = spawnBroker(properties);
  let [stopping, ready, printed] = [false, false, ''];
  broker.stdout.on('data', (chunk) => {
    process.stderr.write(chunk);
    if (ready) return;
    printed += chunk;
    if (!printed.includes('Kafka Server started')) return;
    ready = true;
    console.log(`ready KAFKA_BROKERS=127.0.0.1:${port} pid=${broker.pid}`);
  });
  const stop = () => {
    if (stopping) return;
    stopping = true;
    broker.kill('SIGTERM');
    setTimeout(() => broker.kill('SIGKILL'), STOP_MS).unref();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  broker.once('exit', (status, signal) => {
    if (stopping) process.exit(0);
    if (printed.includes('Address already in use')) fail(1, `KAFKA_PORT: port ${port} or ${port + 1} is taken`);
    fail(1, `the broker ended (${signal ?? `status ${status}`})`);
  });
};

const parse = () => {
  const options = { fetch: { type: 'boolean' }, set: { type: 'string', multiple: true }, help: { type: 'boolean' } };
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return fail(2, `${error.message}\n\n${usage}`);
  }
};

const options = parse();
if (options.help) {
  console.log(usage);
  process.exit(0);
}
const wrong = (options.set ?? []).find((text) => !/^[\w.-]+=/.test(text));
if (wrong !== undefined) fail(2, `--set ${wrong}: use <property>=<value>`);
const port = parsePort(process.env.KAFKA_PORT || '19092');
if (!options.fetch) checkJava();
fetchJars();
if (!options.fetch) {
  const properties = writeProperties(port, resolve(process.env.DATA_DIR || '.data'), options.set ?? []);
  format(properties);
  run(port, properties);
}
