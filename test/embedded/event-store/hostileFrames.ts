/** HTTP/2 by hand, for what no client library would send. */

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION] = [0, 1, 3, 4, 6, 8, 9] as const;
export const [END_STREAM, END_HEADERS] = [1, 4] as const;

/** An HTTP/2 frame, as RFC 9113 section 4.1 has it; its length may lie. */
export const frame = (type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0), length = payload.length): Buffer => {
  const header = Buffer.alloc(9);
  header.writeUIntBE(length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
};

/** A header block of literals without an index, each shorter than 127 bytes (RFC 7541 section 6.2.2). */
export const headerBlock = (fields: Record<string, string>): Buffer =>
  Buffer.concat(
    Object.entries(fields).map(([name, value]) =>
      Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]),
    ),
  );
/** The headers of a call. */
export const callHeaders = (path: string): Buffer =>
  headerBlock({ ':method': 'POST', ':scheme': 'http', ':authority': 'x', ':path': path, 'content-type': 'application/grpc' });

/** Frames of a connection of their own. */
export const connection = (...frames: Buffer[]): Buffer => Buffer.concat([PREFACE, frame(SETTINGS, 0, 0), ...frames]);
