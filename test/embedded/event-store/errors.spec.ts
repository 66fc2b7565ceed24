import {
  binaryEvent,
  DeadlineExceededError,
  MaxAppendSizeExceededError,
  NO_STREAM,
  persistentSubscriptionToStreamSettingsFromDefaults,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { supportedMethods } from '../../../src/embedded/event-store/serverInfo.ts';
import { ProtoReader, ProtoWriter } from '../../../src/embedded/event-store/transport/protobuf.ts';
import { append, collect, event, events, rawCall, startPair, startServer, unaryAppend } from './support.ts';

const CLIENT = '/event_store.client';

describe.each(['account-1', '계좌-1', '🛒 ü\n', 'é'.repeat(512)])('errors about the stream %j', (stream) => {
  it('reach the caller as the classes of the client', async () => {
    const { client } = await startPair();
    const big = binaryEvent({ type: 'Big', data: new Uint8Array(1_048_577) });
    await expect(collect(client.readStream(stream))).rejects.toBeInstanceOf(StreamNotFoundError);
    await append(client, stream, events(2), NO_STREAM);
    for (const appendTo of [append, unaryAppend]) {
      const wrong = appendTo(client, stream, event(9), NO_STREAM);
      await expect(wrong).rejects.toBeInstanceOf(WrongExpectedVersionError);
      await expect(wrong).rejects.toMatchObject({ streamName: stream, actualVersion: 1n });
      await expect(appendTo(client, stream, big, 1n)).rejects.toBeInstanceOf(MaxAppendSizeExceededError);
    }
    await expect(client.deleteStream(stream, { expectedRevision: 7n })).rejects.toBeInstanceOf(WrongExpectedVersionError);
    await expect(client.tombstoneStream(stream, { expectedRevision: 7n })).rejects.toMatchObject({
      expectedVersion: 7n,
      actualVersion: 1n,
    });
    await client.tombstoneStream(stream);
    await expect(append(client, stream, event(9), 1n)).rejects.toMatchObject({ streamName: stream });
    for (const refused of [
      () => append(client, stream, event(9), 1n),
      () => unaryAppend(client, stream, event(9), 1n),
      () => client.deleteStream(stream),
      () => client.tombstoneStream(stream),
      () => collect(client.readStream(stream)),
      () => collect(client.subscribeToStream(stream)),
    ]) {
      await expect(refused()).rejects.toBeInstanceOf(StreamDeletedError);
    }
  });
});

describe('errors about a stream whose name no header can carry', () => {
  it('name it percent-encoded, where the client takes the name from a header', async () => {
    const { client } = await startPair();
    await expect(client.deleteStream('계좌-1')).rejects.toMatchObject({ streamName: encodeURIComponent('계좌-1') });
    await expect(client.deleteStream(' a ')).rejects.toMatchObject({ streamName: '%20a%20' });
    await expect(client.deleteStream('a b%')).rejects.toMatchObject({ streamName: 'a b%' });
  });
});

describe('an event without a type or content type', () => {
  const target = (options: ProtoWriter) => options.message(1, (identifier) => identifier.string(3, 's')).empty(4);
  const id = (written: ProtoWriter) => written.string(2, '00000000-0000-4000-8000-000000000001');
  const typeOnly = (event: ProtoWriter) => {
    event.message(1, id).message(2, (entry) => entry.string(1, 'type').string(2, 'T'));
  };

  it('is refused by both appends, each in its way, and nothing is written', async () => {
    const { server, client } = await startPair();
    const unary = [new ProtoWriter().message(1, target).take(), new ProtoWriter().message(2, typeOnly).take()];
    expect((await rawCall(server, `${CLIENT}.streams.Streams/Append`, ...unary)).trailers).toMatchObject({
      'grpc-status': '3',
      exception: 'missing-required-metadata-property',
      'required-metadata-properties': 'type,content-type',
    });
    const batch = new ProtoWriter().message(1, id).message(2, target).message(3, typeOnly).uint(4, 1).take();
    const { status, messages } = await rawCall(server, `${CLIENT}.streams.Streams/BatchAppend`, batch);
    expect([status, messages.length, String(messages[0]).includes('event_store.client.BadRequest')]).toEqual([0, 1, true]);
    await expect(collect(client.readStream('s'))).rejects.toBeInstanceOf(StreamNotFoundError);
  });
});

describe('deadlines of appends', () => {
  const options = (deadline: (writer: ProtoWriter) => void): Buffer =>
    new ProtoWriter()
      .message(1, (id) => id.string(2, '00000000-0000-4000-8000-000000000001'))
      .message(2, (written) => {
        written.message(1, (identifier) => identifier.string(3, 's')).empty(4);
        deadline(written);
      })
      .uint(4, 1)
      .take();
  it('in time are kept, passed ones are answered with a time-out; as a point in time or as a duration', async () => {
    const now = 1_700_000_000_000;
    const server = await startServer({ clock: () => now });
    const seconds = (field: number, value: number | bigint) => (writer: ProtoWriter) => writer.message(field, (at) => at.uint(1, value));
    for (const [deadline, isPassed] of [
      [seconds(6, now / 1_000 + 5), false],
      [seconds(6, now / 1_000), true],
      [seconds(6, now / 1_000 - 5), true],
      [seconds(7, 5), false],
      [seconds(7, 0), true],
      [seconds(7, 2n ** 64n - 5n), true],
    ] as const) {
      const { status, messages } = await rawCall(server, `${CLIENT}.streams.Streams/BatchAppend`, options(deadline));
      expect([status, messages.length, String(messages[0]).includes('event_store.client.Timeout')]).toEqual([0, 1, isPassed]);
    }
  });

  it("passed ones are the client's DeadlineExceededError", async () => {
    const { client } = await startPair();
    await append(client, 's', event(0), NO_STREAM);
    const late = client.appendToStream('s', event(1), { expectedRevision: 0n, deadline: -1_000 });
    await expect(late).rejects.toBeInstanceOf(DeadlineExceededError);
  });
});

describe('services that are out of scope', () => {
  it.each([
    'persistent_subscriptions.PersistentSubscriptions/Create',
    'persistent_subscriptions.PersistentSubscriptions/Read',
    'persistent_subscriptions.PersistentSubscriptions/List',
    'projections.Projections/Create',
    'projections.Projections/Statistics',
    'users.Users/Create',
    'operations.Operations/StartScavenge',
    'operations.Operations/Shutdown',
    'monitoring.Monitoring/Stats',
    'gossip.Gossip/Update',
    'streams.Streams/Undelete',
  ])('%s is unimplemented', async (path) => {
    const server = await startServer();
    expect((await rawCall(server, `${CLIENT}.${path}`, Buffer.alloc(0))).status).toBe(12);
  });

  it('reach the caller of the client as an error, and leave the connection as it was', async () => {
    const { client } = await startPair();
    const settings = persistentSubscriptionToStreamSettingsFromDefaults();
    await expect(client.createPersistentSubscriptionToStream('s', 'g', settings)).rejects.toMatchObject({ code: 12 });
    await expect(client.createProjection('p', 'fromAll()')).rejects.toThrow();
    expect(await append(client, 's', event(0), NO_STREAM)).toMatchObject({ success: true });
  });

  it('are not named among the features; what is served is', () => {
    const methods = new Set<string>();
    const features = new ProtoReader(supportedMethods());
    while (features.next()) {
      if (features.field !== 1) features.skip();
      else for (const method = features.message(); method.next(); method.field === 1 ? methods.add(method.string()) : method.skip());
    }
    expect(methods).toEqual(new Set(['append', 'batchappend', 'delete', 'read', 'tombstone']));
  });
});
