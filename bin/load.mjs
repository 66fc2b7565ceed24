#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findK6, root } from '../load/runner/k6.mjs';
import { runOriginal } from '../load/runner/original.mjs';
import { runScenario } from '../load/runner/scenario.mjs';
import { startShop, stopShop } from '../load/runner/shop.mjs';

const usage = `usage: npm run load -- <scenario> [options]         a scenario of load/, for example persona-a-once
       npm run load:original -- <file> [options]   a k6 script from outside, unmodified, then its end states

  --url <address>       use a shop that runs already (audited only when DATA_DIR names its data)
  --keep                leave the shop running afterwards
  --kill <part>@<s>     kill -9 a process of the shop, s seconds after the shoppers set out; may be repeated
  --env <NAME=value>    a variable for the script, for example SCALE=0.1 or SCENARIO=flow_300vus; may be repeated
  --expect <states>     load:original: once, 100-of-300 or full (contracts of the persona flow)

k6 2.x comes from K6_BIN, .cache/bin, the PATH, or is built once with Go 1.25 or later. Status: 0 all held, 1 a miss, 2 wrong usage.`;

const fail = (status, message) => {
  console.error(message);
  process.exit(status);
};

/** Scenarios whose shop is another than that of `till up`. */
const shopOptions = { 'two-processes': ['--command-apis', '2'] };

const parse = () => {
  const options = {
    original: { type: 'boolean' },
    url: { type: 'string' },
    keep: { type: 'boolean' },
    kill: { type: 'string', multiple: true },
    env: { type: 'string', multiple: true },
    expect: { type: 'string' },
    help: { type: 'boolean' },
  };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const kills = (values.kill ?? []).map(
    (text) => /^([\w-]+)@(\d+(?:\.\d+)?)$/.exec(text) ?? fail(2, `--kill ${text}: use <part>@<seconds>`),
  );
  const pairs = (values.env ?? []).map((text) => /^(\w+)=(.*)$/s.exec(text) ?? fail(2, `--env ${text}: use NAME=value`));
  if (values.help) fail(0, usage);
  if (positionals.length !== 1) fail(2, usage);
  if (values.expect && !['once', '100-of-300', 'full'].includes(values.expect)) fail(2, usage);
  return {
    ...values,
    subject: positionals[0],
    kills: kills.map(([, part, seconds]) => ({ part, seconds: Number(seconds) })),
    env: Object.fromEntries(pairs.map(([, name, value]) => [name, value])),
  };
};

const main = async () => {
  const options = parse();
  const script = options.original ? resolve(options.subject) : join(root, 'load', `${options.subject.replace(/\.ts$/, '')}.ts`);
  if (!existsSync(script)) fail(2, `no such script: ${script}`);
  if (options.url && options.kills.length > 0) fail(2, '--kill needs a shop started here');
  const k6 = findK6();
  if (!options.url) console.log('starting a shop …');
  const shop = options.url
    ? { urls: { edge: options.url, commands: options.url, queries: options.url } }
    : await startShop(shopOptions[options.subject.replace(/\.ts$/, '')]);
  console.log(`shop at ${shop.urls.edge}`);
  const running = { child: null };
  const interrupt = () => running.child?.kill('SIGINT');
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const run = options.original ? runOriginal : runScenario;
    return (await run({ ...options, script, k6, shop, running })) ? 0 : 1;
  } finally {
    if (options.keep && shop.child) {
      shop.child.unref();
      console.log(`the shop goes on at ${shop.urls.edge}, pid ${shop.child.pid}, data in ${shop.dataDir}`);
    } else if (shop.child) await stopShop(shop);
  }
};

main().then(
  (status) => process.exit(status),
  (error) => fail(1, error.message),
);
