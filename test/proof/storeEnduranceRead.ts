import type { EventStoreDBClient } from '@eventstore/db-client';
import type { Filled } from './storeEnduranceFill.ts';

const VIOLATIONS_MAX = 20;

const perSecond = (count: number, startedAt: number): string => ((count / (performance.now() - startedAt)) * 1_000).toFixed(0);

/** Reads the whole log, and one long stream, and returns what must not be: holes, positions that do not grow, acknowledged events that are not there. */
export const readBack = async (client: EventStoreDBClient, filled: Filled, tell: (line: string) => void): Promise<readonly string[]> => {
  const violations: string[] = [];
  const violated = (what: string): void => {
    if (violations.length < VIOLATIONS_MAX) violations.push(what);
  };
  const last = new Map<string, bigint>();
  let position = -1n;
  let events = 0;
  let startedAt = performance.now();
  for await (const { event } of client.readAll()) {
    if (event === undefined || event.streamId.startsWith('$')) continue;
    const expected = (last.get(event.streamId) ?? -1n) + 1n;
    if (event.revision !== expected) violated(`${event.streamId} has revision ${event.revision} where ${expected} should be`);
    if (event.position.commit <= position) violated(`position ${event.position.commit} comes behind ${position}`);
    position = event.position.commit;
    last.set(event.streamId, event.revision);
    events++;
  }
  tell(`${events} events read, ${perSecond(events, startedAt)} a second`);
  for (const [stream, revision] of filled.revisions) {
    const there = last.get(stream) ?? -1n;
    if (there < revision) violated(`${stream} was acknowledged to ${revision}, and ends at ${there}`);
  }

  startedAt = performance.now();
  let next = 0n;
  for await (const { event } of client.readStream(filled.longStream)) {
    if (event?.revision !== next) violated(`${filled.longStream}, read alone, has revision ${event?.revision} where ${next} should be`);
    next++;
  }
  if (next - 1n !== last.get(filled.longStream)) violated(`${filled.longStream}, read alone, has ${next} events`);
  tell(`${next} events of one stream read, ${perSecond(Number(next), startedAt)} a second`);
  return violations;
};
