import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { type Config, maskPasswords } from './config.ts';

export type Logger = PinoLogger;

/** Members that never reach a log, at the top and one level down. */
const SECRET_MEMBERS = ['password', 'token', 'secret', 'authorization', 'cookie', 'databaseUrl', 'eventStoreUrl', 'redisUrl'] as const;

/**
 * A logger of JSON lines on stdout (or on `destination`). Control characters are escaped by JSON itself; secret members
 * are cut out, and a password inside a connection string is hidden wherever it stands, also in the text of an error.
 */
export const createLogger = (config: Pick<Config, 'logLevel'>, name: string, destination?: DestinationStream): Logger => {
  const options = {
    name,
    level: config.logLevel,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_MEMBERS.flatMap((member) => [member, `*.${member}`]), censor: '***' },
    hooks: { streamWrite: maskPasswords },
  };
  // Node's own stdout writes at once and in order, also right before an exit.
  return pino(options, destination ?? process.stdout);
};
