import { expect, it } from '@jest/globals';
import { asJson, asText, cut } from '../../src/cli/eventsPrint.ts';
import type { RecordedEvent } from '../../src/platform/eventStore/eventStore.ts';

const event: RecordedEvent = {
  id: '0b6f1c3e-0000-4000-8000-000000000001',
  stream: 'account-1',
  type: 'PointsCharged',
  data: { amount: 1000 },
  metadata: { actor: 'ann' },
  revision: 2n ** 62n,
  position: 2n ** 63n - 1n,
  createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
};

it('prints an event as a line of text', () => {
  expect(asText(event)).toBe(`${2n ** 63n - 1n} 2026-01-02T03:04:05.006Z account-1@${2n ** 62n} PointsCharged {"amount":1000}`);
});

it('prints an event as JSON that loses no digit of its place', () => {
  expect(JSON.parse(asJson(event))).toEqual({
    position: '9223372036854775807',
    stream: 'account-1',
    revision: '4611686018427387904',
    id: event.id,
    type: 'PointsCharged',
    created: '2026-01-02T03:04:05.006Z',
    data: { amount: 1000 },
    metadata: { actor: 'ann' },
  });
});

it('says null for metadata that is not there, and base64 for what is not JSON', () => {
  const bytes = Uint8Array.of(0, 1, 254, 255);
  expect(JSON.parse(asJson({ ...event, data: bytes, metadata: undefined }))).toMatchObject({
    data: 'AAH+/w==',
    dataIsBase64: true,
    metadata: null,
  });
  expect(JSON.parse(asJson({ ...event, metadata: bytes }))).toMatchObject({ metadata: 'AAH+/w==', metadataIsBase64: true });
  expect(asText({ ...event, data: bytes })).toMatch(/ <4 bytes: AAH\+\/w==>$/);
});

/** Clear the screen, the same in one C1 byte, a carriage return, a line break for some, right-to-left, half a pair. */
const HOSTILE = ['\u001b[2J', '\u009b2J', '\r', '\u0085', '\u2028', '\u202e', '\ud800', '\u007f', '\ufeff'];

it.each(HOSTILE)('sends %j to no terminal, in no part of a line', (hostile) => {
  const everywhere = { ...event, stream: `a${hostile}`, type: `b${hostile}`, data: { [hostile]: hostile }, metadata: hostile };
  for (const line of [asText(everywhere), asJson(everywhere)]) expect(line).not.toContain(hostile[0]);
  expect(JSON.parse(asJson(everywhere))).toMatchObject({ stream: everywhere.stream, data: { [hostile]: hostile }, metadata: hostile });
});

it('shows letters of every script, and emoji of several parts, as they are', () => {
  const data = { name: '쿠폰 é 👩‍👩‍👧‍👦' };
  expect(asText({ ...event, data })).toContain('쿠폰 é 👩‍👩‍👧‍👦');
  expect(asJson({ ...event, data })).toContain('쿠폰 é 👩‍👩‍👧‍👦');
});

it('cuts data to 200 cells, or to what the terminal leaves', () => {
  const long = { ...event, data: 'x'.repeat(100_000) };
  const head = asText({ ...event, data: 0 }).length - 1;
  expect(asText(long)).toHaveLength(head + 200);
  expect(asText(long, head + 50)).toHaveLength(head + 50);
  expect(asText(long, 10)).toHaveLength(head + 20);
  expect(asText(long).endsWith('x…')).toBe(true);
});

it.each([
  ['abcdef', 6, 'abcdef'],
  ['abcdef', 5, 'abcd…'],
  ['쿠폰', 4, '쿠폰'],
  ['쿠폰북', 5, '쿠폰…'],
  ['쿠폰북', 4, '쿠…'],
  ['👩‍👩‍👧‍👦👩‍👩‍👧‍👦', 3, '👩‍👩‍👧‍👦…'],
  ['', 1, ''],
])('cuts %j to %d cells: %j', (text, cells, expected) => {
  expect(cut(text, cells)).toBe(expected);
});
