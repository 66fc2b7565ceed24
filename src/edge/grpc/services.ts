import type { CouponCreation, CouponService, CouponUpdate, Done } from '../../commands/dialects/seed004.ts';
import type { CouponAfter, OwnCoupon, UserCouponService } from '../../commands/dialects/seed004Coupons.ts';
import type { PolicyNow } from '../../domain/couponPolicy.ts';
import type { ZonedTime } from '../../platform/zonedTime.ts';
import type { CouponsAsked, Seed004Queries } from '../../read-api/dialects/seed004.ts';
import type { Call, Calls, Context, Reply } from './call.ts';
import { couponWithStock, listedPolicy, storageAfter, storageOf } from './messages.ts';

export type Sides = Readonly<{ coupons: CouponService; userCoupons: UserCouponService; queries: Seed004Queries; dates: ZonedTime }>;

type Shows = Parameters<Seed004Queries['shows']>[1];
/** What the lists of policies, of coupons, and of coupons that were used are read from. */
const POLICIES: Shows = ['coupon_policies', 'generations'];
const COUPONS: Shows = ['coupons', 'coupon_policies'];
const COUPON_USES: Shows = ['coupons', 'coupon_history'];

/** A method whose message has the form that its `.proto` declares. */
const typed = <Asked>(call: (asked: Asked, context: Context) => Promise<Reply>): Call => call as unknown as Call;

/** Holds the answer to a command back until lists show it; one that they do not show in time carries its position. */
const replying = async <Answer>(queries: Seed004Queries, done: Done<Answer>, views: Shows, message: object): Promise<Reply> => {
  const isShown = await queries.shows(done.position, views);
  return { message, readAfter: isShown ? null : done.position, replayed: done.replayed };
};

const listing = (message: object): Reply => ({ message, readAfter: null, replayed: false });

/** Both services of seed 004, each method a thin map onto the use cases of the two sides. */
export const callsOf = ({ coupons, userCoupons, queries, dates }: Sides): Calls => {
  const policy = (done: Done<PolicyNow>): Promise<Reply> =>
    replying(queries, done, POLICIES, couponWithStock(listedPolicy(done.answer), dates));
  const storage = (id: number, done: Done<CouponAfter>): Promise<Reply> =>
    replying(queries, done, COUPON_USES, storageAfter(id, done.answer, dates));
  type Named = OwnCoupon & Readonly<{ id: number }>;
  return {
    '/coupon.CouponService/FindAll': async (_asked, { readAfter }) => {
      const listed = await queries.issuable(readAfter);
      return listing({ coupons: listed.map((one) => couponWithStock(one, dates)) });
    },
    '/coupon.CouponService/Create': typed<CouponCreation>(async (asked, context) => policy(await coupons.create(asked, context))),
    '/coupon.CouponService/Update': typed<CouponUpdate>(async (asked, context) => policy(await coupons.update(asked, context))),
    '/coupon.CouponService/Delete': typed<{ couponId: number }>(async (asked, context) => policy(await coupons.delete(asked, context))),
    '/user_coupon.UserCouponService/Give': typed<OwnCoupon>(async (asked, context) => {
      const done = await userCoupons.give(asked, context);
      return replying(queries, done, COUPONS, { isReceived: true });
    }),
    '/user_coupon.UserCouponService/FindAll': typed<CouponsAsked>(async (asked, { readAfter }) => {
      const listed = await queries.couponsOf(asked, readAfter);
      return listing({ userCouponStorages: listed.map((one) => storageOf(one, dates)) });
    }),
    '/user_coupon.UserCouponService/Use': typed<Named & { productId: string }>(async ({ id, ...asked }, context) =>
      storage(id, await userCoupons.use(await queries.couponNumbered(id), asked, context)),
    ),
    '/user_coupon.UserCouponService/UseCancel': typed<Named>(async ({ id, ...asked }, context) =>
      storage(id, await userCoupons.cancelUse(await queries.couponNumbered(id), asked, context)),
    ),
    '/user_coupon.UserCouponService/Delete': typed<Named>(async ({ id, ...asked }, context) =>
      storage(id, await userCoupons.delete(await queries.couponNumbered(id), asked, context)),
    ),
  };
};
