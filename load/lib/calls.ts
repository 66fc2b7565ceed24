import { check, sleep } from 'k6';
import http, { type RefinedResponse, type ResponseType } from 'k6/http';
import type { Trend } from 'k6/metrics';
import { countRefusal } from './tally.ts';

/** How long an answer may stay unknown before the shopper gives up, in milliseconds. */
const UNKNOWN_MAX_MS = 60_000;
/** Pause before an unknown request is sent again, in seconds; halved or more by chance so that shoppers do not return in step. */
const RETRY_PAUSE_S = 0.4;
/** How long one try may take, in k6's notation. */
const TRY_MAX = '10s';
/** Unexpected answers one virtual user prints; the runner prints the first twenty of a run. */
const PRINTED_MAX = 2;

export type Answer = RefinedResponse<ResponseType>;

/** One request. `expected` names the statuses that are answers; any other fails the check `<name> <expected>`. */
export type Call = Readonly<{
  name: string;
  method: 'GET' | 'POST';
  url: string;
  expected: readonly number[];
  body?: unknown;
  key?: string;
  readAfter?: string | undefined;
  /** Proves something, is no part of the load: no threshold on rate or time counts it. */
  audit?: boolean;
  time?: Trend;
}>;

/** Start and end in epoch milliseconds of every try of this iteration. */
export type Flight = readonly [from: number, until: number];
let flights: Flight[] = [];
let plateau = { fromMs: Number.POSITIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY };
let printed = 0;

/** Requests sent between the two epoch milliseconds are tagged `phase:plateau`. */
export const markPlateau = (fromMs: number, untilMs: number): void => {
  plateau = { fromMs, untilMs };
};

/** The flights since the last call; the runner derives the peak in flight from all of them. */
export const takeFlights = (): Flight[] => {
  const taken = flights;
  flights = [];
  return taken;
};

export const get = (name: string, url: string, more: Partial<Call> = {}): Call => ({ name, method: 'GET', url, expected: [200], ...more });
export const post = (name: string, url: string, body: unknown, more: Partial<Call> = {}): Call => ({
  name,
  method: 'POST',
  url,
  body,
  expected: [201],
  ...more,
});

/** Sends one call and returns its answer; see `sendAll`. */
export const send = (call: Call): Answer => sendAll([call])[0] as Answer;

/**
 * Sends the calls side by side and returns their answers in order. An unknown answer (no answer, 502–504, a key still in
 * progress) is sent again under the same key for at most 60 s, so a killed process costs time, never an effect.
 */
export const sendAll = (calls: readonly Call[]): Answer[] => {
  const until = Date.now() + UNKNOWN_MAX_MS;
  const answers = tryAll(calls);
  let open = calls.map((_, i) => i).filter((i) => isUnknown(answers[i] as Answer));
  while (open.length > 0 && Date.now() < until) {
    sleep(RETRY_PAUSE_S * (0.5 + Math.random() / 2));
    const again = tryAll(open.map((i) => calls[i] as Call));
    open.forEach((i, n) => {
      answers[i] = again[n] as Answer;
    });
    open = open.filter((i) => isUnknown(answers[i] as Answer));
  }
  calls.forEach((call, i) => {
    judge(call, answers[i] as Answer);
  });
  return answers;
};

/** Whether the outcome of this request is open: the same request under the same key must be sent again. */
export const isUnknown = (answer: Answer): boolean =>
  answer.status === 0 ||
  (answer.status >= 502 && answer.status <= 504) ||
  (answer.status === 409 && problemOf(answer) === 'request-in-progress');

/** The body as JSON, or what stands at `path` in it; `undefined` when it is none: a broken body must fail a check, not end the iteration. */
export const bodyOf = <T>(answer: Answer, path?: string): T | undefined => {
  try {
    return (path === undefined ? answer.json() : answer.json(path)) as T;
  } catch {
    return undefined;
  }
};

/** The problem's name, `internal` from `/problems/internal`; `no-answer` when nothing came back. */
export const problemOf = (answer: Answer): string => {
  if (answer.status === 0) return 'no-answer';
  const { type } = bodyOf<{ type?: string }>(answer) ?? {};
  return type?.replace('/problems/', '') ?? 'other';
};

/** The position a command answered (`Read-After`) or a query stands at (`As-Of`); k6 writes header names in this case. */
export const positionOf = ({ headers }: Answer): string | undefined => {
  const sent: Readonly<Record<string, string | undefined>> = headers;
  return sent['Read-After'] ?? sent['As-Of'];
};

const tryAll = (calls: readonly Call[]): Answer[] => {
  const from = Date.now();
  const [only] = calls;
  const answers = calls.length === 1 && only ? [tryOne(only)] : (http.batch(calls.map(toRequest)) as unknown as Answer[]);
  calls.forEach((call, i) => {
    const answer = answers[i] as Answer;
    const isRefusal = answer.status === 0 || answer.status >= 400;
    if (isRefusal && !(call.audit && call.expected.includes(answer.status))) countRefusal(problemOf(answer));
    if (!call.audit) flights.push([from, Math.floor(from + answer.timings.duration)]);
  });
  return answers;
};

const tryOne = (call: Call): Answer => {
  const { method, url, body, params } = toRequest(call);
  return http.request(method, url, body, params);
};

const callbacks = new Map<string, ReturnType<typeof http.expectedStatuses>>();
const callbackFor = (expected: readonly number[]) => {
  const known = callbacks.get(expected.join()) ?? http.expectedStatuses(...expected);
  callbacks.set(expected.join(), known);
  return known;
};

const toRequest = (call: Call) => {
  const now = Date.now();
  const headers: Record<string, string> = {};
  if (call.body !== undefined) headers['Content-Type'] = 'application/json';
  if (call.key) headers['Idempotency-Key'] = call.key;
  if (call.readAfter) headers['Read-After'] = call.readAfter;
  const tags: Record<string, string> = { name: call.name, audit: String(call.audit ?? false) };
  if (now >= plateau.fromMs && now < plateau.untilMs) tags.phase = 'plateau';
  const responseCallback = callbackFor(call.expected);
  return {
    method: call.method,
    url: call.url,
    body: call.body === undefined ? null : JSON.stringify(call.body),
    params: { headers, tags, timeout: TRY_MAX, responseCallback },
  };
};

const judge = (call: Call, answer: Answer): void => {
  call.time?.add(answer.timings.duration);
  const isExpected = call.expected.includes(answer.status);
  check(answer, { [`${call.name} ${call.expected.join(' or ')}`]: () => isExpected }, { audit: String(call.audit ?? false) });
  if (isExpected || printed >= PRINTED_MAX) return;
  printed += 1;
  console.error(`unexpected ${call.method} ${call.url}: ${answer.status} ${answer.error} ${String(answer.body).slice(0, 400)}`);
};
