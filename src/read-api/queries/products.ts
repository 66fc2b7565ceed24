import { daysBefore } from '../../platform/serviceZone.ts';
import { keyOf } from '../cursor.ts';
import type { ItemSource } from '../itemReader.ts';
import { id, number, object, text } from '../json.ts';
import type { Generational } from '../keptAnswer.ts';
import { allOf, type ItemsRow, type Page, pageOf, split } from '../page.ts';
import { PRESENT_GENERATION, type ReadModels, type Snapshot, viewQuery } from '../readModels.ts';
import type { AtGeneration } from './generation.ts';

const product = object({ id: id('product_id'), name: text('name'), price: number('price'), stock: number('stock') });
const list = viewQuery(
  'products',
  ['products', 'generations'],
  allOf(
    `select ${product} as item, product_id as key from products
      where generation = at.generation and product_id collate "C" > $1 order by product_id collate "C" limit $2`,
  ),
  PRESENT_GENERATION,
);
/** Products of every generation. */
export const productSource: ItemSource = { view: 'products', key: 'product_id', item: product };

const ranked = object({ productId: id('product_id'), name: text('name'), soldQty: number('sold') });
const top = viewQuery(
  'top products',
  ['product_sales', 'products', 'generations'],
  allOf(
    `select ${ranked} as item, product_id as key
       from products join (select product_id, sum(quantity) as sold from product_sales where day between $1 and $2 group by product_id) sales
         using (product_id)
      where generation = at.generation and sold > 0
      order by sold desc, product_id collate "C" limit $3`,
  ),
  PRESENT_GENERATION,
);

const LIST = 'products';
const LIST_KEY = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** The products of the present generation by id. */
export const readProducts = async (models: ReadModels, limit: number, after?: string): Promise<Snapshot<Generational<Page>>> => {
  const [above = ''] = keyOf(LIST, after, LIST_KEY) ?? [];
  const { asOf, value } = await models.read<ItemsRow & AtGeneration>(list, [above, limit + 1]);
  return { asOf, value: { of: value, value: pageOf(LIST, value, limit), untilAt: null } };
};

/** Calendar days from the first to the last, both included, as `YYYY-MM-DD`. */
export type Days = readonly [first: string, last: string];

/** The `days` days before `today` (R44). */
export const daysBeforeToday = (today: string, days: number): Days => [daysBefore(today, days), daysBefore(today, 1)];

/** Today and as many days before it as make `days` together. */
export const daysUpToToday = (today: string, days: number): Days => [daysBefore(today, days - 1), today];

/** The products of the present generation that sold best in these days; those nobody bought are not there (R45). */
export const readTop = async (models: ReadModels, days: Days, limit: number): Promise<Snapshot<Generational<string>>> => {
  const { asOf, value } = await models.read<ItemsRow & AtGeneration>(top, [...days, limit]);
  return { asOf, value: { of: value, value: `[${split(value.items).join(',')}]`, untilAt: null } };
};
