import {
  persistentSubscriptionToAllSettingsFromDefaults,
  persistentSubscriptionToStreamSettingsFromDefaults,
  UnsupportedError,
} from '@eventstore/db-client';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { failureOf, freshName, numbered, serverContract } from './support.ts';

const unimplemented = async (work: Promise<unknown>): Promise<void> => {
  expect(await failureOf(work)).toMatchObject({ code: status.UNIMPLEMENTED });
};

serverContract('what a server says it can do', ({ kind, client }) => {
  it('names a version that the client can compare', async () => {
    const { capabilities } = client() as unknown as { capabilities: Promise<{ serverVersion: string }> };
    expect((await capabilities).serverVersion).toMatch(/^\d+\.\d+\.\d+/);
  });

  if (kind === 'foreign') return;

  describe('persistent subscriptions and projections are not served', () => {
    it('persistent subscriptions to $all fail before anything is sent', async () => {
      const settings = persistentSubscriptionToAllSettingsFromDefaults();
      const failure = await failureOf(client().createPersistentSubscriptionToAll(freshName('group'), settings));
      expect(failure).toBeInstanceOf(UnsupportedError);
    });

    it('persistent subscriptions to a stream are unimplemented', async () => {
      const [stream, group] = [freshName(), freshName('group')];
      const settings = persistentSubscriptionToStreamSettingsFromDefaults();
      await unimplemented(client().createPersistentSubscriptionToStream(stream, group, settings));
      await unimplemented(client().updatePersistentSubscriptionToStream(stream, group, settings));
      await unimplemented(client().deletePersistentSubscriptionToStream(stream, group));
      const errors: unknown[] = [];
      const subscription = client().subscribeToPersistentSubscriptionToStream(stream, group);
      await new Promise<void>((resolve) => {
        subscription.on('error', (error) => {
          errors.push(error);
          resolve();
        });
      });
      expect(errors[0]).toMatchObject({ code: status.UNIMPLEMENTED });
    });

    it('what the client would ask for over HTTP fails, too', async () => {
      await expect(client().getPersistentSubscriptionToStreamInfo(freshName(), freshName('group'))).rejects.toThrow();
      await expect(client().listAllPersistentSubscriptions()).rejects.toThrow();
    });

    it('projections are unimplemented', async () => {
      await unimplemented(client().listProjections());
      await unimplemented(client().createProjection(freshName('p'), 'fromAll()'));
      await unimplemented(client().restartSubsystem());
    });

    it('and the connection serves what it serves, as before', async () => {
      const { getChannel } = client() as unknown as { getChannel: () => Promise<unknown> };
      const before = await getChannel();
      await unimplemented(client().listProjections());
      expect(await client().appendToStream(freshName(), numbered(1))).toMatchObject({ success: true });
      expect(await getChannel()).toBe(before);
    });
  });
});
