import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { idInput, parseParams, parseQuery } from '../../platform/input.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { dayIn } from '../../platform/serviceZone.ts';
import { itemReader } from '../itemReader.ts';
import type { KeepAnswers } from '../keepAnswers.ts';
import { PAGE_MAX, page } from '../page.ts';
import { daysBeforeToday, daysUpToToday, productSource, readProducts, readTop } from '../queries/products.ts';
import type { ReadGate } from '../readGate.ts';
import type { ReadModels, ViewName } from '../readModels.ts';
import { answer, answerOne, answerPage, fresh, noQuery, pageQuery } from './answer.ts';
import { product, rankedProduct } from './shapes.ts';

/** Milliseconds: a ranking may be a second older than its view, a list must stay within the lag that views promise. */
const TOP_KEEP_MS = 1_000;
const LIST_KEEP_MS = 200;

const TOP_VIEWS: readonly ViewName[] = ['product_sales', 'products', 'generations'];

const productParams = z.object({ productId: idInput });
const listQuery = z.strictObject(pageQuery);

const ranked = (summary: string) => ({ summary, query: noQuery, answers: { 200: z.array(rankedProduct) } }) satisfies RouteDescription;
const descriptions = {
  top: ranked('What sold best in the three days before today'),
  realtime: ranked('What sold best today and in the two days before'),
  list: { summary: 'The products, by id', query: listQuery, answers: { 200: { body: z.array(product), headers: ['Link'] } } },
  one: { summary: 'A product', params: productParams, query: noQuery, answers: { 200: product }, problems: ['unknown-product'] },
} as const satisfies Record<string, RouteDescription>;

export type Ranking = Readonly<{ zone: string; days: number; limit: number }>;

export const productRoutes = (models: ReadModels, gate: ReadGate, keep: KeepAnswers, clock: Clock, ranking: Ranking): RouteTable => {
  const firstPage = keep({ name: 'products', keepMs: LIST_KEEP_MS, shape: z.array(product), value: page }, () =>
    readProducts(models, PAGE_MAX),
  );
  const rankingOf = (name: string, daysOf: typeof daysUpToToday) =>
    keep({ name, keepMs: TOP_KEEP_MS, shape: z.array(rankedProduct), value: z.string(), settings: Object.values(ranking) }, (today) =>
      readTop(models, daysOf(today, ranking.days), ranking.limit),
    );
  const top = rankingOf('top', daysBeforeToday);
  const realtime = rankingOf('realtime', daysUpToToday);
  const today = () => dayIn(ranking.zone, clock.now());
  const products = itemReader(models, productSource);
  return {
    'GET /products/top': route(descriptions.top, async (req, res) => {
      parseQuery(noQuery, req);
      answer(res, await fresh(gate, req, TOP_VIEWS, (token) => top.read(token, today())));
    }),
    'GET /products/top/realtime': route(descriptions.realtime, async (req, res) => {
      parseQuery(noQuery, req);
      answer(res, await fresh(gate, req, TOP_VIEWS, (token) => realtime.read(token, today())));
    }),
    'GET /products': route(descriptions.list, async (req, res) => {
      const { limit, after } = parseQuery(listQuery, req);
      const found = await fresh(gate, req, ['products', 'generations'], async (token) => {
        if (limit === PAGE_MAX && after === undefined) return firstPage.read(token);
        const { asOf, value } = await readProducts(models, limit, after);
        return { asOf, value: value.value };
      });
      answerPage(req, res, found);
    }),
    'GET /products/:productId': route(descriptions.one, async (req, res) => {
      const { productId } = parseParams(productParams, req);
      parseQuery(noQuery, req);
      const found = await fresh(gate, req, ['products'], () => products.read(productId));
      answerOne(res, found, 'unknown-product', `There is no product ${productId}.`);
    }),
  };
};
