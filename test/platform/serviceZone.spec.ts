import { expect, it } from '@jest/globals';
import { calendarOf, dayIn, daysBefore } from '../../src/platform/serviceZone.ts';

it.each([
  ['Asia/Seoul', '2026-01-04T14:59:59.999Z', '2026-01-04'],
  ['Asia/Seoul', '2026-01-04T15:00:00.000Z', '2026-01-05'],
  ['Asia/Kathmandu', '2026-01-04T18:14:59.999Z', '2026-01-04'],
  ['Asia/Kathmandu', '2026-01-04T18:15:00.000Z', '2026-01-05'],
  ['America/New_York', '2026-03-08T06:59:59.999Z', '2026-03-08'],
])('in %s, %s is on %s (R43)', (zone, at, day) => {
  expect(dayIn(zone, Date.parse(at))).toBe(day);
});

it('says the same whatever it was asked before', () => {
  const dayOf = calendarOf('Asia/Seoul');
  const midnight = Date.parse('2026-01-04T15:00:00Z');
  expect([midnight, midnight - 1, midnight + 1, midnight - 1].map(dayOf)).toEqual(['2026-01-05', '2026-01-04', '2026-01-05', '2026-01-04']);
});

it('counts days back over months and years', () => {
  expect(daysBefore('2026-01-01', 1)).toBe('2025-12-31');
  expect(daysBefore('2024-03-01', 1)).toBe('2024-02-29');
});
