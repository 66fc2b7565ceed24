import { z } from 'zod';
import { problemResponses, problemSchema } from './openapiProblems.ts';
import { inputSchema, type JsonSchema, outputSchema, parametersOf } from './openapiSchemas.ts';
import { type Answered, type AnswerHeader, descriptionOf, partsOf, type RouteDescription, type RouteTable } from './route.ts';

/** The version of the interface, not of the program: it grows when a client could notice. */
const API_VERSION = '1.0';

const POSITION = { type: 'string', pattern: '^(0|[1-9][0-9]{0,18})$', examples: ['48211'] } as const;

const ANSWER_HEADERS: Readonly<Record<AnswerHeader | 'Read-After' | 'As-Of' | 'X-Correlation-Id', readonly [string, JsonSchema]>> = {
  'Read-After': ['The position that a query must reach to see what this answer rests on.', POSITION],
  'As-Of': ['The position at which the views were when they gave this answer.', POSITION],
  'X-Correlation-Id': ['The id of this request in the log and in every event it caused.', { type: 'string' }],
  'Idempotent-Replayed': ['The answer to an earlier request with this key, made from what was recorded.', { const: 'true' }],
  Location: ['Where the new thing is read.', { type: 'string' }],
  Link: ['The next page: `<…>; rel="next"`. Absent on the last one.', { type: 'string' }],
  'Retry-After': ['Seconds after which to ask again.', { type: 'string', examples: ['1'] }],
  'Cache-Control': ['`no-store` on what belongs to one user.', { type: 'string' }],
};

/** Parameters that all routes of a kind take beside their own. */
const PARAMETERS = {
  'Idempotency-Key': {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'Makes a repeat harmless: the same key and request get the recorded answer again. 1–255 printable ASCII characters.',
    schema: { type: 'string', pattern: '^[ -~]*[!#-~][ -~]*$', maxLength: 255, examples: ['3f0c6f3e-charge-17'] },
  },
  'Read-After': {
    name: 'Read-After',
    in: 'header',
    required: false,
    description: 'Answer only from views at or past this position, which an earlier answer gave. Waits 2 s at most.',
    schema: POSITION,
  },
  readAfter: {
    name: 'readAfter',
    in: 'query',
    required: false,
    description: 'The same as the header Read-After, for clients that cannot set one. The header wins.',
    schema: POSITION,
  },
} as const;

type Kind = NonNullable<RouteDescription['kind']>;
const TAGS: Readonly<Record<Kind, string>> = { command: 'Commands', query: 'Queries', system: 'Running it' };
const MARKS: Readonly<Record<Kind, readonly (keyof typeof ANSWER_HEADERS)[]>> = {
  command: ['Read-After', 'X-Correlation-Id'],
  query: ['As-Of', 'X-Correlation-Id'],
  system: ['X-Correlation-Id'],
};

/** An OpenAPI 3.1 document. */
export type OpenApiDocument = Readonly<{
  openapi: string;
  info: JsonSchema;
  tags: readonly JsonSchema[];
  paths: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;
  components: JsonSchema;
}>;

/** The document of all described routes, made of the parsers that they use. */
export const documentOf = (title: string, tables: readonly RouteTable[]): OpenApiDocument => {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const [key, entry] of tables.flatMap((table) => Object.entries(table))) {
    const description = descriptionOf(entry);
    if (description === null) continue;
    const [method, path] = partsOf(key);
    const template = path.replace(/:(\w+)/g, '{$1}');
    paths[template] = { ...paths[template], [method.toLowerCase()]: operationOf(method, template, description) };
  }
  return {
    openapi: '3.1.1',
    info: { title, version: API_VERSION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    tags: Object.values(TAGS).map((name) => ({ name })),
    paths,
    components: { schemas: { Problem: problemSchema }, parameters: PARAMETERS, headers: headerComponents() },
  };
};

const headerComponents = (): JsonSchema =>
  Object.fromEntries(Object.entries(ANSWER_HEADERS).map(([name, [description, schema]]) => [name, { description, schema }]));

const operationOf = (method: string, path: string, description: RouteDescription): JsonSchema => {
  const { summary, details, params, query, body, bodyOptional = false, answers } = description;
  const kind = description.kind ?? (method === 'GET' ? 'query' : 'command');
  const marks = refsTo('headers', MARKS[kind]);
  const parameters = [...parametersOf('path', params), ...parametersOf('query', query), ...commonParameters(kind, method)];
  return {
    tags: [TAGS[kind]],
    operationId: operationIdOf(method, path),
    summary,
    ...(details === undefined ? {} : { description: details }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: !bodyOptional, content: { 'application/json': { schema: inputSchema(body) } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answered]) => [status, answerOf(answered, marks)])),
      ...problemResponses(description, kind, method, marks),
    },
  };
};

const commonParameters = (kind: Kind, method: string): readonly JsonSchema[] => {
  if (kind === 'query') return [parameterRef('Read-After'), parameterRef('readAfter')];
  return kind === 'command' && method === 'POST' ? [parameterRef('Idempotency-Key')] : [];
};

const parameterRef = (name: keyof typeof PARAMETERS): JsonSchema => ({ $ref: `#/components/parameters/${name}` });

const refsTo = (component: string, names: readonly string[]): JsonSchema =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/${component}/${name}` }]));

const answerOf = (answered: Answered, marks: JsonSchema): JsonSchema => {
  const { body, headers = [], what = 'Done.', type = 'application/json' } = answered instanceof z.ZodType ? { body: answered } : answered;
  return {
    description: what,
    headers: { ...marks, ...refsTo('headers', headers) },
    content: { [type]: { schema: outputSchema(body) } },
  };
};

/** `POST /users/{userId}/balance` → `postUsersByUserIdBalance`: stable, since clients are generated from it. */
const operationIdOf = (method: string, path: string): string => {
  const words = path.split(/[/.-]/).filter(Boolean);
  const named = words.map((word) => (word.startsWith('{') ? `By${capital(word.slice(1, -1))}` : capital(word)));
  return `${method.toLowerCase()}${named.join('')}`;
};

const capital = (word: string): string => `${word.charAt(0).toUpperCase()}${word.slice(1)}`;

/** One document of several, for a place that serves what all of them serve. The first wins where two describe the same. */
export const mergedDocument = (title: string, [first, ...others]: readonly [OpenApiDocument, ...OpenApiDocument[]]): OpenApiDocument => {
  const paths: Record<string, Readonly<Record<string, JsonSchema>>> = { ...first.paths };
  for (const document of others) {
    for (const [path, operations] of Object.entries(document.paths)) paths[path] = { ...operations, ...paths[path] };
  }
  return { ...first, info: { ...first.info, title }, paths };
};
