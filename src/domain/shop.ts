import { type OpenedPolicy, type PolicyTerms, policyTerms } from './couponPolicy.ts';
import { type CommandId, type Fingerprint, inGeneration, type PolicyId, type ProductId } from './ids.ts';
import { assertNever, type Decision, type Fold, recall, record, refuse } from './kernel.ts';
import type { Won } from './money.ts';
import { RewindableMap } from './rewindable.ts';
import { type EventOf, integer, list, object, type Parsed, text } from './shape.ts';

export const shopStream = 'shop-main';

const catalogueItem = object({ productId: text<ProductId>(), name: text(), price: integer<Won>(), stock: integer() });
/** Units of a product counted as sold on a day before the log began; `day` is a calendar day, `YYYY-MM-DD`. */
const carriedOverSale = object({ productId: text<ProductId>(), day: text(), quantity: integer() });
export type CarriedOverSale = Parsed<typeof carriedOverSale>;

// These names and shapes are stored. A changed meaning is a new name, never an edit.
export const shopEvents = {
  /** A new generation, with the products that are to be created and the sales it carries over. */
  GenerationOpened: object({
    generation: integer(),
    commandId: text<CommandId>(),
    products: list(catalogueItem),
    carriedOver: list(carriedOverSale),
    at: integer(),
  }),
  /** A policy has its number (R16); its own stream is opened next, by whoever finds it missing. */
  PolicyNumbered: object({
    policyId: text<PolicyId>(),
    number: integer(),
    generation: integer(),
    terms: policyTerms,
    commandId: text<CommandId>(),
    fingerprint: text<Fingerprint>(),
    at: integer(),
  }),
};
export type ShopEvent = EventOf<typeof shopEvents>;
export type OpenedGeneration = Extract<ShopEvent, { type: 'GenerationOpened' }>['data'];
export type NumberedPolicy = Extract<ShopEvent, { type: 'PolicyNumbered' }>['data'];

export type Shop = Readonly<{
  generation: number;
  /** Policies numbered in this generation. */
  policies: number;
  numbered: RewindableMap<CommandId, NumberedPolicy>;
  generations: RewindableMap<CommandId, Readonly<{ opened: OpenedGeneration; policies: readonly NumberedPolicy[] }>>;
}>;

export const shopFold: Fold<Shop, ShopEvent> = {
  get initial() {
    return { generation: 0, policies: 0, numbered: RewindableMap.empty(), generations: RewindableMap.empty() } as Shop;
  },
  evolve: (shop, event) => {
    switch (event.type) {
      case 'GenerationOpened': {
        const opened = event.data;
        return {
          ...shop,
          generation: opened.generation,
          policies: 0,
          generations: shop.generations.set(opened.commandId, { opened, policies: [] }),
        };
      }
      case 'PolicyNumbered': {
        const policy = event.data;
        const init = shop.generations.get(policy.commandId);
        return {
          ...shop,
          policies: policy.number,
          numbered: shop.numbered.set(policy.commandId, policy),
          generations: init ? shop.generations.set(policy.commandId, { ...init, policies: [...init.policies, policy] }) : shop.generations,
        };
      }
      default:
        return assertNever(event);
    }
  },
};

/** The n-th policy of a generation. It has letters, so that it is never taken for a number. */
export const policyIdOf = (generation: number, number: number): PolicyId => `cp${generation}-${number}` as PolicyId;

const POLICY_ID = /^cp(?:0|[1-9][0-9]*)-([1-9][0-9]{0,9})$/;

/** The number in a policy's id; `null` when it is no id that `policyIdOf` makes. */
export const numberOfPolicy = (policyId: string): number | null => {
  const number = Number(POLICY_ID.exec(policyId)?.[1] ?? Number.NaN);
  return number <= NUMBER_MAX ? number : null;
};
/** Numbers are int32: what clients that know policies by number can say. */
export const NUMBER_MAX = 2_147_483_647;

export type PolicyCreation = Readonly<{ terms: PolicyTerms; commandId: CommandId; fingerprint: Fingerprint; at: number }>;
export type Numbered =
  | Readonly<{ kind: 'numbered'; policy: NumberedPolicy; replayed: boolean }>
  | Readonly<{ kind: 'refused'; reason: 'key-reused' }>;

/** Gives a policy the next number of its generation: 1, 2, 3 …, never reused. */
export const numberPolicy =
  (creation: PolicyCreation) =>
  (shop: Shop): Decision<ShopEvent, Numbered> => {
    const known = shop.numbered.get(creation.commandId);
    if (known && known.fingerprint !== creation.fingerprint) return recall({ kind: 'refused', reason: 'key-reused' });
    if (known) return recall({ kind: 'numbered', policy: known, replayed: true });
    const number = shop.policies + 1;
    const policy = { ...creation, number, generation: shop.generation, policyId: policyIdOf(shop.generation, number) };
    return record([{ type: 'PolicyNumbered', data: policy }], { kind: 'numbered', policy, replayed: false });
  };

/** What a new generation starts with. Names are made into ids of that generation; `carriedOver` counts back from its first day. */
export type GenerationOpening = Readonly<{
  commandId: CommandId;
  /** Kept in the first policies, of which there is one at least. */
  fingerprint: Fingerprint;
  products: readonly Readonly<{
    name: string;
    price: Won;
    stock: number;
    soldBefore: readonly Readonly<{ day: string; quantity: number }>[];
  }>[];
  policies: readonly [PolicyTerms, ...PolicyTerms[]];
  at: number;
}>;
export type GenerationStarted =
  | Readonly<{ kind: 'opened'; opened: OpenedGeneration; policies: readonly NumberedPolicy[]; replayed: boolean }>
  | Readonly<{ kind: 'refused'; reason: 'key-reused' }>;

/** Opens the next generation and numbers its first policies, in one append. */
export const openGeneration =
  (opening: GenerationOpening) =>
  (shop: Shop): Decision<ShopEvent, GenerationStarted> => {
    const known = shop.generations.get(opening.commandId);
    if (known && known.policies[0]?.fingerprint !== opening.fingerprint) return recall({ kind: 'refused', reason: 'key-reused' });
    if (known) return recall({ kind: 'opened', ...known, replayed: true });
    const generation = shop.generation + 1;
    const { commandId, fingerprint, at } = opening;
    const items = opening.products.map((item) => ({ ...item, productId: inGeneration(item.name, generation) as ProductId }));
    const opened: OpenedGeneration = {
      generation,
      commandId,
      products: items.map(({ productId, name, price, stock }) => ({ productId, name, price, stock })),
      carriedOver: items.flatMap(({ productId, soldBefore }) => soldBefore.map((sale) => ({ productId, ...sale }))),
      at,
    };
    const policies: NumberedPolicy[] = opening.policies.map((terms, i) => {
      const number = i + 1;
      return { terms, commandId, fingerprint, at, number, generation, policyId: policyIdOf(generation, number) };
    });
    const numbered = policies.map((data): ShopEvent => ({ type: 'PolicyNumbered', data }));
    return record([{ type: 'GenerationOpened', data: opened }, ...numbered], { kind: 'opened', opened, policies, replayed: false });
  };

/** The present generation; asks for the end of the stream, so that every process answers alike. */
export const currentGeneration = (shop: Shop): Decision<ShopEvent, number> => refuse(shop.generation);

export const openedFrom = ({ policyId, number, generation, terms, at }: NumberedPolicy): OpenedPolicy => ({
  policyId,
  number,
  generation,
  terms,
  at,
});
