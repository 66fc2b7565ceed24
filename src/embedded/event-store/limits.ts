/** Every limit of the server in one place. Bytes unless the name says otherwise. */

/** Data of one append, summed over its events; EventStoreDB's default. Metadata is not counted, as there. */
export const APPEND_DATA_BYTES_MAX = 1024 * 1024;
/** One gRPC message in; what the client of npm takes, too. */
export const MESSAGE_BYTES_MAX = 17 * 1024 * 1024;
/** Memory of the half-received messages of all calls together; above it the one that has stood longest goes. */
export const RECEIVING_BYTES_MAX = 128 * 1024 * 1024;
/** Smallest piece of memory for a half-received message. */
export const RECEIVING_BYTES_MIN = 4 * 1024;
/** A message that has begun must be whole by then. */
export const MESSAGE_WAIT_MAX_MS = 30_000;
/** Appends waiting for the disk; above it no append call is read any further. */
export const STAGED_BYTES_MAX = 64 * 1024 * 1024;
/** Appends of one call whose last chunk has not come yet. */
export const UNFINISHED_APPENDS_MAX = 1_000;

/** LMDB takes keys up to 1,978 bytes; a stream's name is one. */
export const STREAM_NAME_BYTES_MAX = 1_024;
/** The same with room for the prefixes of the streams of its metadata, and of theirs. */
export const STREAM_KEY_BYTES_MAX = STREAM_NAME_BYTES_MAX + 4;
export const EVENT_TYPE_BYTES_MAX = 32 * 1024;
export const FILTER_PREFIXES_MAX = 1_000;
export const FILTER_REGEX_CHARACTERS_MAX = 1_024;
/** Characters of one name times those of the regular expression it is matched against: what one match may cost. */
export const FILTER_STEPS_MAX = 1_000_000;
/** Event types, and the length of one, of which a filter remembers whether they match. */
export const FILTER_KNOWN_TYPES_MAX = 256;
export const FILTER_KNOWN_TYPE_BYTES_MAX = 256;
/** Largest search window and checkpoint interval a subscription may ask for, in events. */
export const FILTER_WINDOW_EVENTS_MAX = 1_000_000;

/** Answers are handed to a connection in pieces of about this size, each after the one before has left. */
export const OUTPUT_CHUNK_BYTES = 64 * 1024;
/** Events read in one go before the event loop gets a turn: the first time, and at most. */
export const READ_PAGE_EVENTS_FIRST = 32;
export const READ_PAGE_EVENTS_MAX = 256;
/** Above so many bytes in one go the next ones are fewer. */
export const READ_PAGE_BYTES = 4 * OUTPUT_CHUNK_BYTES;
/** A page that took longer is followed by a shorter one: meanwhile nobody else is served. */
export const READ_PAGE_MS = 20;
/** Events of one page of a filtered catch-up, and the default search window: EventStoreDB's page size. */
export const FILTER_PAGE_EVENTS = 32;
/** A live subscriber that falls further behind than this while its connection is full is caught up anew. */
export const LIVE_BACKLOG_EVENTS_MAX = 32;

/** Event ids remembered for the repeated-append check of ANY and STREAM_EXISTS. */
export const RECENT_IDS_MAX = 65_536;
/** Streams whose metadata, or lack of them, the writer remembers. */
export const METADATA_CACHE_STREAMS_MAX = 16_384;

/** Above it a newcomer takes the place of the oldest connection that never had a call, or is cut off. */
export const CONNECTIONS_MAX = 1_000;
export const CALLS_PER_CONNECTION_MAX = 1_000;
/** Calls of all connections together; above it a newcomer takes the place of the oldest one without a request, or is refused. */
export const CALLS_MAX = 4_000;
/** Receive window of a call and of a connection. */
export const CALL_WINDOW_BYTES = 1024 * 1024;
export const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** What lies ready for a connection's client, and what its calls cost; above it new calls are refused, then it is cut. */
export const CONNECTION_MEMORY_MAX_MB = 32;
/** A connection whose first call has not come by then is cut. */
export const FIRST_CALL_WAIT_MAX_MS = 5_000;
/** A connection that has had no call for so long is closed; the client of npm opens another when it needs one. */
export const CONNECTION_IDLE_MAX_MS = 300_000;
/** How often a connection is asked whether its client is still there, and how long that may take it to say. */
export const PING_INTERVAL_MS = 5_000;
export const PING_WAIT_MAX_MS = 10_000;
/** A call must have its whole request by then, unless it was answered before. */
export const REQUEST_WAIT_MAX_MS = 30_000;
/** A client that takes nothing of what lies ready for it loses the call after this. */
export const OUTPUT_STALL_MAX_MS = 120_000;
/** How often all these waits are looked at. */
export const WAIT_SWEEP_MS = 1_000;
/** The longest deadline of a call that is kept, and the longest wait of a timer of Node: about 24 days. */
export const DEADLINE_MAX_MS = 2 ** 31 - 1;
/** Connections that have not closed this long after a stop are cut. */
export const STOP_WAIT_MAX_MS = 2_000;

/** Address space for the database file, not memory: it may grow this far. */
export const DATABASE_BYTES_MAX = 256 * 1024 ** 3;

/** Zeros kept ahead of the log's end. */
export const LOG_AHEAD_BYTES = 1024 * 1024;
/** A write of more bytes is not kept in memory for the readers who wait for it. */
export const LOG_NEWEST_BYTES_MAX = 1024 * 1024;
/** One record of the log: an append's data and as much metadata as a message can hold, and what is around them. */
export const RECORD_BYTES_MAX = MESSAGE_BYTES_MAX + 64 * 1024;
/** The log is read in pieces of this size; a larger record gets a buffer of its own. */
export const READ_WINDOW_BYTES = 128 * 1024;
/** Events that stand in memory only as far as the index goes, before they are written to it. */
export const INDEX_TAIL_EVENTS = 2_048;
/** So many of them make writers wait for the index. */
export const INDEX_TAIL_EVENTS_MAX = 65_536;
