import { APPEND_BYTES_MAX, AppendTooLarge, type NewEvent, NO_STREAM, type Revision } from './eventStore.ts';

/** An event to append, as JSON text: what the caller does to its objects afterwards changes nothing. */
export type EncodedEvent = Readonly<{
  id: string;
  type: string;
  data: string;
  metadata: string;
  /** Length of `data` in bytes of UTF-8. */
  dataBytes: number;
  metadataBytes: number;
}>;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const toJson = (value: unknown, what: string): string => {
  const json: string | undefined = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`${what} is nothing that JSON can hold`);
  return json;
};

const encodeOne = ({ id, type, data, metadata }: NewEvent): EncodedEvent => {
  if (!uuid.test(id)) throw new TypeError(`event id ${id} is not a UUID`);
  if (type === '' || type.startsWith('$')) throw new TypeError(`"${type}" is not an event type of ours`);
  const json = toJson(data, `data of ${type}`);
  const metadataJson = toJson(metadata, `metadata of ${type}`);
  const dataBytes = Buffer.byteLength(json);
  return { id, type, data: json, metadata: metadataJson, dataBytes, metadataBytes: Buffer.byteLength(metadataJson) };
};

/**
 * Checks an append before it is sent and gives its events as JSON with their size in bytes of UTF-8.
 * @throws AppendTooLarge above APPEND_BYTES_MAX.
 * @throws TypeError for what only a bug can ask: no events, no UUID, no revision, no JSON.
 */
export const encodeAppend = (
  stream: string,
  events: readonly NewEvent[],
  expected: Revision,
): { encoded: EncodedEvent[]; bytes: number } => {
  if (stream === '') throw new TypeError('a stream needs a name');
  if (events.length === 0) throw new TypeError(`nothing to append to ${stream}`);
  if (expected < NO_STREAM) throw new TypeError(`${expected} is not a revision`);
  const encoded = events.map(encodeOne);
  let bytes = 0;
  for (const event of encoded) bytes += event.dataBytes + event.metadataBytes;
  if (bytes > APPEND_BYTES_MAX) throw new AppendTooLarge(`${bytes} bytes for ${stream}, of ${APPEND_BYTES_MAX} allowed`);
  return { encoded, bytes };
};
