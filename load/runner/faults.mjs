import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './k6.mjs';
import { shopFile } from './shop.mjs';

/** A worker that was asked to leave ends its batch first. */
const LEAVE_MAX_MS = 15_000;
/** A worker has to start and to join; its group waits for the members it has. */
const JOIN_MAX_MS = 60_000;
const LOOK_EVERY_MS = 100;
/** Characters of a worker's log that are looked through for its port. */
const LOG_MAX = 100_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/**
 * Does what `--outage` and `--rebalance` ask for, by the clock of the run, `startAt` in epoch milliseconds. Returns at once; `judged`
 * resolves, when all of it is over, to an identity for each: it happened, and ended as it was to.
 */
export const scheduleFaults = (shop, { outages, rebalances }, startAt) => {
  const all = [
    ...outages.map((outage) => tried(`${outage.how} of ${outage.server}`, outage, () => outageOf(shop, outage, startAt))),
    ...rebalances.map((visit) => tried('a second worker', visit, () => rebalanceOf(shop, visit, startAt))),
  ];
  return { judged: () => Promise.all(all) };
};

const tried = async (id, { seconds, lasting }, run) => {
  const expected = `at ${seconds} s for ${lasting} s`;
  try {
    await run();
    return { id, ok: true, expected, actual: 'so' };
  } catch (error) {
    return { id, ok: false, expected, actual: error.message };
  }
};

const outageOf = async (shop, { server: name, how, seconds, lasting }, startAt) => {
  const server = shop.servers.find((each) => each.name === name);
  if (!server) throw new Error(`no ${name} was started here`);
  await pause(startAt + seconds * 1_000 - Date.now());
  console.log(`${how} of ${name}, ${seconds} s after the start, for ${lasting} s`);
  if (how === 'freeze') server.freeze();
  else await server.stop();
  await pause(lasting * 1_000);
  if (how === 'freeze') server.thaw();
  else await server.start();
  console.log(`${name} is back`);
};

/** Resolves when the worker is ready, which it is when it has joined its group; its port stands in what it logs. */
const joined = async (worker) => {
  let printed = '';
  worker.stdout.on('data', (chunk) => {
    if (printed.length < LOG_MAX) printed += chunk;
  });
  const until = Date.now() + JOIN_MAX_MS;
  const isReady = async () => {
    const port = /"ports":\{"worker":(\d+)\}/.exec(printed)?.[1];
    const answer = port && (await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => null));
    return answer?.status === 200;
  };
  while (!(await isReady())) {
    if (Date.now() > until || worker.exitCode !== null) throw new Error('it did not join');
    await pause(LOOK_EVERY_MS);
  }
};

/** A second worker joins the group and leaves it again: partitions move twice, in the middle of what is worked through. */
const rebalanceOf = async (shop, { seconds, lasting }, startAt) => {
  await pause(startAt + seconds * 1_000 - Date.now());
  const { eventStore, postgres } = shopFile(shop).urls;
  const env = { ...shop.env, EVENTSTORE_URL: eventStore, DATABASE_URL: postgres, WORKER_PORT: '0' };
  const stdio = ['ignore', 'pipe', 'ignore'];
  const worker = spawn(process.execPath, [join(root, 'bin', 'till.mjs'), 'coupon-worker'], { cwd: root, env, stdio });
  const ended = new Promise((resolve) => worker.once('exit', (status, signal) => resolve(signal ?? status)));
  try {
    await joined(worker);
    console.log(`a second worker (pid ${worker.pid}) joined, ${(Date.now() - startAt) / 1_000} s after the start`);
    await Promise.race([pause(lasting * 1_000), ended]);
    if (worker.exitCode !== null || worker.signalCode !== null) throw new Error(`it ended by itself (${await ended})`);
  } finally {
    worker.kill('SIGTERM');
  }
  const forced = setTimeout(() => worker.kill('SIGKILL'), LEAVE_MAX_MS);
  const status = await ended;
  clearTimeout(forced);
  if (status !== 0) throw new Error(`it left with ${status}`);
  console.log('the second worker has left');
};
