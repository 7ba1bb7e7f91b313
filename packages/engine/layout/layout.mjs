// The only hand-written place for what C++ and TypeScript share: the regions of a batch block, the fields of
// each record, flags, method ids, limits and telemetry counters. `generate.mjs` prints both sides from it.

const WORD = 4
const KIB = 1024

/** Size limits that the regions below are made from. */
const capacities = {
  CONTROL_WORDS: [64, 'words of the control region'],
  BLOCKS_MAX: [1024, 'interned response blocks; id 0 is never used'],
  REQUESTS_MAX: [1024, 'request records in one batch'],
  FIELDS_MAX: [16_384, 'header field records in one batch'],
  RESPONSES_MAX: [2048, 'response records between two drains'],
  EVENTS_MAX: [1024, 'event records in one batch'],
  BLOCK_BYTES_MAX: [512 * KIB, 'bytes of all interned blocks together'],
  INPUT_BYTES_MAX: [1024 * KIB, 'bytes received in one batch'],
  OUTPUT_BYTES_MAX: [1024 * KIB, 'bytes of answers between two drains'],
  ARENA_PADDING_BYTES: [64, 'readable bytes behind an arena, so that vector loads may overrun'],
}

/** Records, one 32-bit word a field. The order is the wire between the two languages. */
const records = {
  REQUEST: {
    doc: 'One complete request head. Offsets are bytes from the start of the block.',
    fields: {
      SLOT: 'connection slot',
      GENERATION: 'generation of the slot: a late answer for an earlier owner is refused',
      SEQUENCE: 'number of this request on its connection; answers leave in this order',
      METHOD_MINOR_FLAGS: 'method id (8 bits) | HTTP minor version (8) | request flags (16)',
      HEAD_OFFSET: 'first byte of the request line',
      TARGET_OFFSET: 'first byte of the request target as sent',
      PATH_TARGET_LENGTH: 'path length (16) | target length (16)',
      FIELD_INDEX: 'index of the first field record',
      FIELD_COUNT: 'number of field records',
      BODY_OFFSET: 'first byte of a complete body',
      BODY_LENGTH: 'bytes of a complete body; -1 when it follows in events',
      LITERAL_ID: 'id of the literal route the engine matched by bytes; 0 when it matched none',
      CONTENT_LENGTH_LOW: 'announced content-length, low 32 bits',
      HEAD_LENGTH: 'bytes of the head, blank line included',
      LOOP_ID: 'which loop of the engine owns the connection',
      PATH_OFFSET:
        'first byte of the path: the target, or what follows the authority in absolute-form',
    },
  },
  FIELD: {
    doc: 'One header field line of a request.',
    fields: {
      NAME_HASH: 'hash of the lower-cased name (name_hash): filters, bytes decide',
      NAME_OFFSET: 'first byte of the name',
      VALUE_OFFSET: 'first byte of the trimmed value',
      LENGTHS: 'name length (16) | value length (16)',
    },
  },
  RESPONSE: {
    doc: 'One answer, part of an answer, or command for a connection.',
    fields: {
      SLOT: 'connection slot of the request',
      GENERATION: 'generation of the request',
      SEQUENCE: 'sequence of the request',
      KIND_FLAGS: 'response kind (8 bits) | response flags (24)',
      HEAD: 'id of the whole or head block; offset of raw bytes; number of a command',
      LENGTH: 'bytes of the body (kinds head and raw)',
      BODY: 'offset of the body in the block (head), or id of the body block (head_block)',
      EXTRA: 'offset of further header lines, each with CRLF, behind a 32-bit length; 0 for none',
    },
  },
  EVENT: {
    doc: 'Something that happened to a connection or a request body, from engine to core.',
    fields: {
      SLOT: 'connection slot',
      GENERATION: 'generation of the slot',
      SEQUENCE: 'sequence of the request it concerns',
      KIND_CODE: 'event kind (8 bits) | code (24 bits)',
      OFFSET: 'first byte of the bytes that came, if any',
      LENGTH: 'their number',
      RESERVED_0: 'zero',
      RESERVED_1: 'zero',
    },
  },
  BLOCK: {
    doc: 'One interned block of answer bytes, written by core, read by engines.',
    fields: {
      OFFSET: 'first byte, from the start of the batch block',
      LENGTH: 'bytes of the block',
      DATE: 'offset within the block of the 29 bytes of the date value; 0 when it has none',
      BODY: 'whole blocks: offset within the block of the body; head and body blocks: 0',
      STATUS: 'status code of whole and head blocks; 0 for body blocks',
      RESERVED_0: 'zero',
      RESERVED_1: 'zero',
      RESERVED_2: 'zero',
    },
  },
}

