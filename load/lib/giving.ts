import { check } from 'k6';
import { POLICY_NUMBER, WARM_POLICY_NUMBER } from './couponRun.ts';
import { isUnknownRpc, rpc, type Status } from './rpc.ts';
import type { Ramp } from './stages.ts';
import type { Thresholds } from './summary.ts';
import { count } from './tally.ts';
import type { World } from './world.ts';

/** A coupon was given, or there was none left; a user who has one may be told so where users come back. */
const outcomes: readonly Status[] = ['OK', 'ResourceExhausted'];
const received = { 'coupon received': ({ isReceived }: { isReceived?: boolean }) => isReceived === true };
const listed = { 'coupon listed': (all: readonly { id: number }[]) => all.some(({ id }) => id === POLICY_NUMBER) };

const findAll = rpc('find_all', ['OK']);
const warm = rpc('warm', outcomes);

const giver = (expected: readonly Status[]) => {
  const give = rpc('give', expected);
  return (userId: string): void => {
    count('sent', 'coupon');
    const answer = give({ userId, couponId: POLICY_NUMBER }, userId);
    if (isUnknownRpc(answer)) return;
    count('answered', 'coupon');
    if (answer.status !== 'OK') return;
    count('acked', 'coupon');
    check(answer.response.message as { isReceived?: boolean }, received);
  };
};
const give = giver(outcomes);
const giveAgain = giver([...outcomes, 'AlreadyExists']);

/** A user nobody has seen before asks for the coupon. */
export const giveToStranger = ({ run }: World, nth: number): void => give(`${run}-${nth}`);

/** The seed's visit: looks at the coupons there are, then asks for one. */
export const lookAndGive = (world: World, nth: number): void => {
  const message = findAll({}).response.message as { coupons?: readonly { id: number }[] } | null;
  check(message?.coupons ?? [], listed);
  giveToStranger(world, nth);
};

/** The same few users come again and again. */
export const giveToOneOf =
  (names: number) =>
  ({ run }: World, nth: number): void =>
    giveAgain(`${run}-${nth % names}`);

/** Gives to a stranger before a run: code that was used for a while is several times faster. */
export const warmGive = (nth: number): void => void warm({ userId: `warm-${nth}`, couponId: WARM_POLICY_NUMBER });

/** 95 % of the calls over gRPC, within these milliseconds; the few over HTTP only prepare and prove. */
export const giveLimits = (p95Ms: number | null): Thresholds => ({
  'http_req_duration{audit:false}': [],
  'grpc_req_duration{audit:false}': p95Ms === null ? [] : [`p(95)<${p95Ms}`],
});

/** Up to 1,000 users and down again, 30 s each; 300 twice, as in the seed. */
export const ladder: Ramp = {
  from: 0,
  stages: [100, 200, 300, 300, 400, 500, 600, 700, 800, 900, 1_000, 900, 800, 700, 600, 500, 400, 300, 200, 100].map((vus) => ({
    vus,
    s: 30,
  })),
};
