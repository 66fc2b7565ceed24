import { BACKWARDS, binaryEvent, END, type EventStoreDBClient, NO_STREAM, type ResolvedEvent } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { linkTarget } from '../../../src/embedded/event-store/reads/links.ts';
import { append, atEnd, collect, event, events, startPair, until } from './support.ts';

const linkTo = (target: string) => binaryEvent({ type: '$>', data: Buffer.from(target) });

/** What a reader got, as `event < link`; positions are told apart by whose they are. */
const told = ({ event: recorded, link, commitPosition }: ResolvedEvent): string => {
  const name = recorded === undefined ? 'nothing' : `${recorded.revision}@${recorded.streamId}`;
  const position = commitPosition === (link ?? recorded)?.position?.commit ? '' : ' at a wrong position';
  return link === undefined ? `${name}${position}` : `${name} < ${link.revision}@${link.streamId}${position}`;
};

const given = async () => {
  const { client } = await startPair();
  await append(client, '원본', events(4), NO_STREAM);
  await append(client, 'gone', events(2), NO_STREAM);
  await append(client, 'ended', events(2), NO_STREAM);
  await append(client, 'short', events(3), NO_STREAM);
  const targets = [
    '0@원본',
    '3@원본',
    '4@원본',
    '0@none',
    '1@gone',
    '1@ended',
    '0@short',
    '2@short',
    '-1@원본',
    'x@원본',
    '1',
    `0@${'x'.repeat(3_000)}`,
  ];
  await append(client, 'links', [...targets.map(linkTo), event(9)], NO_STREAM);
  await client.deleteStream('gone');
  await client.tombstoneStream('ended');
  await client.setStreamMetadata('short', { maxCount: 1 });
  return client;
};

const RESOLVED = [
  '0@원본 < 0@links',
  '3@원본 < 1@links',
  'nothing < 2@links',
  'nothing < 3@links',
  'nothing < 4@links',
  'nothing < 5@links',
  'nothing < 6@links',
  '2@short < 7@links',
  '3@원본 < 8@links',
  '9@links',
  'nothing < 10@links',
  'nothing < 11@links',
  '12@links',
];

describe('links', () => {
  it('are events like others for who does not ask', async () => {
    const client = await given();
    const read = await collect(client.readStream('links'));
    expect(read.map(told)).toEqual(RESOLVED.map((_, n) => `${n}@links`));
    expect(Buffer.from(read[0]?.event?.data as Uint8Array).toString()).toBe('0@원본');
  });

  it('are answered with the event they stand for, if readers may see it, at their own position', async () => {
    const client = await given();
    expect((await collect(client.readStream('links', { resolveLinkTos: true }))).map(told)).toEqual(RESOLVED);
    const down = { direction: BACKWARDS, fromRevision: END, resolveLinkTos: true, maxCount: 5 } as const;
    expect((await collect(client.readStream('links', down))).map(told)).toEqual(RESOLVED.toReversed().slice(0, 5));
    const all = await collect(client.readAll({ resolveLinkTos: true }));
    expect(all.map((resolved) => told(resolved as ResolvedEvent)).filter((one) => one.includes('@links'))).toEqual(RESOLVED);
  });

  it.each<[string, (client: EventStoreDBClient) => ReturnType<EventStoreDBClient['subscribeToStream']>]>([
    ['a stream', (client) => client.subscribeToStream('links', { resolveLinkTos: true })],
    ['$all', (client) => client.subscribeToAll({ resolveLinkTos: true }) as unknown as ReturnType<EventStoreDBClient['subscribeToStream']>],
  ])('reach a subscription to %s resolved, stored and live', async (_what, subscribe) => {
    const client = await given();
    const got: string[] = [];
    const subscription = subscribe(client);
    subscription.on('data', (resolved) => got.push(told(resolved as ResolvedEvent)));
    subscription.on('error', () => undefined);
    atEnd(() => subscription.unsubscribe());
    await new Promise<void>((resolve) => subscription.once('caughtUp', () => resolve()));
    await append(client, 'links', linkTo('2@원본'), 12n);
    await until(() => got.includes('2@원본 < 13@links'), 'the live link');
    expect(got.filter((one) => one.includes('@links')).slice(0, RESOLVED.length)).toEqual(RESOLVED);
  });

  it.each([
    ['5@s', { revision: 5, stream: 's' }],
    ['5@a@b', { revision: 5, stream: 'a@b' }],
    ['-1@s', { revision: -1, stream: 's' }],
    ['5', { revision: 5, stream: '' }],
    ['@s', undefined],
    ['s@5', undefined],
    ['1.5@s', undefined],
    ['', undefined],
  ])('%j names %j', (data, target) => {
    expect(linkTarget(data)).toEqual(target);
  });
});
