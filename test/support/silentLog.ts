import { pino } from 'pino';
import type { Logger } from '../../src/platform/log.ts';

/** A logger that keeps everything to itself. */
export const silentLog: Logger = pino({ level: 'silent' });
