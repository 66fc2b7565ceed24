import { recordType } from '../storage/record.ts';
import { recordFields } from '../storage/recordFields.ts';
import type { Storage } from '../storage/storage.ts';
import { visitVisible } from '../streams/streamState.ts';
import type { ReadAnswers } from './readMessages.ts';

/** The type of an event that stands for another: its data say which, as `revision@stream`. */
const LINK_TYPE = Buffer.from('$>');
const INTEGER = /^[+-]?\d{1,16}$/;

/** What a link's data name; -1 is the stream's last event. `undefined` when they begin with no number and so are no link. */
export const linkTarget = (data: string): Readonly<{ revision: number; stream: string }> | undefined => {
  const at = data.indexOf('@');
  const number = (at < 0 ? data : data.slice(0, at)).trim();
  if (!INTEGER.test(number)) return undefined;
  return { revision: Number(number), stream: at < 0 ? '' : data.slice(at + 1) };
};

/** Hands an event to a reader who wants links resolved: of a link also the event it stands for, if readers may see that one. */
export const putResolved = (answers: ReadAnswers, storage: Storage, nowMs: number, record: Buffer, position: number): void => {
  const target = recordType(record).equals(LINK_TYPE) ? linkTarget(recordFields(record).data.toString('utf8')) : undefined;
  if (target === undefined) {
    answers.event(record, position);
    return;
  }
  let isFound = false;
  visitVisible(storage, target.stream, target.revision, nowMs, (found) => {
    isFound = true;
    answers.link(record, found, position);
  });
  if (!isFound) answers.link(record, undefined, position);
};
