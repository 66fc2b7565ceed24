import { Container } from 'inversify';
import { CommandId, commandModule } from '../../src/commands/module.ts';
import { explainCommandError } from '../../src/commands/routes/explain.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { AppendInDoubt, type EventStore } from '../../src/platform/eventStore/eventStore.ts';
import { createApp, listen } from '../../src/platform/http.ts';
import { type Client, clientOf } from './client.ts';
import { type Calls, callsOf, type TestShop } from './shop.ts';
import { silentLog } from './silentLog.ts';

type Append = EventStore['append'];

export type FaultyCommands = Calls & Readonly<{ client: Client; url: string; stop(): Promise<void> }>;

/** An append that is sent and gets no answer until its caller gives up. */
export const unanswered: Append = (_stream, _events, _expected, signal) =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new AppendInDoubt('no answer'))));

/**
 * A command process of this shop whose appends go through `append`, which is given the real one; `readStream` may be another, too. It has neither feed nor watchdog;
 * what it leaves open, the shop's own process brings to an end.
 */
export const commandsWithFaults = async (
  shop: TestShop,
  append: (real: Append) => Append,
  readStream: EventStore['readStream'] = shop.store.readStream.bind(shop.store),
): Promise<FaultyCommands> => {
  const { store } = shop;
  const faulty: EventStore = {
    readStream,
    subscribe: store.subscribe.bind(store),
    head: store.head.bind(store),
    identity: store.identity.bind(store),
    close: () => Promise.resolve(),
    append: append(store.append.bind(store)),
  };
  const container = new Container();
  container.load(commandModule);
  container.bind(CommandId.config).toConstantValue(parseConfig({ EVENTSTORE_URL: shop.eventStoreUrl, DATABASE_URL: shop.databaseUrl }));
  container.bind(CommandId.log).toConstantValue(silentLog);
  container.bind(CommandId.clock).toConstantValue(systemClock);
  container.bind(CommandId.eventStore).toConstantValue(faulty);
  container.bind(CommandId.database).toConstantValue(shop.database);
  const app = createApp({ log: silentLog, tables: [container.get(CommandId.routes)], health: {}, explain: explainCommandError });
  const server = await listen(app, '127.0.0.1', 0);
  const url = `http://127.0.0.1:${server.port}`;
  const client = clientOf(url);
  const stop = async () => {
    client.close();
    await server.close();
  };
  return { ...callsOf(client), client, url, stop };
};
