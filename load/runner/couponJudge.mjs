/** Judgements of coupon runs that need k6's counters, the audit or the whole course of the run. */
import { bounds, told, within } from './judge.mjs';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/**
 * R13: exactly min(count, users who asked) were issued. `names`: how many users there are at most; null when each request had its own.
 * Direct requests count when answered, whatever the answer; queued ones when accepted.
 */
export const demanded = (counters, { count, issued, names, asked }) => {
  const { least, most } =
    asked === 'request' ? bounds(counters, asked) : { least: counters.answered_coupon ?? 0, most: counters.sent_coupon ?? 0 };
  const given = (users) => Math.min(count, users, names ?? users);
  return within('K3 issued = min(count, users)', { least: given(least), most: given(most) }, issued);
};

/**
 * K10: each accepted request has one recorded outcome, and no message lies with the dead letters. `report`: what `till audit` says of a
 * shop that took no other queued requests but the `warmed` ones before, each with its coupon. `deadLetters`: how many there are; null when
 * they cannot be read.
 */
export const queued = (counters, { policyId, issued, warmed }, report, deadLetters) => {
  const { requestsRefused } = report.totals;
  const requestsIssued = report.totals.requestsIssued - warmed;
  const inLog = report.policies.find((policy) => policy.policyId === policyId)?.issued ?? 0;
  const same = (id, due, actual) => within(id, { least: due, most: due }, actual);
  return [
    within('K10 outcomes = accepted', bounds(counters, 'request'), requestsIssued + requestsRefused),
    same('K10 outcomes issued = coupons', issued, requestsIssued),
    same('K10 coupons in the view = in the log', inLog, issued),
    same('K10 dead letters', 0, deadLetters ?? Number.NaN),
  ];
};

/** The minutes (from 0) in which the queue was never empty; `lag` = [[ms since the start, requests that wait], …]. */
export const busyMinutes = (lag) => {
  const least = new Map();
  for (const [at, waiting] of lag) {
    const minute = Math.floor(at / MINUTE_MS);
    least.set(minute, Math.min(least.get(minute) ?? Number.POSITIVE_INFINITY, waiting));
  }
  return [...least].filter(([, waiting]) => waiting > 0).map(([minute]) => minute);
};

/** The first stage in which the lag never was 0; null when it always returned. */
export const overflow = (stages) => stages.find(({ lagMin }) => lagMin > 0)?.name ?? null;

/** Growth of memory in an hour, as a part of its mean: the slope of the line of least squares through [[ms, bytes], …]. */
export const slopePerHour = (samples) => {
  const mean = (of) => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [at, bytes] = [mean(([ms]) => ms), mean(([, b]) => b)];
  const spread = mean(([ms]) => (ms - at) ** 2);
  return spread > 0 && bytes > 0 ? ((mean(([ms, b]) => (ms - at) * (b - bytes)) / spread) * HOUR_MS) / bytes : 0;
};

/** A long run: no process grows after `afterS` seconds, and the queue is empty once in each minute. */
export const soaked = ({ afterS, slopeMaxPerHour }, parts, lag) => {
  const percent = (part) => `${Math.round(part * 10_000) / 100} % an hour`;
  const grown = Object.entries(parts).map(([name, { memory }]) => {
    const slope = slopePerHour(memory.filter(([ms]) => ms >= afterS * 1_000));
    return { id: `K13 memory of ${name}`, ok: slope < slopeMaxPerHour, expected: `< ${percent(slopeMaxPerHour)}`, actual: percent(slope) };
  });
  const busy = busyMinutes(lag);
  const minutes = busy.length === 0 ? 'so' : `never in minutes ${busy.slice(0, 5).join(', ')}`;
  const returned = lag.length > 0 && busy.length === 0;
  return [...grown, { id: 'K10 lag back to 0 each minute', ok: returned, expected: `${told(lag.length)} looks`, actual: minutes }];
};
