import { expect } from '@jest/globals';
import type { ProblemName } from '../../src/platform/problem.ts';
import { type Answer, expectProblem, type Json } from './client.ts';

export type Expected = Readonly<{ status: number; message?: string; members?: Json }>;
/** When a problem is told, how it reads then, and what makes it. */
export type Case = readonly [when: string, expected: Expected, provoke: () => Promise<Answer<unknown>>];

/** Problems that no request alone can make: something of the shop fails, is late, or has too much to do. */
export type Fault =
  | 'too-many-open-orders'
  | 'too-many-requests'
  | 'read-model-behind'
  | 'overloaded'
  | 'contended'
  | 'unavailable'
  | 'internal';
/** All others that are ever told. `request-in-progress` is not: a repeat that comes meanwhile gets the answer of the first. */
export type Refusal = Exclude<ProblemName, Fault | 'request-in-progress'>;

/** Problems that pass by themselves say when to come back; all others do not. None tells anything of the inside. */
export const expectCase = (name: string, { status, message, members = {} }: Expected, answer: Answer<unknown>): void => {
  expectProblem(answer, status, name);
  expect(answer.body).toMatchObject(message === undefined ? members : { ...members, message });
  const passes = status === 429 || status === 503;
  expect(answer.headers['retry-after']).toEqual(passes ? expect.stringMatching(/^[1-9]\d*$/) : undefined);
  expect(answer.text).not.toMatch(/hunter2|node_modules|\.ts\b|select |\bat \w+ \(/);
};