/** Words of the control region. */
const control = {
  REQUEST_COUNT: [0, 'requests in this batch'],
  RESPONSE_COUNT: [1, 'responses written and not yet drained; core writes, the engine resets'],
  EVENT_COUNT: [4, 'events in this batch'],
  OUTPUT_USED: [5, 'bytes of the output arena in use; core writes, the engine resets'],
  PENDING_HEADS: [
    6,
    'contexts of this turn that still read request bytes; the engine calls dispatch with no records before it reuses them',
  ],
  BLOCK_COUNT: [7, 'block entries in use, entry 0 included; core writes'],
  TIME_LOW: [
    8,
    'epoch milliseconds at which this batch was received, low 32 bits; the engine writes',
  ],
  TIME_HIGH: [9, 'the same, high bits'],
  TENANT: [
    11,
    'whose response records these are (ListenOptions.tenant); core writes, an engine drains its own only',
  ],
  TURN_MICROSECONDS: [
    10,
    'how long the turn before took, from bytes received to answers sent; the engine writes',
  ],
}

const enums = {
  METHOD: {
    doc: 'Method ids; OTHER is any other token.',
    values: {
      OTHER: 0,
      GET: 1,
      HEAD: 2,
      POST: 3,
      PUT: 4,
      PATCH: 5,
      DELETE: 6,
      OPTIONS: 7,
      TRACE: 8,
    },
  },
  REQUEST_FLAG: {
    doc: 'Flags of a request record.',
    values: {
      CLOSE: [1, 'the connection does not persist after the answer'],
      BODY_COMPLETE: [2, 'the whole body is in the batch (or there is none)'],
      CHUNKED: [4, 'the body is chunked; events bring it decoded'],
      EXPECT_CONTINUE: [8, 'the client waits for 100 Continue before it sends the body'],
      UPGRADE: [16, 'Upgrade is present and Connection names it'],
      KEEP_ALIVE_1_0: [32, 'HTTP/1.0 that asked to persist: the answer says so'],
      PATH_PLAIN: [
        64,
        'the path has no percent sign and no dot segment: it needs no decoding and no check',
      ],
      ABSOLUTE_FORM: [128, 'the target is in absolute-form; its authority replaces Host'],
    },
  },
  RESPONSE_KIND: {
    doc: 'What a response record names.',
    values: {
      RAW: [0, 'bytes of the arena, sent as they are'],
      WHOLE: [1, 'a block that is the complete answer; only its date is filled in'],
      HEAD: [2, 'a head block, then extra lines, framing, and a body from the arena'],
      HEAD_BLOCK: [3, 'a head block, then extra lines, framing, and a body block'],
      INTERIM: [4, 'bytes of the arena: an interim answer (1xx), the final one follows'],
      COMMAND: [5, 'no bytes: an instruction about the connection or the request body'],
    },
  },
  RESPONSE_FLAG: {
    doc: 'Flags of a response record, in the bits above the kind.',
    values: {
      CLOSE: [256, 'the connection closes after this answer, and the head says so'],
      MORE: [512, 'further records of this answer follow'],
      OMIT_BODY: [1024, 'answer to HEAD: content-length as if, no body bytes'],
      OWN_DATE: [2048, 'the extra lines bring a date'],
      OWN_LENGTH: [
        4096,
        'the extra lines bring the framing (content-length of an answer in parts); RAW records follow',
      ],
      CHUNKED: [
        8192,
        'the body is sent in chunks: one a record; the last record also ends it (RFC 9112 §7.1)',
      ],
      CUT: [
        16_384,
        'the answer ends here, incomplete: the connection ends behind it, with RST if CLOSE is set too (RES-6)',
      ],
    },
  },
  COMMAND: {
    doc: 'Commands of response records of kind COMMAND.',
    values: {
      CONTINUE: [1, 'send 100 Continue and read the body'],
      READ_ON: [2, 'read the body of this request'],
      READ_OFF: [3, 'stop reading the body of this request'],
      PULL: [4, 'tell with WRITABLE when the output of this answer has room (BP-1)'],
      HIJACK: [
        5,
        'tell with HIJACKED when all earlier answers have left and the socket can be taken',
      ],
      ABORT: [6, 'reset the connection'],
    },
  },
  ABORT_CODE: {
    doc: 'Codes of ABORTED events.',
    values: {
      CLIENT: [0, 'the client has gone'],
      SERVER: [1, 'the server cut it: the time of its close was up'],
    },
  },
  EVENT_KIND: {
    doc: 'Kinds of event records.',
    values: {
      BODY_BYTES: [1, 'bytes of a request body, decoded'],
      BODY_END: [2, 'the body is complete'],
      BODY_ERROR: [3, 'the body failed; the code is the status to answer with'],
      HALF_CLOSED: [4, 'the peer sent FIN while requests are owed an answer; writing still works'],
      ABORTED: [5, 'the connection is gone; answers are dropped'],
      WRITABLE: [
        6,
        'at most WRITABLE_BYTES_MAX of the output are unsent, and it is the turn of this answer',
      ],
      OPENED: [7, 'a connection was accepted (only with connectionEvents)'],
      CLOSED: [8, 'a connection ended (only with connectionEvents)'],
      HIJACKED: [
        9,
        'the socket can be taken (Engine.takeSocket); code 1: it cannot, requests or a body stand behind',
      ],
    },
  },
}

