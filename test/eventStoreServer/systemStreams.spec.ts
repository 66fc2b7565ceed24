import {
  isMetastream,
  isSystemStream,
  jsonEvent,
  metastreamOf,
  NO_STREAM,
  originalStreamOf,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, freshName, numbered, numbersIn, serverContract } from './support.ts';

describe('names of system streams', () => {
  it.each([
    ['hello', false, false],
    ['', false, false],
    ['he$llo', false, false],
    ['$hello', true, false],
    ['$$hello', true, true],
    ['$$$hello', true, true],
  ])('%j', (name, isSystem, isMeta) => {
    expect([isSystemStream(name), isMetastream(name)]).toEqual([isSystem, isMeta]);
  });

  it('a stream and its metadata stream name each other', () => {
    expect(metastreamOf('계좌-1')).toBe('$$계좌-1');
    expect(originalStreamOf('$$계좌-1')).toBe('계좌-1');
  });
});

serverContract('system streams', ({ client }) => {
  it('$all begins with events of the system that say when they were written', async () => {
    const system = (await collect(client().readAll({ maxCount: 500 }))).filter(({ event }) => isSystemStream(event?.streamId ?? ''));
    expect(system.length).toBeGreaterThan(0);
    for (const { event } of system) {
      expect(event?.type).toMatch(/^\$/);
      expect(event?.created.valueOf()).toBeGreaterThan(Date.parse('2020-01-01'));
      expect(event?.created.valueOf()).toBeLessThanOrEqual(Date.now());
    }
  });

  it('are streams: they take events and give them back', async () => {
    const stream = `$${freshName('own')}`;
    expect(await client().appendToStream(stream, numbered(3), { expectedRevision: NO_STREAM })).toMatchObject({ nextExpectedRevision: 2n });
    expect(numbersIn(await collect(client().readStream(stream)))).toEqual([0, 1, 2]);
    await expect(client().appendToStream(stream, numbered(1), { expectedRevision: NO_STREAM })).rejects.toBeInstanceOf(
      WrongExpectedVersionError,
    );
  });

  it('have metadata that counts', async () => {
    const stream = `$${freshName('own')}`;
    await client().setStreamMetadata(stream, { maxCount: 1 });
    await client().appendToStream(stream, numbered(3));
    expect(numbersIn(await collect(client().readStream(stream)))).toEqual([2]);
    expect(await client().getStreamMetadata(stream)).toMatchObject({ streamName: stream, metadata: { maxCount: 1 } });
  });

  it('types that begin with $ are types', async () => {
    const stream = freshName();
    await client().appendToStream(stream, jsonEvent({ type: '$own', data: { n: 1 } }));
    const [resolved] = await collect(client().readStream(stream));
    expect(resolved?.event).toMatchObject({ type: '$own', data: { n: 1 } });
  });

  it('that nobody wrote are not found', async () => {
    await expect(collect(client().readStream(`$ce-${freshName('none')}`))).rejects.toBeInstanceOf(StreamNotFoundError);
    await expect(collect(client().readStream(metastreamOf(freshName())))).rejects.toBeInstanceOf(StreamNotFoundError);
  });
});
