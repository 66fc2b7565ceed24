import type { Projection } from '../projection.ts';
import { accounts } from './accounts.ts';
import { balanceHistory } from './balanceHistory.ts';
import { couponHistory } from './couponHistory.ts';
import { couponPolicies } from './couponPolicies.ts';
import { couponPolicyHistory } from './couponPolicyHistory.ts';
import { couponRequests } from './couponRequests.ts';
import { coupons } from './coupons.ts';
import { generations } from './generations.ts';
import { orders } from './orders.ts';
import { productSales } from './productSales.ts';
import { products } from './products.ts';

/** Every read model of the shop. The service zone says when a selling day begins. */
export const allProjections = (serviceZone: string): readonly Projection[] => [
  accounts,
  balanceHistory,
  coupons,
  couponHistory,
  orders,
  products,
  couponPolicies,
  couponPolicyHistory,
  couponRequests,
  productSales(serviceZone),
  generations,
];