/** Named limits of http1.md and engines.md; both languages and the tests use these names. */
const limits = {
  REQUEST_LINE_BYTES_MAX: [16_384, 'longest request line without CRLF (RL-5)'],
  LEADING_CRLF_MAX: [8, 'CRLF pairs skipped before a request (RL-1)'],
  METHOD_BYTES_MAX: [32, 'longest method (MET-1)'],
  HEAD_BYTES_MIN: [4096, 'smallest maxHeaderBytes'],
  HEAD_BYTES_MAX: [65_535, 'largest maxHeaderBytes: lengths are 16-bit in the record'],
  CHUNK_SIZE_DIGITS_MAX: [16, 'hex digits of a chunk size (CHK-1)'],
  CHUNK_EXTENSION_BYTES_MAX: [4096, 'bytes of chunk extensions in one body (CHK-2)'],
  INLINE_BODY_BYTES_MAX: [
    65_536,
    'largest body that arrives in the batch; larger and chunked ones come in events',
  ],
  OWED_ANSWERS_MAX: [64, 'requests of one connection that may wait for an answer (PIP-3)'],
  UNSENT_BYTES_MAX: [1_048_576, 'unsent output at which reading stops (PIP-3)'],
  WRITER_BYTES_MAX: [65_536, 'bytes a producer may write before it waits for room (BP-1)'],
  WRITABLE_BYTES_MAX: [32_768, 'unsent output at which a producer may go on (BP-1)'],
  TURN_WRITABLE_MAX: [
    16,
    'producers told in one turn that there is room: what they write takes the kernel its time (BP-4)',
  ],
  QUEUED_BYTES_MAX: [
    4_194_304,
    'bytes beyond which a producer that ignores backpressure is cut; core enforces it (BP-1)',
  ],
  UNREAD_BODY_BYTES_MAX: [262_144, 'unread bytes of a streamed body at which reading stops (BP-2)'],
  BUFFERED_BODIES_MAX: [
    33_554_432,
    'bytes of incomplete bodies held back by an engine, and as many again by core; beyond, they are streamed (BODY-5)',
  ],
  TURN_READ_BYTES_MAX: [65_536, 'bytes read from one connection in one turn (BP-4)'],
  TURN_REQUESTS_MAX: [64, 'requests of one connection dispatched in one turn (BP-4)'],
  DISCARD_BYTES_MAX: [
    65_536,
    'rest of a body that is read and dropped to keep a connection (CLOSE-1)',
  ],
  POOLED_BUFFER_BYTES_MAX: [65_536, 'a buffer that grew larger is freed, not pooled'],
  POOL_BYTES_MAX: [4_194_304, 'bytes kept in the buffer pool of a loop'],
  EVENTS_ARRAY_MAX: [2048, 'ready events taken in one wait'],
  TABLE_SLOTS_INITIAL: [4096, 'connection slots at the start'],
  TABLE_SLOTS_MAX: [65_536, 'connection slots at most'],
  ACCEPT_BATCH_MAX: [128, 'connections accepted in one turn'],
  LINGER_SILENCE_MS: [
    2000,
    'a closing connection is closed after this long without input (CLOSE-3)',
  ],
  LINGER_MS: [5000, 'and after this long in any case'],
  SILENT_MS: [1000, 'who has sent nothing for so long makes room first (BP-3)'],
  PROGRESS_BYTES_PER_SECOND: [
    8,
    'slowest progress of a body or an answer within its timeout (Timers)',
  ],
  WHEEL_TICK_MS: [100, 'resolution of the timer wheel (TIM-2)'],
  WHEEL_SLOTS: [1024, 'slots of the timer wheel'],
}

