/**
 * The shapes of stored events: each is a parser, and the type of an event is what its parser returns,
 * so the two cannot drift apart. Unknown members of newer writers pass; a missing or wrong one throws.
 */
export type Shape<T> = (value: unknown, path: string) => T;
export type Parsed<S> = S extends Shape<infer T> ? T : never;

export class MalformedEvent extends Error {
  override name = 'MalformedEvent';
}

const malformed = (path: string, expected: string): never => {
  throw new MalformedEvent(`${path} is not ${expected}`);
};

/** Text, branded as `T`. */
export const text =
  <T extends string = string>(): Shape<T> =>
  (value, path) =>
    typeof value === 'string' ? (value as T) : malformed(path, 'text');

/** A safe integer, branded as `T`. Times are such, in milliseconds since 1970. */
export const integer =
  <T extends number = number>(): Shape<T> =>
  (value, path) =>
    Number.isSafeInteger(value) ? (value as T) : malformed(path, 'a whole number');

export const oneOf =
  <const T extends string>(...options: readonly T[]): Shape<T> =>
  (value, path) =>
    options.includes(value as T) ? (value as T) : malformed(path, `one of ${options.join(', ')}`);

export const orNull =
  <T>(shape: Shape<T>): Shape<T | null> =>
  (value, path) =>
    value === null ? null : shape(value, path);

/** A member that older events, or most events, do not have. */
export const optional =
  <T>(shape: Shape<T>): Shape<T | undefined> =>
  (value, path) =>
    value === undefined ? undefined : shape(value, path);

export const list =
  <T>(shape: Shape<T>): Shape<readonly T[]> =>
  (value, path) =>
    Array.isArray(value) ? value.map((item, at) => shape(item, `${path}/${at}`)) : malformed(path, 'a list');

type Members = Readonly<Record<string, Shape<unknown>>>;
type OptionalIn<M extends Members> = { [K in keyof M]: undefined extends Parsed<M[K]> ? K : never }[keyof M];
type ObjectOf<M extends Members> = Readonly<
  { [K in Exclude<keyof M, OptionalIn<M>>]: Parsed<M[K]> } & { [K in OptionalIn<M>]?: Exclude<Parsed<M[K]>, undefined> }
>;

export const object = <M extends Members>(members: M): Shape<ObjectOf<M>> => {
  const entries = Object.entries(members);
  return (value, path) => {
    if (typeof value !== 'object' || value === null) return malformed(path, 'an object');
    const parsed: Record<string, unknown> = {};
    for (const [name, shape] of entries) {
      const member = shape((value as Record<string, unknown>)[name], `${path}/${name}`);
      if (member !== undefined) parsed[name] = member;
    }
    return parsed as ObjectOf<M>;
  };
};

/** The union of events that a table of shapes describes. */
export type EventOf<Shapes extends Members> = {
  [Type in keyof Shapes & string]: Readonly<{ type: Type; data: Parsed<Shapes[Type]> }>;
}[keyof Shapes & string];
