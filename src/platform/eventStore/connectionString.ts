import { EventStoreDBClient } from '@eventstore/db-client';

/** Milliseconds a keep-alive ping may stay unanswered, unless the connection string says otherwise. */
const KEEP_ALIVE_TIMEOUT_MS = 10_000;

/** The client reads option names without regard to case, dashes and underscores. */
const optionsOf = (url: string): Map<string, string> => {
  const query = url.slice(url.indexOf('?') + 1 || url.length);
  const pairs = query.split(/[&?]/).map((pair) => pair.split('=') as [string, string?]);
  return new Map(pairs.map(([key, value]) => [key.trim().toLowerCase().replace(/[_-]/g, ''), (value ?? '').trim()]));
};

/**
 * Finds what is wrong with a connection string before anything is sent.
 * @throws Error that shows no part of the string: it may hold a password.
 */
export const checkConnectionString = (url: string): void => {
  const options = optionsOf(url);
  for (const name of ['keepAliveInterval', 'keepAliveTimeout']) {
    // Without keep-alive a server that hangs is never noticed (CL7).
    if (options.get(name.toLowerCase())?.startsWith('-')) throw new Error(`the event store's ${name} must not be negative`);
  }
  // With it, the client reports revisions that the server never said (CL8).
  if (options.has('throwonappendfailure')) throw new Error('the event store must not be given throwOnAppendFailure');
  try {
    EventStoreDBClient.connectionString(url);
  } catch (error) {
    const { location, expected, message } = error as { location?: [number, number]; expected?: string; message: string };
    if (location === undefined) throw new Error(`the event store's connection string is refused: ${message}`);
    throw new Error(`the event store's connection string is wrong at character ${location[0] + 1}: expected ${expected}`);
  }
};

/**
 * A client for a connection string that was checked. The n-th client of a process differs from the others by
 * milliseconds in its keep-alive time-out: grpc-js shares connections among channels of equal settings, and
 * with them their growing waits between attempts, so that an equal client would find a server late that is
 * back (measured: 0.1 to 1.4 s after short outages under load, 0.1 to 0.3 s so).
 */
export const openClient = (url: string, nth: number): EventStoreDBClient => {
  const given = Number.parseInt(optionsOf(url).get('keepalivetimeout') ?? '', 10) || KEEP_ALIVE_TIMEOUT_MS;
  return EventStoreDBClient.connectionString(`${url.trim()}${url.includes('?') ? '&' : '?'}keepAliveTimeout=${given + (nth % 1_000)}`);
};