/** Counters an engine reports, in this order. */
const telemetry = [
  'requests',
  'active',
  'accepted',
  'closed',
  'adopted',
  'released',
  'rejected',
  'errors',
  'resets',
  'truncated',
  'staleWrites',
  'bytesRead',
  'bytesWritten',
  'workers',
  'switches',
  'turns',
  'wakeups',
  'batchMax',
  'recvCalls',
  'sendCalls',
  'partialWrites',
  'backpressured',
  'queuedBytes',
  'ownedBuffers',
  'pooledBytes',
  'arenaBytes',
  'tableSlots',
  'timeoutsHeader',
  'timeoutsBody',
  'timeoutsWrite',
  'timeoutsIdle',
  'acceptBackoffs',
  'eventsArrayFull',
  'badRecords',
  'status400',
  'status408',
  'status413',
  'status414',
  'status417',
  'status421',
  'status431',
  'status501',
  'status505',
  'idleMicroseconds',
  'busyMicroseconds',
  'spins',
  'spinHits',
]

const cap = (name) => capacities[name][0]
const recordBytes = (name) => Object.keys(records[name].fields).length * WORD

/** The regions of a block, in order; offsets follow from the sizes. */
const regions = [
  ['CONTROL', cap('CONTROL_WORDS') * WORD],
  ['BLOCK_TABLE', cap('BLOCKS_MAX') * recordBytes('BLOCK')],
  ['REQUESTS', cap('REQUESTS_MAX') * recordBytes('REQUEST')],
  ['RESPONSES', cap('RESPONSES_MAX') * recordBytes('RESPONSE')],
  ['EVENTS', cap('EVENTS_MAX') * recordBytes('EVENT')],
  ['FIELDS', cap('FIELDS_MAX') * recordBytes('FIELD')],
  ['BLOCK_BYTES', cap('BLOCK_BYTES_MAX') + cap('ARENA_PADDING_BYTES')],
  ['INPUT', cap('INPUT_BYTES_MAX') + cap('ARENA_PADDING_BYTES')],
  ['OUTPUT', cap('OUTPUT_BYTES_MAX') + cap('ARENA_PADDING_BYTES')],
]

export const layout = {
  capacities,
  records,
  control,
  enums,
  limits,
  telemetry,
  regions,
  recordBytes,
  WORD,
}
