import type { z } from 'zod';
import { addCount, changeUnlimited, deletePolicy, findPolicy, type PolicyChanged, type PolicyNow } from '../../domain/couponPolicy.ts';
import type { CommandId, PolicyId } from '../../domain/ids.ts';
import { openedFrom } from '../../domain/shop.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Metadata, Position } from '../../platform/eventStore/eventStore.ts';
import { commandIdOf, fingerprintOf } from '../../platform/idempotency.ts';
import { parse } from '../../platform/input.ts';
import { Problem } from '../../platform/problem.ts';
import type { ZonedTime } from '../../platform/zonedTime.ts';
import type { Told } from '../mailbox.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { PresentGeneration } from '../presentGeneration.ts';
import { newTerms } from '../routes/policies.ts';
import type { ShopSetup } from '../shopSetup.ts';

/** Who calls, as the metadata of the call says it. */
export type Caller = Readonly<{ key: string | null; correlationId: string }>;

/** An answer, the position that holds all it tells of, and whether it is that of an earlier call under the same key. */
export type Done<Answer> = Readonly<{ answer: Answer; position: Position; replayed: boolean }>;

/** `type` 1 limited, 2 unlimited; `discountType` 1 rate, 2 amount. Dates are text. */
export type CouponCreation = Readonly<{
  name: string;
  type: number;
  count: number;
  startDate: string;
  endDate: string;
  expireMinute: number;
  discountType: number;
  discountAmount: number;
}>;
export type CouponUpdate = CouponCreation & Readonly<{ couponId: number }>;
type Terms = z.output<typeof newTerms>;

const LIMITED = 1;
const UNLIMITED = 2;
const ACTOR = 'shop';

/** An identity for a command, and what its events say of where they come from. */
export const commandOf = (scope: readonly string[], actor: string, { key, correlationId }: Caller) => {
  const commandId: CommandId = commandIdOf(scope, key);
  const about: Metadata = { commandId, correlationId, causationId: correlationId, actor };
  return { commandId, about };
};

/** The policy that has this number in the present generation; `null` for what no policy can have. */
export const numberedPolicy = async (generation: PresentGeneration, number: number, about: Metadata): Promise<PolicyId | null> =>
  number < 1 ? null : generation.policyNumbered(number, about);

const wrong = (message: string): Problem => new Problem('invalid-request', message, { message });

const DISCOUNT_TYPES = ['rate', 'amount'] as const;

/** The terms asked for, checked in the order in which these clients know the objections. @throws Problem invalid-request. */
const termsOf = (asked: CouponCreation, dates: ZonedTime): Terms => {
  const discountType = DISCOUNT_TYPES[asked.discountType - 1];
  if (discountType === undefined) throw wrong('discount type value error');
  if (asked.type !== LIMITED && asked.type !== UNLIMITED) throw wrong('type value error');
  if (asked.type === UNLIMITED && asked.count !== 0) throw wrong('without quantity type 일 경우 count 는 반드시 0이여야 합니다.');
  if (asked.type === LIMITED && asked.count <= 0) throw wrong('with quantity type 일 경우 count 는 반드시 0이상 이여야 합니다.');
  return parse(newTerms, {
    name: asked.name,
    count: asked.type === LIMITED ? asked.count : null,
    discountType,
    discountAmount: asked.discountAmount,
    startsAt: rfc3339(dates, asked, 'startDate'),
    endsAt: rfc3339(dates, asked, 'endDate'),
    expireMinutes: asked.expireMinute,
    perUser: 1,
  });
};

const rfc3339 = (dates: ZonedTime, asked: CouponCreation, member: 'startDate' | 'endDate'): string => {
  const at = dates.parse(asked[member]);
  if (at === null) throw new Problem('invalid-request', `${member}: must be a date, as 2023-04-23T15:05:51 or as this server prints them`);
  return new Date(at).toISOString();
};

const unknownPolicy = (message: string): Problem =>
  new Problem('unknown-policy', 'There is no such policy, or it is deleted.', { message });
const UNKNOWN = '존재하지 않는 쿠폰 ID 입니다.';
const UNKNOWN_OR_DELETED = '존재하지 않거나 이미 삭제된 쿠폰 ID 입니다.';
const immutable = (): Problem =>
  new Problem('policy-term-immutable', 'The type never changes.', { message: 'type 은 변경할 수 없습니다.' });

