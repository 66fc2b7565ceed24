import { hash } from 'node:crypto';
import type { Metadata, NewEvent } from '../platform/eventStore/eventStore.ts';

/** An event ready to be appended, and the length of its data as JSON. */
export type Prepared = Readonly<{ event: NewEvent; dataChars: number }>;

const NAMESPACE = 'tillstream.event';
const METADATA_BYTES = 512;

/**
 * The id is a UUID (version 5) of the command, the place of the event in it, and what it says. Resending the
 * same append is therefore harmless, while another process's answer to the same command, alike but for
 * its clock, is a conflict that makes it look again: each answer is made of what was recorded.
 */
export const newEvent = (event: Readonly<{ type: string; data: unknown }>, metadata: Metadata, index: number): Prepared => {
  const data = JSON.stringify(event.data);
  const id = uuidV5(`${NAMESPACE}/${metadata.commandId}/${index}/${event.type}/${data}`);
  return { event: { id, type: event.type, data: event.data, metadata }, dataChars: data.length };
};

/** Bytes this event may take in an append: an upper bound. */
export const sizeOf = ({ dataChars }: Prepared): number => dataChars * 3 + METADATA_BYTES;

const uuidV5 = (name: string): string => {
  const hex = hash('sha1', name, 'hex');
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
};
