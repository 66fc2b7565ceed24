import { ProtoReader } from '../transport/protobuf.ts';
import { recordedEvent } from './record.ts';

/** The data are a view of the record. */
export type RecordFields = Readonly<{ data: Buffer; isJson: boolean; createdAtMs: number }>;

const TICKS_PER_MS = 10_000;
const NO_BYTES: Buffer = Buffer.alloc(0);

const readProperty = (entry: ProtoReader): readonly [string, string] => {
  let key = '';
  let value = '';
  while (entry.next()) {
    if (entry.field === 1) key = entry.string();
    else if (entry.field === 2) value = entry.string();
    else entry.skip();
  }
  return [key, value];
};

/** What the server itself needs to know of a stored event, read from its `RecordedEvent` message. */
export const recordFields = (record: Buffer): RecordFields => {
  const event = new ProtoReader(recordedEvent(record));
  const properties = new Map<string, string>();
  let data = NO_BYTES;
  while (event.next()) {
    if (event.field === 6) properties.set(...readProperty(event.message()));
    else if (event.field === 8) data = event.bytes();
    else event.skip();
  }
  return {
    data,
    isJson: properties.get('content-type') === 'application/json',
    createdAtMs: Number(properties.get('created')) / TICKS_PER_MS,
  };
};
