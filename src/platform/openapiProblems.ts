import type { JsonSchema } from './openapiSchemas.ts';
import { isPassing, Problem, type ProblemName, toProblemJson } from './problem.ts';
import type { Refusal, RouteDescription } from './route.ts';

type Kind = NonNullable<RouteDescription['kind']>;

/** Problems that any request of a kind may meet. */
const COMMON: Readonly<Record<Kind, readonly ProblemName[]>> = {
  query: ['invalid-request', 'too-many-requests', 'read-model-behind', 'overloaded', 'unavailable', 'internal'],
  command: ['invalid-request', 'too-many-requests', 'contended', 'overloaded', 'unavailable', 'internal'],
  system: ['internal'],
};
/** Problems of a body, and of a key. */
const OF_BODIES: readonly ProblemName[] = ['payload-too-large', 'unsupported-media-type'];
const OF_KEYS: readonly ProblemName[] = ['request-in-progress', 'key-reused'];

/** The shape of every problem answer (RFC 9457, and `message` for the shop's first clients). */
export const problemSchema: JsonSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'message', 'instance'],
  properties: {
    type: { type: 'string', description: 'Which problem: stable, for clients to match on.', examples: ['/problems/sold-out'] },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What happened here, in English, for people.' },
    message: { type: 'string', description: 'The text that clients of the first shops show.' },
    instance: { type: 'string', description: 'The correlation id of the request, which the log carries too.' },
    errors: {
      type: 'array',
      description: 'What is wrong with the request, member by member.',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: { pointer: { type: 'string', examples: ['/amount'] }, detail: { type: 'string' } },
      },
    },
  },
};

const refusalsOf = ({ problems = [], body }: RouteDescription, kind: Kind, method: string): readonly Refusal[] => [
  ...problems,
  ...(body === undefined ? [] : OF_BODIES),
  ...(kind === 'command' && method === 'POST' ? OF_KEYS : []),
  ...COMMON[kind],
];

const asProblem = (refusal: Refusal): Problem => {
  const [name, status] = typeof refusal === 'string' ? [refusal, undefined] : refusal;
  return new Problem(name, 'What happened here, in English.', status === undefined ? {} : { status });
};

/** Every problem a route may answer, in one response a status. */
export const problemResponses = (description: RouteDescription, kind: Kind, method: string, headers: JsonSchema): JsonSchema => {
  const byStatus = new Map<number, Map<ProblemName, Problem>>();
  for (const problem of refusalsOf(description, kind, method).map(asProblem)) {
    byStatus.set(problem.status, (byStatus.get(problem.status) ?? new Map()).set(problem.problem, problem));
  }
  return Object.fromEntries([...byStatus].map(([status, problems]) => [status, responseOf([...problems.values()], headers)]));
};

const responseOf = (problems: readonly Problem[], headers: JsonSchema): JsonSchema => {
  const types = problems.map(({ problem }) => `/problems/${problem}`);
  const passing = problems.some(({ problem }) => isPassing(problem));
  const example = (problem: Problem) => ({ value: toProblemJson(problem, '8c9f2b6e-52a4-4c7e-9d0e-1f7d5f6a3b21') });
  return {
    description: problems.map(({ problem }) => `\`${problem}\``).join(', '),
    headers: { ...headers, ...(passing ? { 'Retry-After': { $ref: '#/components/headers/Retry-After' } } : {}) },
    content: {
      'application/problem+json': {
        schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { type: { enum: types } } }] },
        examples: Object.fromEntries(problems.map((problem) => [problem.problem, example(problem)])),
      },
    },
  };
};
