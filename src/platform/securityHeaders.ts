import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';

/** For answers that are data, never pages: what only tells a browser how to show a page is left out. */
const forData = helmet({
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

/** What it sets is the same for every answer, so it is asked once instead of by every request. */
const headers: readonly (readonly [string, string])[] = (() => {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  forData(response.req, response, () => undefined);
  return Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]);
})();

export const securityHeaders = (res: ServerResponse): void => {
  for (const [name, value] of headers) res.setHeader(name, value);
};