const refusalOf = ({ reason }: Extract<PolicyChanged, { kind: 'refused' }>, unknown: string): Problem => {
  switch (reason) {
    case 'unknown-policy':
      return unknownPolicy(unknown);
    case 'policy-term-immutable':
      return immutable();
    case 'limit-exceeded':
      return new Problem('limit-exceeded', 'The count would be above that of an int32.');
    case 'key-reused':
      return new Problem('key-reused', 'This key belongs to another call.');
  }
};

const doneOf = ({ outcome, position }: Told<PolicyChanged>, unknown: string): Done<PolicyNow> => {
  if (outcome.kind === 'refused') throw refusalOf(outcome, unknown);
  return { answer: outcome.policy, position, replayed: outcome.replayed };
};

/** What seed 004's clients do to coupons, which are policies here. Every call throws a `Problem` with the text they know. */
export class CouponService {
  private readonly mailboxes: Mailboxes;
  private readonly setup: ShopSetup;
  private readonly generation: PresentGeneration;
  private readonly clock: Clock;
  private readonly dates: ZonedTime;

  constructor(mailboxes: Mailboxes, setup: ShopSetup, generation: PresentGeneration, clock: Clock, dates: ZonedTime) {
    this.mailboxes = mailboxes;
    this.setup = setup;
    this.generation = generation;
    this.clock = clock;
    this.dates = dates;
  }

  async create(asked: CouponCreation, caller: Caller): Promise<Done<PolicyNow>> {
    const terms = termsOf(asked, this.dates);
    const { commandId, about } = commandOf(['coupon/create'], ACTOR, caller);
    const creation = { terms, commandId, fingerprint: fingerprintOf(asked), at: this.clock.now() };
    const { outcome, position } = await this.setup.createPolicy(creation, about);
    if (outcome.kind === 'refused') throw refusalOf(outcome, UNKNOWN);
    const opened = openedFrom(outcome.policy);
    const answer = { opened, terms: opened.terms, issued: 0, updatedAt: opened.at, deletedAt: null };
    return { answer, position, replayed: outcome.replayed };
  }

  /** Changes the terms and adds the count in one decision: both, or neither. */
  async update(asked: CouponUpdate, caller: Caller): Promise<Done<PolicyNow>> {
    const { policyId, command, about } = await this.changing('coupon/update', asked, caller, UNKNOWN);
    const { count, perUser: _perUser, ...wished } = await this.termsFor(policyId, asked, about);
    const decide = count === null ? changeUnlimited({ wished, ...command }) : addCount({ add: count, wished, ...command });
    return doneOf(await this.mailboxes.policy(policyId).ask(decide, about), UNKNOWN);
  }

  async delete(asked: Readonly<{ couponId: number }>, caller: Caller): Promise<Done<PolicyNow>> {
    const { policyId, command, about } = await this.changing('coupon/delete', asked, caller, UNKNOWN_OR_DELETED);
    return doneOf(await this.mailboxes.policy(policyId).ask(deletePolicy(command), about), UNKNOWN_OR_DELETED);
  }

  private async changing(operation: string, asked: Readonly<{ couponId: number }>, caller: Caller, unknown: string) {
    const { commandId, about } = commandOf([operation, String(asked.couponId)], ACTOR, caller);
    const policyId = await numberedPolicy(this.generation, asked.couponId, about);
    if (policyId === null) throw unknownPolicy(unknown);
    return { policyId, about, command: { commandId, fingerprint: fingerprintOf(asked), at: this.clock.now() } };
  }

  /** What stands against the policy, or against another type, comes before what stands against the form. */
  private async termsFor(policyId: PolicyId, asked: CouponUpdate, about: Metadata): Promise<Terms> {
    try {
      return termsOf(asked, this.dates);
    } catch (error) {
      const { outcome: policy } = await this.mailboxes.policy(policyId).ask(findPolicy, about);
      if (policy === null) throw unknownPolicy(UNKNOWN);
      if (asked.type !== (policy.terms.count === null ? UNLIMITED : LIMITED)) throw immutable();
      throw error;
    }
  }
}
