/** Every limit of the server in one place. Bytes unless the name says otherwise. */

/** Data of one append, summed over its events; EventStoreDB's default. Metadata is not counted, as there. */
export const APPEND_DATA_BYTES_MAX = 1024 * 1024;
/** One gRPC message in; what the client of npm takes, too. */
export const MESSAGE_BYTES_MAX = 17 * 1024 * 1024;
/** Half-received messages of all calls together; a call that would exceed it is refused. */
export const RECEIVING_BYTES_MAX = 256 * 1024 * 1024;
/** Appends waiting for the disk; above it no append call is read any further. */
export const STAGED_BYTES_MAX = 64 * 1024 * 1024;
/** Appends of one call whose last chunk has not come yet. */
export const UNFINISHED_APPENDS_MAX = 1_000;

/** LMDB takes keys up to 1,978 bytes; a stream's name is one. */
export const STREAM_NAME_BYTES_MAX = 1_024;
export const EVENT_TYPE_BYTES_MAX = 32 * 1024;
export const FILTER_PREFIXES_MAX = 1_000;
export const FILTER_REGEX_CHARACTERS_MAX = 1_024;
/** Largest search window and checkpoint interval a subscription may ask for, in events. */
export const FILTER_WINDOW_EVENTS_MAX = 1_000_000;

/** Answers are handed to a connection in pieces of about this size, each after the one before has left. */
export const OUTPUT_CHUNK_BYTES = 64 * 1024;
/** Events read in one go before the event loop gets a turn. */
export const READ_PAGE_EVENTS_MAX = 256;
/** Events of one page of a filtered catch-up, and the default search window: EventStoreDB's page size. */
export const FILTER_PAGE_EVENTS = 32;
/** A live subscriber that falls further behind than this while its connection is full is caught up anew. */
export const LIVE_BACKLOG_EVENTS_MAX = 32;

/** An append not on disk by then is answered with a time-out, whatever its own deadline. */
export const WRITE_TIMEOUT_MAX_MS = 2_000;
/** How often waiting appends are looked through for passed deadlines. */
export const DEADLINE_SWEEP_MS = 50;
/** Event ids remembered for the repeated-append check of ANY and STREAM_EXISTS. */
export const RECENT_IDS_MAX = 65_536;

export const CONNECTIONS_MAX = 1_000;
export const CALLS_PER_CONNECTION_MAX = 1_000;
/** Receive window of a call and of a connection. */
export const CALL_WINDOW_BYTES = 1024 * 1024;
export const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
export const CONNECTION_MEMORY_MAX_MB = 128;
/** Connections that have not closed this long after a stop are cut. */
export const STOP_WAIT_MAX_MS = 2_000;

/** Address space for the database file, not memory: it may grow this far. */
export const DATABASE_BYTES_MAX = 256 * 1024 ** 3;
