import { describe, expect, it } from '@jest/globals';
import { ZonedTime } from '../../src/platform/zonedTime.ts';

const seoul = new ZonedTime('Asia/Seoul');
const newYork = new ZonedTime('America/New_York');

describe('a time as text', () => {
  it.each([
    ['Asia/Seoul', '2023-04-29T00:00:00.000Z', 'Sat Apr 29 2023 09:00:00 GMT+0900 (대한민국 표준시)'],
    ['Asia/Seoul', '2024-12-31T15:00:00.999Z', 'Wed Jan 01 2025 00:00:00 GMT+0900 (대한민국 표준시)'],
    ['Asia/Seoul', '1969-12-31T23:59:59.999Z', 'Thu Jan 01 1970 08:59:59 GMT+0900 (대한민국 표준시)'],
    ['America/New_York', '2026-03-08T07:30:00.000Z', 'Sun Mar 08 2026 03:30:00 GMT-0400 (America/New_York)'],
    ['America/New_York', '2026-01-01T00:00:00.000Z', 'Wed Dec 31 2025 19:00:00 GMT-0500 (America/New_York)'],
    ['Asia/Kathmandu', '2026-01-01T00:00:00.000Z', 'Thu Jan 01 2026 05:45:00 GMT+0545 (Asia/Kathmandu)'],
    ['UTC', '0001-01-01T12:00:00.000Z', 'Mon Jan 01 0001 12:00:00 GMT+0000 (협정 세계시)'],
  ])('in %s, %s is %s', (zone, iso, text) => {
    expect(new ZonedTime(zone).text(Date.parse(iso))).toBe(text);
  });

  it('is what any JavaScript reads, and sent back never later than it was', () => {
    for (const zone of ['Asia/Seoul', 'America/New_York', 'Asia/Kathmandu']) {
      const dates = new ZonedTime(zone);
      for (let at = Date.parse('1900-01-01T00:00:00Z'); at < Date.parse('2100-01-01T00:00:00Z'); at += 987_654_321_987) {
        const text = dates.text(at);
        expect(dates.parse(text)).toBe(Math.floor(at / 1_000) * 1_000);
        expect(new Date(text).getTime()).toBe(dates.parse(text));
      }
    }
  });
});

describe('a text as time', () => {
  it.each([
    ['2023-04-23T15:05:51', '2023-04-23T06:05:51.000Z'],
    ['2023-04-23T15:05', '2023-04-23T06:05:00.000Z'],
    ['2023-04-23T15:05:51.25', '2023-04-23T06:05:51.250Z'],
    ['2023-04-23T15:05:51Z', '2023-04-23T15:05:51.000Z'],
    ['2023-04-23T15:05:51.123456789-03:30', '2023-04-23T18:35:51.123Z'],
    ['Sun Apr 23 2023 15:05:51 GMT+0900', '2023-04-23T06:05:51.000Z'],
    ['Sun Apr 23 2023 15:05:51 GMT-0130 (Somewhere)', '2023-04-23T16:35:51.000Z'],
    ['2024-02-29T00:00:00', '2024-02-28T15:00:00.000Z'],
  ])('%s', (text, iso) => {
    expect(new Date(seoul.parse(text) ?? Number.NaN).toISOString()).toBe(iso);
  });

  it.each([
    '',
    'now',
    '1682229951000',
    '2023-04-23',
    '2023-04-23 15:05:51',
    '2023-02-29T00:00:00',
    '2023-04-31T00:00:00',
    '2023-13-01T00:00:00',
    '2023-00-01T00:00:00',
    '2023-04-23T24:00:00',
    '2023-04-23T15:60:00',
    '2023-04-23T15:05:60',
    '2023-04-23T15:05:51+24:00',
    '0000-12-31T00:00:00',
    '9999-12-31T23:59:59-09:00',
    'Sun Foo 23 2023 15:05:51 GMT+0900',
    'Sun Feb 30 2023 15:05:51 GMT+0900',
    'Sun Apr 23 2023 15:05:51',
    `Sun Apr 23 2023 15:05:51 GMT+0900 (${'x'.repeat(65)})`,
    ' 2023-04-23T15:05:51',
  ])('is none: %j', (text) => {
    expect(seoul.parse(text)).toBeNull();
  });

  it.each([
    ['2026-07-01T12:00:00', '2026-07-01T16:00:00.000Z', 'in summer'],
    ['2026-01-01T12:00:00', '2026-01-01T17:00:00.000Z', 'in winter'],
    ['2026-03-08T02:30:00', '2026-03-08T07:30:00.000Z', 'that no clock showed goes on from before the gap'],
    ['2026-11-01T01:30:00', '2026-11-01T05:30:00.000Z', 'that clocks showed twice is the first'],
  ])('without an offset, %s is %s: one %s', (text, iso) => {
    expect(new Date(newYork.parse(text) ?? Number.NaN).toISOString()).toBe(iso);
  });
});
