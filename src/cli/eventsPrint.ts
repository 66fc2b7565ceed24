import type { RecordedEvent } from '../platform/eventStore/eventStore.ts';

/** Cells of a line of text that does not go to a terminal, for the event's data. */
const DATA_CELLS = 200;
/** Cells the data gets at least, however narrow the terminal. */
const DATA_CELLS_MIN = 20;
/** UTF-16 units of data that are looked at for a line of text: more than any line shows. */
const DATA_LOOKED_AT_MAX = 4_096;

/**
 * What a terminal would act on instead of showing it: C0 and C1 controls, line and paragraph separators, marks of direction,
 * the byte order mark, and halves of surrogate pairs.
 */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Text that a terminal shows and does not obey; within JSON the same JSON. */
const harmless = (text: string): string => text.replace(UNSAFE, escaped);

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/**
 * An event as one line of JSON: position and revision as strings, `created` as RFC 3339. Data or metadata that is not JSON is
 * base64, with `dataIsBase64` or `metadataIsBase64` true; metadata that is not there is null.
 */
export const asJson = (event: RecordedEvent): string => {
  const { position, stream, revision, id, type, createdAt, data, metadata = null } = event;
  return harmless(
    JSON.stringify({
      position: position.toString(),
      stream,
      revision: revision.toString(),
      id,
      type,
      created: new Date(createdAt).toISOString(),
      ...(data instanceof Uint8Array ? { data: base64(data), dataIsBase64: true } : { data }),
      ...(metadata instanceof Uint8Array ? { metadata: base64(metadata), metadataIsBase64: true } : { metadata }),
    }),
  );
};

const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
const cellsOf = (character: string): number => (WIDE.test(character) ? 2 : 1);
const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

const widthOf = (text: string): number => {
  let cells = 0;
  for (const { segment } of characters.segment(text)) cells += cellsOf(segment);
  return cells;
};

/** The beginning that fits into so many cells of a terminal; what is cut ends in an ellipsis. Never cuts a character in two. */
export const cut = (text: string, cellsMax: number): string => {
  let cells = 0;
  let fits = 0;
  for (const { segment, index } of characters.segment(text.slice(0, DATA_LOOKED_AT_MAX))) {
    cells += cellsOf(segment);
    if (cells > cellsMax) return `${text.slice(0, fits)}…`;
    if (cells < cellsMax) fits = index + segment.length;
  }
  return text.length > DATA_LOOKED_AT_MAX ? `${text.slice(0, fits)}…` : text;
};

const shown = (data: unknown): string => {
  if (data instanceof Uint8Array) return `<${data.byteLength} bytes: ${base64(data.subarray(0, DATA_LOOKED_AT_MAX))}>`;
  return harmless(JSON.stringify(data));
};

/** An event as one line for people: position, time, stream@revision, type, and as much of the data as `columns` leave room for. */
export const asText = ({ position, createdAt, stream, revision, type, data }: RecordedEvent, columns?: number): string => {
  const head = `${position} ${new Date(createdAt).toISOString()} ${harmless(stream)}@${revision} ${harmless(type)} `;
  return head + cut(shown(data), columns === undefined ? DATA_CELLS : Math.max(columns - widthOf(head), DATA_CELLS_MIN));
};
