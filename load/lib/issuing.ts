import { type Answer, isUnknown, post, send } from './calls.ts';
import { baseUrl } from './environment.ts';
import { count } from './tally.ts';
import type { World } from './world.ts';

/** A user nobody has seen before asks for the coupon over HTTP and is told the outcome at once. */
export const issueToStranger = ({ run, policyIds }: World, nth: number): void => {
  const userId = `${run}-${nth}`;
  const url = `${baseUrl}/coupons?userId=${userId}&policyId=${policyIds[0]}`;
  count('sent', 'coupon');
  const answer: Answer = send(post('direct issue', url, undefined, { expected: [201, 409], key: userId }));
  if (isUnknown(answer)) return;
  count('answered', 'coupon');
  if (answer.status === 201) count('acked', 'coupon');
};
