// biome-ignore lint/suspicious/noExplicitAny: a document is looked through, whatever it is
type Any = any;

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
const PLACES = ['query', 'header', 'path', 'cookie'];
const TYPES = ['null', 'boolean', 'object', 'array', 'number', 'string', 'integer'];
/** Keywords of JSON Schema 2020-12 that our schemas may use. */
const KEYWORDS = new Set(
  (
    'type enum const minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format minItems maxItems ' +
    'uniqueItems items prefixItems properties required additionalProperties propertyNames minProperties maxProperties allOf anyOf oneOf not ' +
    '$ref title description default examples deprecated readOnly writeOnly'
  ).split(' '),
);

/** Every fault of a document by the rules of OpenAPI 3.1, each with the place where it is. */
export const faultsOf = (document: unknown): readonly string[] => new Rules(document).check();

/**
 * The rules that a document can break while it is still JSON: what is required, what must be unique, what a path and a reference
 * must name. Written from the specification (https://spec.openapis.org/oas/v3.1.1), as far as our documents use it.
 */
class Rules {
  private readonly faults: string[] = [];
  private readonly document: Any;
  private readonly operationIds = new Set<string>();
  private readonly templates = new Set<string>();

  constructor(document: unknown) {
    this.document = document;
  }

  check(): readonly string[] {
    const { openapi, info, paths, components } = this.document;
    this.rule(/^3\.1\.\d+$/.test(openapi), 'openapi', `is ${openapi}`);
    for (const member of ['title', 'version']) this.rule(Boolean(info?.[member]), 'info', `no ${member}`);
    for (const [path, item] of Object.entries<Any>(paths)) this.path(path, item);
    for (const [name, part] of Object.entries(components?.schemas ?? {})) this.schema(part, `schema ${name}`);
    return this.faults;
  }

  private rule(holds: boolean, where: string, what: string): void {
    if (!holds) this.faults.push(`${where}: ${what}`);
  }

  private once(seen: Set<string>, key: string, where: string, what: string): void {
    this.rule(!seen.has(key), where, `${what} twice: ${key}`);
    seen.add(key);
  }

  private deref(value: Any, where: string): Any {
    const ref: unknown = value?.$ref;
    if (typeof ref !== 'string') return value;
    const steps = ref.replace(/^#\//, '').split('/');
    const target = steps.reduce((at: Any, step) => at?.[step.replaceAll('~1', '/').replaceAll('~0', '~')], this.document);
    this.rule(ref.startsWith('#/') && target !== undefined, where, `${ref} names nothing`);
    return target ?? {};
  }

  private path(path: string, item: Any): void {
    this.rule(path.startsWith('/'), path, 'does not begin with /');
    this.once(this.templates, path.replaceAll(/\{\w+\}/g, '{}'), path, 'a path, but for its names,');
    for (const [method, operation] of Object.entries<Any>(item)) this.operation(path, method, operation);
  }

  private operation(path: string, method: string, operation: Any): void {
    const where = `${method} ${path}`;
    this.rule(METHODS.includes(method), where, 'is no method');
    this.rule(Boolean(operation.operationId && operation.summary), where, 'no operationId or summary');
    this.once(this.operationIds, operation.operationId, where, 'an operationId');
    for (const tag of operation.tags ?? []) {
      this.rule(
        this.document.tags.some(({ name }: Any) => name === tag),
        where,
        `unknown tag ${tag}`,
      );
    }
    this.parameters(path, operation, where);
    if (operation.requestBody) this.content(operation.requestBody.content, `${where} body`);
    this.responses(operation, where);
  }

  private parameters(path: string, operation: Any, where: string): void {
    const all = (operation.parameters ?? []).map((given: Any) => this.deref(given, where));
    const seen = new Set<string>();
    for (const { name, in: place, required, schema } of all) {
      this.once(seen, `${place} ${name}`, where, 'a parameter');
      this.rule(typeof name === 'string' && PLACES.includes(place), where, `a parameter without name or place: ${name} in ${place}`);
      this.rule(place !== 'path' || required === true, where, `${name} is in the path and not required`);
      this.rule(place !== 'path' || path.includes(`{${name}}`), where, `${name} is not in the path`);
      this.schema(schema, `${where} ${name}`);
    }
    for (const [, name] of path.matchAll(/\{(\w+)\}/g)) this.rule(seen.has(`path ${name}`), where, `${name} is not described`);
  }

  private responses(operation: Any, where: string): void {
    const responses = Object.entries<Any>(operation.responses ?? {});
    this.rule(
      responses.some(([status]) => status.startsWith('2')),
      where,
      'no success',
    );
    for (const [status, given] of responses) {
      const response = this.deref(given, where);
      this.rule(/^([1-5]\d\d|default)$/.test(status), where, `${status} is no status`);
      this.rule(typeof response.description === 'string' && response.description !== '', where, `${status} has no description`);
      this.content(response.content, `${where} ${status}`);
      for (const [name, header] of Object.entries(response.headers ?? {})) {
        this.schema(this.deref(header, where).schema, `${where} header ${name}`);
      }
    }
  }

  private content(content: Any, where: string): void {
    this.rule(Object.keys(content ?? {}).length > 0, where, 'has no content');
    for (const [type, media] of Object.entries<Any>(content ?? {})) {
      this.rule(/^[\w*]+\/[\w*+.-]+$/.test(type), where, `${type} is no media type`);
      this.schema(media.schema, `${where} ${type}`);
      for (const example of Object.values<Any>(media.examples ?? {})) this.rule('value' in example, where, 'an example without a value');
    }
  }

  private schema(schema: Any, where: string): void {
    if (typeof schema === 'boolean') return;
    this.rule(schema !== null && typeof schema === 'object', where, 'is no schema');
    for (const keyword of Object.keys(schema ?? {})) this.rule(KEYWORDS.has(keyword), where, `unknown keyword ${keyword}`);
    this.deref(schema, where);
    for (const type of [schema?.type ?? []].flat()) this.rule(TYPES.includes(type), where, `unknown type ${type}`);
    for (const name of schema?.required ?? []) this.rule(schema.properties?.[name] !== undefined, where, `requires ${name}, no property`);
    for (const [name, part] of Object.entries(schema?.properties ?? {})) this.schema(part, `${where}.${name}`);
    for (const key of ['items', 'additionalProperties', 'propertyNames', 'not']) {
      if (schema?.[key] !== undefined) this.schema(schema[key], `${where}.${key}`);
    }
    for (const key of ['allOf', 'anyOf', 'oneOf', 'prefixItems'])
      for (const part of schema?.[key] ?? []) this.schema(part, `${where}.${key}`);
  }
}
