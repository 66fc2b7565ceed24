import { type Message, MessageRefused } from './queue.ts';

/** Key, value and headers of one message, and of all in one batch: a broker takes 1,048,588 bytes with its own framing. */
export const BATCH_BYTES_MAX = 1_000_000;
export const BATCH_MESSAGES_MAX = 1_000;

/** What a record costs beside its texts, in bytes, at most. */
const RECORD_BYTES = 32;
const HEADER_BYTES = 10;

/** Messages of one `send` that go together. */
export type Parcel = Readonly<{ messages: Message[]; bytes: number }>;

const bytesOf = ({ key, value, headers }: Message): number =>
  Object.entries(headers).reduce(
    (bytes, [name, text]) => bytes + HEADER_BYTES + Buffer.byteLength(name) + Buffer.byteLength(text),
    RECORD_BYTES + Buffer.byteLength(key) + Buffer.byteLength(value),
  );

/** Packs what was sent at once into parcels that fit a batch, in order. @throws MessageRefused for a message that fits none. */
export const pack = (messages: readonly Message[]): Parcel[] => {
  const parcels: { messages: Message[]; bytes: number }[] = [];
  for (const message of messages) {
    const bytes = bytesOf(message);
    if (bytes > BATCH_BYTES_MAX) throw new MessageRefused(`the message has ${bytes} bytes; ${BATCH_BYTES_MAX} are the most`);
    const last = parcels.at(-1);
    if (last && last.messages.length < BATCH_MESSAGES_MAX && last.bytes + bytes <= BATCH_BYTES_MAX) {
      last.messages.push(message);
      last.bytes += bytes;
    } else parcels.push({ messages: [message], bytes });
  }
  return parcels;
};
