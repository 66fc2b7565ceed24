import type { Metrics } from '../platform/metrics.ts';
import { BACKLOG_MAX } from './backlog.ts';
import type { OrderPublisher, PublisherObserver } from './publisher.ts';

/** What is told, counted. */
export const countedOrders = (metrics: Metrics): PublisherObserver => {
  const published = metrics.counter('till_orders_published_total', 'Placed orders that the queue has acknowledged, repeats included.');
  const parked = metrics.counter('till_orders_parked_total', 'Placed orders that can never be published, and were recorded as such.');
  return { published: (count) => published.inc(count), parked: () => parked.inc() };
};

/** How far the publisher is behind the log, as of its last look. */
export const tellLag = (publisher: OrderPublisher, metrics: Metrics): void => {
  metrics.gauge('till_orders_unpublished', `Placed orders behind the publisher, of which ${BACKLOG_MAX} are counted.`, [], (gauge) => {
    gauge.set(publisher.lag.orders);
  });
  metrics.gauge('till_orders_unpublished_seconds', 'The age of the oldest placed order that is not published.', [], (gauge) => {
    gauge.set(publisher.lag.seconds);
  });
};
