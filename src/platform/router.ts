import { type RequestHandler, Router } from 'express';
import { Problem } from './problem.ts';
import { handlerOf, partsOf, type RouteTable } from './route.ts';

type Method = 'get' | 'post' | 'put' | 'delete';

/**
 * One route a path, so that any other method gets 405 and is told which there are. The routes of each first word stand in a
 * router of their own: a router tries its routes one after the other, and a request need not be held against those of others.
 */
export const routerOf = (table: RouteTable): RequestHandler => {
  const tables = new Map<string, RouteTable>();
  for (const [key, entry] of Object.entries(table)) {
    const word = firstWordOf(partsOf(key)[1]);
    tables.set(word, { ...tables.get(word), [key]: entry });
  }
  const routers = new Map([...tables].map(([word, routes]) => [word, routerOfWord(routes)]));
  return (req, res, next) => {
    const router = routers.get(firstWordOf(req.path));
    if (router) router(req, res, next);
    else next();
  };
};

const routerOfWord = (table: RouteTable): Router => {
  const router = Router({ caseSensitive: true });
  const byPath = new Map<string, Map<string, RequestHandler>>();
  for (const [key, entry] of Object.entries(table)) {
    const [method, path] = partsOf(key);
    byPath.set(path, (byPath.get(path) ?? new Map()).set(method, handlerOf(entry)));
  }
  for (const [path, handlers] of [...byPath].sort(([one], [other]) => (lastIfOpen(one) < lastIfOpen(other) ? -1 : 1))) {
    const route = router.route(path);
    for (const [method, handler] of handlers) route[method.toLowerCase() as Method](handler);
    const allow = [...handlers.keys(), ...(handlers.has('GET') ? ['HEAD'] : [])].join(', ');
    route.all((req, res) => {
      res.setHeader('Allow', allow);
      throw new Problem('method-not-allowed', `${req.path} takes ${allow}.`);
    });
  }
  return router;
};

/** Sorts a word before a parameter in its place: `/coupons/issue` before `/coupons/:couponId`, which would match it too. */
const lastIfOpen = (path: string): string => path.replaceAll(/:\w+/g, '\uffff');

const firstWordOf = (path: string): string => {
  const end = path.indexOf('/', 1);
  return end < 0 ? path : path.slice(0, end);
};
