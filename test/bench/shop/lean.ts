/**
 * A load generator that costs little: HTTP/1.1 over plain sockets, one request at a time on each. In an open loop each request
 * has its time to start, from which its latency counts, also when no connection was free then: a server that halts is
 * charged with all that had to wait (Gil Tene's "coordinated omission"). Reads a plan as JSON from its standard input and
 * prints the load.
 */
import { connect, type Socket } from 'node:net';
import type { Load, Plan } from './load.ts';

/** Milliseconds that answers may take after the last request was due. */
const DRAIN_MAX_MS = 10_000;
const TICK_MS = 1;
const HEAD_END = '\r\n\r\n';

class Run {
  private readonly plan: Plan;
  private readonly texts: readonly string[];
  private readonly acknowledged: number[];
  private readonly latencies: number[] = [];
  private readonly free: Connection[] = [];
  private readonly due: number[] = [];
  private startedAt = 0;
  private sent = 0;
  private answered = 0;
  private failed = 0;
  private over: boolean = false;
  private finish: () => void = () => undefined;

  constructor(plan: Plan) {
    this.plan = plan;
    const { host } = new URL(plan.url);
    this.texts = plan.requests.map(({ method, path, body }) => {
      const typed = body === '' ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
      return `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${typed}\r\n${body}`;
    });
    this.acknowledged = plan.requests.map(() => 0);
  }

  async play(): Promise<Load> {
    const { url, connections, seconds, rate } = this.plan;
    const { hostname, port } = new URL(url);
    const open = Array.from({ length: connections }, () => Connection.open(hostname, Number(port), this));
    this.free.push(...(await Promise.all(open)));
    const before = process.cpuUsage();
    this.startedAt = performance.now();
    const done = new Promise<void>((resolve) => {
      this.finish = resolve;
    });
    if (rate === null) for (const connection of this.free.splice(0)) this.send(connection, this.startedAt);
    else void this.keepPace(rate);
    setTimeout(() => this.end(), seconds * 1_000);
    setTimeout(() => this.finish(), seconds * 1_000 + DRAIN_MAX_MS).unref();
    await done;
    const { user, system } = process.cpuUsage(before);
    return this.result(user + system);
  }

  answer(connection: Connection, request: number, intendedAt: number, status: number): void {
    const now = performance.now();
    this.answered += 1;
    this.latencies.push(now - intendedAt);
    if (status < 300) this.acknowledged[request] = (this.acknowledged[request] ?? 0) + 1;
    else this.failed += 1;
    const isClosed = this.plan.rate === null;
    const next = isClosed && !this.over ? now : this.due.shift();
    if (next !== undefined) this.send(connection, next);
    else this.free.push(connection);
    this.finishIfDrained();
  }

  private async keepPace(rate: number): Promise<void> {
    const total = this.plan.seconds * rate;
    for (let next = 0; next < total; ) {
      const upTo = Math.min(total, ((performance.now() - this.startedAt) / 1_000) * rate);
      for (; next < upTo; next += 1) {
        const intendedAt = this.startedAt + (next / rate) * 1_000;
        const connection = this.free.shift();
        if (connection) this.send(connection, intendedAt);
        else this.due.push(intendedAt);
      }
      await new Promise((wake) => setTimeout(wake, TICK_MS));
    }
  }

  private send(connection: Connection, intendedAt: number): void {
    const number = this.plan.first + this.sent;
    const request = number % this.texts.length;
    this.sent += 1;
    connection.send((this.texts[request] as string).replace('#', String(number)), request, intendedAt);
  }

  private end(): void {
    this.over = true;
    this.finishIfDrained();
  }

  private finishIfDrained(): void {
    if (this.over && this.answered === this.sent && this.due.length === 0) this.finish();
  }

  private result(cpuUs: number): Load {
    const sorted = Float64Array.from(this.latencies).sort();
    const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
    return {
      sent: this.sent,
      answered: this.answered,
      failed: this.failed + this.sent - this.answered + this.due.length,
      seconds: Math.max(this.plan.seconds, this.plan.rate === null ? 0 : (performance.now() - this.startedAt) / 1_000),
      latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
      acknowledged: this.acknowledged,
      cpuMs: cpuUs / 1_000,
    };
  }
}

class Connection {
  private readonly socket: Socket;
  private readonly run: Run;
  private received = '';
  private request = 0;
  private intendedAt = 0;

  private constructor(socket: Socket, run: Run) {
    this.socket = socket;
    this.run = run;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.take(text));
    socket.on('error', () => undefined);
  }

  static open(host: string, port: number, run: Run): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host, () => resolve(new Connection(socket, run)));
      socket.once('error', reject);
    });
  }

  send(text: string, request: number, intendedAt: number): void {
    this.request = request;
    this.intendedAt = intendedAt;
    this.socket.write(text);
  }

  private take(text: string): void {
    this.received += text;
    const head = this.received.indexOf(HEAD_END);
    if (head < 0) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.received)?.[1];
    if (length === undefined) throw new Error('the generator reads no answers of unknown length');
    if (this.received.length < head + HEAD_END.length + Number(length)) return;
    const status = Number(this.received.slice(9, 12));
    this.received = '';
    this.run.answer(this, this.request, this.intendedAt, status);
  }
}

let input = '';
for await (const chunk of process.stdin) input += String(chunk);
const load = await new Run(JSON.parse(input) as Plan).play();
process.stdout.write(`${JSON.stringify(load)}\n`, () => process.exit(0));
