/** A peer of the shop, to be measured beside it: `main.js bare|crud|tuned`, DATABASE_URL. Prints `ready URL`. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import pg from 'pg';
import { appOf } from './app.ts';
import { bareJob } from './bare.ts';
import { crudJob } from './crud.ts';
import type { Job } from './job.ts';
import { tunedJob } from './tuned.ts';

/** More of them make a hot row slower, fewer leave Postgres idle. */
const CONNECTIONS_MAX = 10;

const jobs: Readonly<Record<string, (pool: pg.Pool) => Job>> = { bare: () => bareJob, crud: crudJob, tuned: tunedJob };

/** Requests and responses born with the app's prototypes: without it Express changes them at each request, which is its largest cost. */
const preparedServer = (app: Express): http.Server => {
  class Req extends http.IncomingMessage {}
  class Res<R extends http.IncomingMessage = http.IncomingMessage> extends http.ServerResponse<R> {}
  Object.setPrototypeOf(Req.prototype, app.request);
  Object.setPrototypeOf(Res.prototype, app.response);
  app.request = Req.prototype as typeof app.request;
  app.response = Res.prototype as unknown as typeof app.response;
  return http.createServer({ IncomingMessage: Req, ServerResponse: Res }, app);
};

const [name = ''] = process.argv.slice(2);
const jobOf = jobs[name];
if (jobOf === undefined) throw new Error(`no peer is called ${name}`);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: CONNECTIONS_MAX });
const app = appOf(jobOf(pool));
const server = name === 'tuned' ? preparedServer(app) : http.createServer(app);
server.listen(0, '127.0.0.1', () => process.stdout.write(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}\n`));
