import { accountEvents } from './account.ts';
import { couponPolicyEvents } from './couponPolicy.ts';
import { inventoryEvents } from './inventory.ts';
import { productEvents } from './product.ts';
import { type EventOf, MalformedEvent, type Shape } from './shape.ts';
import { shopEvents } from './shop.ts';

/** Every event type that is stored, with its parser: the only list of names. */
export const eventShapes = { ...accountEvents, ...couponPolicyEvents, ...inventoryEvents, ...productEvents, ...shopEvents };
export type DomainEvent = EventOf<typeof eventShapes>;

const shapes: ReadonlyMap<string, Shape<unknown>> = new Map(Object.entries(eventShapes));
const categories: ReadonlySet<string> = new Set(['account', 'couponPolicy', 'inventory', 'product', 'shop']);

/** Whether a stream is one of ours. Events of other streams are passed over. */
export const isOurs = (stream: string): boolean => {
  const dash = stream.indexOf('-');
  return dash > 0 && categories.has(stream.slice(0, dash));
};

/** An event of a newer writer: this process is too old to decide on it or to show it. */
export class UnknownEventType extends Error {
  override name = 'UnknownEventType';
}

/**
 * A stored event as a typed one.
 * @throws UnknownEventType when no shape has this name.
 * @throws MalformedEvent when the data does not have the shape.
 */
export const parseEvent = (stored: Readonly<{ type: string; data: unknown }>): DomainEvent => {
  const shape = shapes.get(stored.type);
  if (!shape) throw new UnknownEventType(`no event is called ${stored.type}`);
  return { type: stored.type, data: shape(stored.data, stored.type) } as DomainEvent;
};

export { MalformedEvent };
