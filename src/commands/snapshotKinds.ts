import { type Account, accountFold } from '../domain/account.ts';
import { type CouponPolicy, couponPolicyFold } from '../domain/couponPolicy.ts';
import type { CommandId, UserId } from '../domain/ids.ts';
import { type Inventory, inventoryFold, VERDICTS_PER_GENERATION } from '../domain/inventory.ts';
import { RewindableMap } from '../domain/rewindable.ts';
import type { SnapshotKind } from './snapshots.ts';

// A fold that reads the same events into another state is another version: snapshots of the old one are void then. A test
// folds a history of every event and fails when what comes out has changed under the same version.

/** The stock ledger: also its length is held against the snapshot, so that a store that lost events is noticed. */
export const inventorySnapshots: SnapshotKind<Inventory> = {
  version: `inventory 1 of ${VERDICTS_PER_GENERATION}`,
  everyEvents: 50_000,
  everyPart: 0,
  always: true,
  shape: { initial: () => inventoryFold.initial },
};

const byCommandAndUser = (policy: CouponPolicy): CouponPolicy => {
  const coupons = policy.issued
    .entries()
    .map(([, coupon]) => coupon)
    .sort((a, b) => a.serial - b.serial);
  return {
    ...policy,
    byCommand: RewindableMap.from<CommandId, (typeof coupons)[number]>(coupons.map((coupon) => [coupon.commandId, coupon])),
    byUser: RewindableMap.from<UserId, (typeof coupons)[number]>(coupons.map((coupon) => [coupon.userId, coupon])),
  };
};

export const policySnapshots: SnapshotKind<CouponPolicy> = {
  version: 'couponPolicy 2',
  everyEvents: 10_000,
  everyPart: 1 / 4,
  always: false,
  shape: { initial: () => couponPolicyFold.initial, derived: ['byCommand', 'byUser'], derive: byCommandAndUser },
};

export const accountSnapshots: SnapshotKind<Account> = {
  version: 'account 1',
  everyEvents: 5_000,
  everyPart: 1 / 4,
  always: false,
  shape: { initial: () => accountFold.initial },
};
