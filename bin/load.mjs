#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findK6, root } from '../load/runner/k6.mjs';
import { runOriginal } from '../load/runner/original.mjs';
import { runScenario } from '../load/runner/scenario.mjs';
import { startServer } from '../load/runner/servers.mjs';
import { setupOf } from '../load/runner/setups.mjs';
import { startShop, stopShop } from '../load/runner/shop.mjs';

const usage = `usage: npm run load -- <scenario> [options]         a scenario of load/, for example persona-a-once
       npm run load:original -- <file> [options]   a k6 script from outside, unmodified, then its end states

  --url <address>       use a shop that runs already (audited only when DATA_DIR names its data)
  --keep                leave the shop running afterwards
  --kill <part>@<s>     kill -9 a process of the shop, s seconds after the shoppers set out; may be repeated
  --with <server>       start Kafka or Redis for the shop: kafka or redis; may be repeated
  --outage <server>:<how>@<s>+<t>
                        stop or freeze a server started here, s seconds after the start, for t seconds; may be repeated
  --rebalance <s>+<t>   a second coupon worker is started after s seconds and leaves t seconds after it has joined
  --command-apis <n>    so many command processes, each with its own gRPC port, behind an edge
  --env <NAME=value>    a variable for the script, for example SCALE=0.1 or SCENARIO=flow_300vus; may be repeated
  --expect <states>     load:original: once, 100-of-300 or full (contracts of the persona flow)

k6 2.x comes from K6_BIN, .cache/bin, the PATH, or is built once with Go 1.25 or later. Status: 0 all held, 1 a miss, 2 wrong usage.`;

const fail = (status, message) => {
  console.error(message);
  process.exit(status);
};

const parse = () => {
  const options = {
    original: { type: 'boolean' },
    url: { type: 'string' },
    keep: { type: 'boolean' },
    kill: { type: 'string', multiple: true },
    with: { type: 'string', multiple: true },
    outage: { type: 'string', multiple: true },
    rebalance: { type: 'string', multiple: true },
    'command-apis': { type: 'string' },
    env: { type: 'string', multiple: true },
    expect: { type: 'string' },
    help: { type: 'boolean' },
  };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const read = (name, pattern, form) => (values[name] ?? []).map((text) => pattern.exec(text) ?? fail(2, `--${name} ${text}: use ${form}`));
  const kills = read('kill', /^([\w-]+)@(\d+(?:\.\d+)?)$/, '<part>@<seconds>');
  const servers = read('with', /^(?:kafka|redis)$/, 'kafka or redis');
  const outages = read('outage', /^(kafka|redis):(stop|freeze)@(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)$/, '<server>:<stop or freeze>@<s>+<t>');
  const rebalances = read('rebalance', /^(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)$/, '<s>+<t>');
  const pairs = (values.env ?? []).map((text) => /^(\w+)=(.*)$/s.exec(text) ?? fail(2, `--env ${text}: use NAME=value`));
  if (values.help) fail(0, usage);
  if (positionals.length !== 1) fail(2, usage);
  if (values.expect && !['once', '100-of-300', 'full'].includes(values.expect)) fail(2, usage);
  return {
    ...values,
    subject: positionals[0],
    kills: kills.map(([, part, seconds]) => ({ part, seconds: Number(seconds) })),
    servers: servers.map(([name]) => name),
    outages: outages.map(([, server, how, seconds, lasting]) => ({ server, how, seconds: Number(seconds), lasting: Number(lasting) })),
    rebalances: rebalances.map(([, seconds, lasting]) => ({ seconds: Number(seconds), lasting: Number(lasting) })),
    env: Object.fromEntries(pairs.map(([, name, value]) => [name, value])),
  };
};

/** The servers and the shop of this run; with `--url` nothing is started. */
const open = async ({ url, up, servers: names }) => {
  if (url) return { urls: { edge: url, commands: url, queries: url } };
  console.log(`starting ${[...names, 'a shop'].join(', ')} …`);
  const servers = [];
  try {
    for (const name of names) servers.push(await startServer(name));
    return await startShop(up, servers);
  } catch (error) {
    await Promise.all(servers.map((server) => server.end()));
    throw error;
  }
};

const close = async ({ keep }, shop) => {
  if (!shop.child) return;
  if (keep) {
    shop.child.unref();
    console.log(`the shop goes on at ${shop.urls.edge}, pid ${shop.child.pid}, data in ${shop.dataDir}`);
    return;
  }
  await stopShop(shop);
  await Promise.all(shop.servers.map((server) => server.end()));
};

const main = async () => {
  const asked = parse();
  const options = asked.original ? { ...asked, up: [] } : setupOf(asked);
  const script = options.original ? resolve(options.subject) : join(root, 'load', `${options.subject.replace(/\.ts$/, '')}.ts`);
  if (!existsSync(script)) fail(2, `no such script: ${script}`);
  if (options.url && options.kills.length + options.rebalances.length + options.servers.length > 0)
    fail(2, '--kill, --rebalance and --with need a shop started here');
  if (options.keep && options.servers.length > 0) fail(2, '--keep leaves no server of --with behind');
  const k6 = findK6();
  const shop = await open(options);
  console.log(`shop at ${shop.urls.edge}`);
  const running = { child: null };
  const interrupt = () => running.child?.kill('SIGINT');
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const run = options.original ? runOriginal : runScenario;
    return (await run({ ...options, script, k6, shop, running })) ? 0 : 1;
  } finally {
    await close(options, shop);
  }
};

main().then(
  (status) => process.exit(status),
  (error) => fail(1, error.message),
);
