// Hot path. Response records -> bytes in request order -> one send per connection and turn.
#include "celeris/answers.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "celeris/closing.h"
#include "celeris/commands.h"
#include "celeris/receive.h"

namespace celeris {

namespace {

constexpr std::uint32_t PARTS_MAX = 1024;
/// Parts of one send; the kernel takes up to 1 024.
constexpr std::uint32_t CONNECTION_PARTS_MAX = 64;
/// Bodies from here on are sent from where they are; shorter ones are copied behind their head.
constexpr std::uint32_t REFERENCE_BYTES_MIN = 4096;
constexpr std::uint32_t SCRATCH_BYTES = 256 * 1024;
/// Head lines the engine adds: date, content-length, connection, blank line.
constexpr std::uint32_t FRAMING_BYTES_MAX = 128;

/// The answers of a drain: joined for all connections first, then sent, one send each.
class Gather {
 public:
  explicit Gather(Loop& loop) : loop_(loop) {
    if (loop.scratch.empty()) loop.scratch.resize(SCRATCH_BYTES);
    if (loop.parts.empty()) loop.parts.resize(PARTS_MAX);
  }

  /// What follows belongs to this connection.
  void begin(Connection& connection) { loop_.outgoing.push_back({&connection, parts_, 0, false}); }
  /// The connection has no more answers in this drain, in which it got `answers`.
  void end(std::uint32_t answers) {
    Outgoing& outgoing = loop_.outgoing.back();
    outgoing.ended = true;
    if (answers == 0) return;
    if (outgoing.connection->has(PARTS_SENT)) {
      outgoing.connection->clear(PARTS_SENT);
      outgoing.connection->answer_bytes = UNSENT_BYTES_MAX;
      return;
    }
    std::uint64_t bytes = 0;
    for (std::uint32_t part = 0; part < outgoing.part_count; part++)
      bytes += loop_.parts[outgoing.first_part + part].iov_len;
    outgoing.connection->answer_bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes / answers + 1, UNSENT_BYTES_MAX));
  }

  void copy(const std::uint8_t* bytes, std::uint32_t count) {
    std::uint8_t* to = room(count);
    if (to != nullptr) std::memcpy(to, bytes, count);
  }
  /// Room for `count` bytes at the end; null when it is more than there can be.
  std::uint8_t* room(std::uint32_t count) {
    // Before the place is taken: a flush makes all places free.
    if (count > SCRATCH_BYTES - used_ || no_part_left()) flush();
    if (count > SCRATCH_BYTES) return nullptr;
    std::uint8_t* to = loop_.scratch.data() + used_;
    used_ += count;
    Outgoing& outgoing = loop_.outgoing.back();
    if (outgoing.part_count > 0) {
      iovec& last = loop_.parts[parts_ - 1];
      if (static_cast<std::uint8_t*>(last.iov_base) + last.iov_len == to) {
        last.iov_len += count;
        return to;
      }
    }
    part(to, count);
    return to;
  }
  /// Gives back what `room` reserved last and was not used.
  void shrink(std::uint32_t count) {
    used_ -= count;
    loop_.parts[parts_ - 1].iov_len -= count;
  }
  void refer(const std::uint8_t* bytes, std::uint32_t count) {
    if (count < REFERENCE_BYTES_MIN) {
      copy(bytes, count);
    } else {
      if (no_part_left()) flush();
      part(const_cast<std::uint8_t*>(bytes), count);
    }
  }
  /// Sends what was gathered; what the kernel does not take is queued.
  void flush();

 private:
  [[nodiscard]] bool no_part_left() const {
    return parts_ == PARTS_MAX || loop_.outgoing.back().part_count == CONNECTION_PARTS_MAX;
  }
  void part(std::uint8_t* bytes, std::uint32_t count) {
    loop_.parts[parts_++] = {bytes, count};
    loop_.outgoing.back().part_count++;
  }

  Loop& loop_;
  std::uint32_t parts_ = 0;
  std::uint32_t used_ = 0;
};

bool queue_output(Loop& loop, Connection& connection, const std::uint8_t* bytes,
                  std::uint32_t count) {
  if (connection.output == nullptr) {
    connection.output = new (std::nothrow) OutputQueue();
    connection.output_sent = 0;
    if (connection.output != nullptr)
      connection.output->unacknowledged = io_unacknowledged(loop, connection);
    // The handlers of this turn may have taken their time: the write window begins now, not before.
    io_read_clock(loop);
    connection.mark = loop.now_ms;
    connection.progress = 0;
  }
  // What is gone makes room, else a queue that never runs empty would grow for ever.
  OutputQueue* const queue = connection.output;
  if (queue != nullptr && connection.output_sent > queue->length / 2) {
    queue->length -= connection.output_sent;
    std::memmove(queue->data, queue->data + connection.output_sent, queue->length);
    connection.output_sent = 0;
  }
  constexpr std::uint32_t QUEUE_CEILING = 1u << 30;
  if (connection.output == nullptr || connection.output->length > QUEUE_CEILING - count ||
      !loop.pool.append(*connection.output, bytes, count)) {
    loop.count(COUNTER_ERRORS);
    close_connection(loop, connection, true);
    return false;
  }
  loop.count(COUNTER_QUEUED_BYTES, count);
  return true;
}

/// One send; what is left over is copied to the queue of the connection.
void send_parts(Loop& loop, Connection& connection, iovec* parts, std::uint32_t count) {
  std::uint32_t first = 0;
  std::size_t skip = 0;
  if (connection.output == nullptr) {
    const IoResult result = io_send(loop, connection, parts, count);
    loop.count(COUNTER_SEND_CALLS);
    if (result.status == IoStatus::error) {
      loop.count(COUNTER_RESETS);
      close_connection(loop, connection, true);
      return;
    }
    loop.count(COUNTER_BYTES_WRITTEN, result.bytes);
    skip = result.bytes;
    while (first < count && skip >= parts[first].iov_len) skip -= parts[first++].iov_len;
    if (first == count) return;
  }
  loop.count(COUNTER_PARTIAL_WRITES);
  connection.set(WRITE_BLOCKED);
  for (; first < count; first++, skip = 0) {
    const std::uint8_t* bytes = static_cast<const std::uint8_t*>(parts[first].iov_base) + skip;
    if (!queue_output(loop, connection, bytes,
                      static_cast<std::uint32_t>(parts[first].iov_len - skip)))
      return;
  }
}

void after_send(Loop& loop, Connection& connection);

void Gather::flush() {
  if (loop_.outgoing.empty()) return;
  const Outgoing last = loop_.outgoing.back();
  for (const Outgoing& outgoing : loop_.outgoing) {
    Connection& connection = *outgoing.connection;
    if (connection.phase != Phase::open) continue;
    if (outgoing.part_count > 0)
      send_parts(loop_, connection, loop_.parts.data() + outgoing.first_part, outgoing.part_count);
    if (outgoing.ended) after_send(loop_, connection);
  }
  loop_.outgoing.clear();
  parts_ = 0;
  used_ = 0;
  if (!last.ended) begin(*last.connection);
}

const BlockRecord* block_of(Loop& loop, std::int32_t id) {
  const std::uint32_t index = static_cast<std::uint32_t>(id);
  if (index == 0 || index >= BLOCKS_MAX ||
      index >= static_cast<std::uint32_t>(loop.control()[CONTROL_BLOCK_COUNT]))
    return nullptr;
  const BlockRecord* block = &loop.records<BlockRecord>(BLOCK_TABLE_OFFSET)[index];
  const std::uint64_t offset = static_cast<std::uint32_t>(block->offset),
                      length = static_cast<std::uint32_t>(block->length);
  const std::uint64_t date = static_cast<std::uint32_t>(block->date),
                      body = static_cast<std::uint32_t>(block->body);
  if (offset < BLOCK_BYTES_OFFSET || offset + length > BLOCK_BYTES_OFFSET + BLOCK_BYTES_MAX)
    return nullptr;
  if (body > length || (date != 0 && date + sizeof loop.date > length)) return nullptr;
  return block;
}

/// Whether [offset, offset + length) lies in the output arena.
bool in_output(std::int32_t offset, std::int32_t length) {
  const std::uint64_t start = static_cast<std::uint32_t>(offset),
                      count = static_cast<std::uint32_t>(length);
  return start >= OUTPUT_OFFSET && start + count <= OUTPUT_OFFSET + OUTPUT_BYTES_MAX;
}

std::uint32_t write_decimal(std::uint8_t* to, std::uint32_t value) {
  std::uint8_t digits[10];
  std::uint32_t count = 0;
  do digits[count++] = static_cast<std::uint8_t>('0' + value % 10);
  while ((value /= 10) > 0);
  for (std::uint32_t k = 0; k < count; k++) to[k] = digits[count - 1 - k];
  return count;
}

template <std::size_t N>
std::uint8_t* put(std::uint8_t* to, const char (&text)[N]) {
  std::memcpy(to, text, N - 1);
  return to + N - 1;
}

/// How one answer ends: whether the connection persists, and what the head says about it.
struct Persistence {
  bool close;
  bool say_keep_alive;
  [[nodiscard]] Ending ending(std::uint32_t kind_flags) const {
    // An answer that is cut ends like one that closes: a reset would take answers with it that were
    // complete and are still on their way.
    if ((kind_flags & RESPONSE_FLAG_CUT) == 0) return close ? Ending::close : Ending::persist;
    return (kind_flags & RESPONSE_FLAG_CLOSE) != 0 ? Ending::reset : Ending::close;
  }
};

Persistence persistence_of(const Loop& loop, const Connection& connection, std::uint32_t sequence,
                           std::uint32_t kind_flags) {
  const bool last = connection.has(STOP_PARSING) && connection.close_sequence == sequence;
  // A drain lets everything that runs finish: the last answer that is owed says close.
  // One whose head has left already cannot say it: its connection becomes idle, and has its grace.
  const std::uint32_t kind = kind_flags & 0xff;
  const bool drained = loop.draining && sequence + 1 == connection.sequence_next &&
                       kind != RESPONSE_KIND_RAW && kind != RESPONSE_KIND_INTERIM;
  const bool close = last || drained || (kind_flags & RESPONSE_FLAG_CLOSE) != 0;
  return {close, !close && connection.has(HTTP_1_0)};
}

/// A body that is still coming when its answer is written (CLOSE-1, CLOSE-2). True when the
/// connection has to close.
bool ends_with_body(Connection& connection, std::uint32_t sequence) {
  StreamedBody* body = connection.body;
  if (body == nullptr || body->sequence != sequence) return false;
  return body->chunked || body->left > DISCARD_BYTES_MAX || body->continue_owed;
}

/// A head that says close binds the rest of its answer, whatever is parsed in the meantime.
void keep_promise(Connection& connection, std::uint32_t sequence, std::uint32_t kind_flags,
                  Persistence persistence) {
  // Behind the head of the final answer there is no place for 100 Continue (EXP-2).
  StreamedBody* body = connection.body;
  if (body != nullptr && body->sequence == sequence && (kind_flags & 0xff) != RESPONSE_KIND_INTERIM)
    body->continue_owed = false;
  if (!persistence.close || (kind_flags & RESPONSE_FLAG_MORE) == 0) return;
  if ((kind_flags & 0xff) == RESPONSE_KIND_INTERIM) return;
  if (connection.has(STOP_PARSING) &&
      static_cast<std::int32_t>(connection.close_sequence - sequence) <= 0)
    return;
  connection.set(STOP_PARSING);
  connection.close_sequence = sequence;
}

void put_connection(std::uint8_t*& to, Persistence persistence) {
  if (persistence.close) to = put(to, "connection: close\r\n");
  if (persistence.say_keep_alive) to = put(to, "connection: keep-alive\r\n");
}

/// Appends a whole block; its date is filled in on the way. False: bad record.
template <class Sink>
bool append_whole(Loop& loop, Sink& sink, const ResponseRecord& record, Persistence persistence) {
  const BlockRecord* block = block_of(loop, record.head);
  if (block == nullptr) return false;
  const std::uint8_t* bytes = loop.block + block->offset;
  const std::uint32_t length = static_cast<std::uint32_t>(block->length),
                      body = static_cast<std::uint32_t>(block->body);
  const bool omit_body =
      (static_cast<std::uint32_t>(record.kind_flags) & RESPONSE_FLAG_OMIT_BODY) != 0;
  if (!persistence.close && !persistence.say_keep_alive && !omit_body) {
    std::uint8_t* to = sink.room(length);
    if (to == nullptr) return false;
    std::memcpy(to, bytes, length);
    if (block->date != 0) std::memcpy(to + block->date, loop.date, 29);
    return true;
  }
  if (body < 4) return false;
  std::uint8_t* const start = sink.room(length + FRAMING_BYTES_MAX);
  if (start == nullptr) return false;
  std::uint8_t* to = start;
  std::memcpy(to, bytes, body - 2);
  if (block->date != 0) std::memcpy(to + block->date, loop.date, 29);
  to += body - 2;
  put_connection(to, persistence);
  to = put(to, "\r\n");
  if (!omit_body) {
    std::memcpy(to, bytes + body, length - body);
    to += length - body;
  }
  sink.shrink(static_cast<std::uint32_t>(start + length + FRAMING_BYTES_MAX - to));
  return true;
}

/// Appends part of a body: as it is, or as one chunk (RFC 9112 §7.1). False: no room.
template <class Sink>
bool append_part(Sink& sink, const std::uint8_t* bytes, std::uint32_t count, std::uint32_t flags) {
  if ((flags & RESPONSE_FLAG_CHUNKED) == 0) {
    if (count > 0) sink.refer(bytes, count);
    return true;
  }
  if (count > 0) {
    constexpr std::uint32_t SIZE_LINE_BYTES = 10;
    std::uint8_t* const start = sink.room(SIZE_LINE_BYTES);
    if (start == nullptr) return false;
    std::uint32_t digits = 1;
    while (digits < 8 && count >> (4 * digits) != 0) digits++;
    for (std::uint32_t k = 0; k < digits; k++)
      start[k] =
          static_cast<std::uint8_t>("0123456789abcdef"[count >> (4 * (digits - 1 - k)) & 15]);
    start[digits] = '\r';
    start[digits + 1] = '\n';
    sink.shrink(SIZE_LINE_BYTES - digits - 2);
    sink.refer(bytes, count);
    sink.copy(reinterpret_cast<const std::uint8_t*>("\r\n"), 2);
  }
  const bool whole = (flags & (RESPONSE_FLAG_MORE | RESPONSE_FLAG_CUT)) == 0;
  if (whole) sink.copy(reinterpret_cast<const std::uint8_t*>("0\r\n\r\n"), 5);
  return true;
}

/// Appends head block, extra lines, framing and body. False: bad record.
template <class Sink>
bool append_head(Loop& loop, Sink& sink, const ResponseRecord& record, Persistence persistence) {
  const std::uint32_t flags = static_cast<std::uint32_t>(record.kind_flags);
  const BlockRecord* head = block_of(loop, record.head);
  if (head == nullptr || head->status == 0) return false;
  const std::uint8_t* body = nullptr;
  std::uint32_t body_length = static_cast<std::uint32_t>(record.length);
  if ((flags & 0xff) == RESPONSE_KIND_HEAD_BLOCK) {
    const BlockRecord* block = block_of(loop, record.body);
    if (block == nullptr) return false;
    body = loop.block + block->offset;
    body_length = static_cast<std::uint32_t>(block->length);
  } else if (body_length > 0) {
    if (!in_output(record.body, record.length)) return false;
    body = loop.block + record.body;
  }
  const std::uint8_t* extra = nullptr;
  std::uint32_t extra_length = 0;
  if (record.extra != 0) {
    if (!in_output(record.extra, 4)) return false;
    std::memcpy(&extra_length, loop.block + record.extra, 4);
    if (extra_length > OUTPUT_BYTES_MAX ||
        !in_output(record.extra + 4, static_cast<std::int32_t>(extra_length)))
      return false;
    extra = loop.block + record.extra + 4;
  }
  const bool bodiless = head->status == 204 || head->status == 304;
  sink.copy(loop.block + head->offset, static_cast<std::uint32_t>(head->length));
  if (extra_length > 0) sink.refer(extra, extra_length);
  std::uint8_t* const start = sink.room(FRAMING_BYTES_MAX);
  if (start == nullptr) return false;
  std::uint8_t* to = start;
  if ((flags & RESPONSE_FLAG_OWN_DATE) == 0) {
    to = put(to, "date: ");
    std::memcpy(to, loop.date, 29);
    to = put(to + 29, "\r\n");
  }
  if ((flags & RESPONSE_FLAG_CHUNKED) != 0) {
    to = put(to, "transfer-encoding: chunked\r\n");
  } else if (!bodiless && (flags & RESPONSE_FLAG_OWN_LENGTH) == 0) {
    to = put(to, "content-length: ");
    to += write_decimal(to, head->status == 205 ? 0 : body_length);
    to = put(to, "\r\n");
  }
  put_connection(to, persistence);
  to = put(to, "\r\n");
  sink.shrink(static_cast<std::uint32_t>(start + FRAMING_BYTES_MAX - to));
  const bool omit = bodiless || head->status == 205 || (flags & RESPONSE_FLAG_OMIT_BODY) != 0;
  return omit || append_part(sink, body, body_length, flags);
}

/// Appends the bytes of one record. False: bad record.
template <class Sink>
bool append_answer(Loop& loop, Sink& sink, const ResponseRecord& record, Persistence persistence) {
  switch (static_cast<std::uint32_t>(record.kind_flags) & 0xff) {
    case RESPONSE_KIND_WHOLE:
      return append_whole(loop, sink, record, persistence);
    case RESPONSE_KIND_HEAD:
    case RESPONSE_KIND_HEAD_BLOCK:
      return append_head(loop, sink, record, persistence);
    case RESPONSE_KIND_INTERIM:
      if ((static_cast<std::uint32_t>(record.kind_flags) & RESPONSE_FLAG_MORE) == 0) return false;
      [[fallthrough]];
    case RESPONSE_KIND_RAW:
      if (record.length != 0 && !in_output(record.head, record.length)) return false;
      return append_part(sink, loop.block + static_cast<std::uint32_t>(record.head),
                         static_cast<std::uint32_t>(record.length),
                         static_cast<std::uint32_t>(record.kind_flags));
    default:
      return false;
  }
}

/// Collects an answer that has to wait for earlier ones.
class Stash {
 public:
  Stash(Loop& loop, Buffer& bytes) : loop_(loop), bytes_(bytes) {}
  [[nodiscard]] bool failed() const { return failed_; }
  void copy(const std::uint8_t* bytes, std::uint32_t count) {
    std::uint8_t* to = room(count);
    if (to != nullptr) std::memcpy(to, bytes, count);
  }
  void refer(const std::uint8_t* bytes, std::uint32_t count) { copy(bytes, count); }
  std::uint8_t* room(std::uint32_t count) {
    failed_ = failed_ || !loop_.pool.grow(bytes_, bytes_.length + count);
    if (failed_) return nullptr;
    bytes_.length += count;
    return bytes_.data + bytes_.length - count;
  }
  void shrink(std::uint32_t count) { bytes_.length -= count; }

 private:
  Loop& loop_;
  Buffer& bytes_;
  bool failed_ = false;
};

}  // namespace

StashedAnswer* stash_entry(Connection& connection, std::uint32_t sequence) {
  StashedAnswer** link = &connection.stash;
  while (*link != nullptr && static_cast<std::int32_t>((*link)->sequence - sequence) < 0)
    link = &(*link)->next;
  if (*link != nullptr && (*link)->sequence == sequence) return *link;
  StashedAnswer* entry = new (std::nothrow) StashedAnswer();
  if (entry == nullptr) return nullptr;
  entry->sequence = sequence;
  entry->next = *link;
  *link = entry;
  return entry;
}

namespace {

constexpr char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";

/// 100 Continue takes the place of its request (EXP-3): it leaves once all earlier answers have.
template <class Sink>
void append_continue(Connection& connection, Sink& sink) {
  StreamedBody* body = connection.body;
  if (body == nullptr || !body->continue_owed || !body->reading ||
      body->sequence != connection.sequence_send)
    return;
  body->continue_owed = false;
  sink.copy(reinterpret_cast<const std::uint8_t*>(CONTINUE), sizeof CONTINUE - 1);
}

/// Bookkeeping after the last byte of an answer was handed over.
void answered(Loop& loop, Connection& connection, Ending ending) {
  StreamedBody* body = connection.body;
  if (body != nullptr && body->sequence == connection.sequence_send && ending == Ending::persist) {
    body->discarding = true;
    connection.mark = loop.now_ms;
    connection.progress = 0;
    make_hot(loop, connection);
  }
  connection.sequence_send++;
  connection.clear(WRITABLE_WANTED);
  if (connection.has(PARTS_OPEN)) {
    connection.clear(PARTS_OPEN);
    connection.set(PARTS_SENT);
  }
  // Only the latest request can have asked for the socket, and it was answered after all.
  if (connection.owed() == 0) connection.clear(HIJACK_WANTED | HIJACK_READY);
  connection.idle_since = loop.now_ms;
  if (connection.input.length > 0 && connection.owed() == 0 && body == nullptr)
    connection.mark = loop.now_ms;
  if (ending != Ending::persist) connection.set(STOP_PARSING | CLOSE_AFTER_FLUSH);
  if (ending == Ending::reset) connection.set(RESET_AFTER_FLUSH);
}

/// Appends stashed answers whose turn has come. An entry leaves the list before its bytes are
/// gathered: gathering may send, and a send that fails drops the list.
void append_stashed(Loop& loop, Connection& connection, Gather& gather) {
  while (connection.phase == Phase::open && connection.stash != nullptr &&
         !connection.has(CLOSE_AFTER_FLUSH) &&
         connection.stash->sequence == connection.sequence_send) {
    StashedAnswer* entry = connection.stash;
    const bool complete = entry->complete;
    const Ending ending = entry->ending;
    Buffer bytes = std::exchange(entry->bytes, Buffer{});
    if (complete) {
      connection.stash = entry->next;
      delete entry;
      connection.clear(PARTS_OPEN);
    } else {
      connection.set(PARTS_OPEN);
    }
    if (!complete && entry->writable_wanted) {
      entry->writable_wanted = false;
      connection.set(WRITABLE_WANTED);
      make_hot(loop, connection);
    }
    for (std::uint32_t at = 0; at < bytes.length && connection.phase == Phase::open;
         at += SCRATCH_BYTES) {
      gather.copy(bytes.data + at, std::min(bytes.length - at, SCRATCH_BYTES));
    }
    loop.pool.release(bytes);
    if (!complete) return;
    if (connection.phase == Phase::open) answered(loop, connection, ending);
  }
}

void stash_record(Loop& loop, Connection& connection, const ResponseRecord& record) {
  StashedAnswer* entry = stash_entry(connection, static_cast<std::uint32_t>(record.sequence));
  if (entry != nullptr && entry->complete) {
    loop.count(COUNTER_STALE_WRITES);
    return;
  }
  const std::uint32_t flags = static_cast<std::uint32_t>(record.kind_flags);
  Persistence persistence =
      persistence_of(loop, connection, static_cast<std::uint32_t>(record.sequence), flags);
  persistence.close =
      persistence.close || ends_with_body(connection, static_cast<std::uint32_t>(record.sequence));
  bool good = entry != nullptr;
  if (good) {
    Stash stash(loop, entry->bytes);
    good = append_answer(loop, stash, record, persistence) && !stash.failed();
    keep_promise(connection, entry->sequence, flags, persistence);
    // An interim answer says nothing about the end of the final one.
    if ((flags & 0xff) != RESPONSE_KIND_INTERIM &&
        (entry->ending == Ending::persist || (flags & RESPONSE_FLAG_CUT) != 0))
      entry->ending = persistence.ending(flags);
    entry->complete = (flags & RESPONSE_FLAG_MORE) == 0;
    if (!entry->complete) connection.set(PARTS_OPEN);
  }
  if (!good) {
    loop.count(COUNTER_BAD_RECORDS);
    loop.count(COUNTER_ERRORS);
    close_connection(loop, connection, true);
  }
}

/// What happens to a connection once its answers of this drain are sent.
void after_send(Loop& loop, Connection& connection) {
  if (connection.phase != Phase::open) return;
  if (connection.unsent() > 0) {
    file_deadline(loop, connection);
    return;
  }
  if (connection.has(RESET_AFTER_FLUSH)) {
    close_connection(loop, connection, true);
    return;
  }
  if (connection.has(CLOSE_AFTER_FLUSH)) {
    begin_staged_close(loop, connection);
    return;
  }
  if (connection.has(WRITABLE_WANTED | HIJACK_WANTED)) make_hot(loop, connection);
  if (connection.has(INPUT_HELD) && connection.owed() <= OWED_ANSWERS_MAX / 2)
    make_hot(loop, connection);
  if (connection.has(PEER_FIN | FIN_SEEN) && connection.owed() == 0)
    loop.fins.push_back(loop.slot_of(connection));
  // Filed already means filed for its idle time; the rest of a head is due sooner.
  if (connection.timer_slot == NOT_FILED || connection.input.length > 0)
    file_deadline(loop, connection);
}

void answer_connection(Loop& loop, Connection& connection, Gather& gather) {
  gather.begin(connection);
  const std::uint32_t first_sequence = connection.sequence_send;
  const ResponseRecord* records = loop.records<ResponseRecord>(RESPONSES_OFFSET);
  for (std::uint32_t index = connection.drain_first;; index = loop.next_record[index]) {
    const ResponseRecord& record = records[index];
    const std::uint32_t flags = static_cast<std::uint32_t>(record.kind_flags);
    const std::uint32_t sequence = static_cast<std::uint32_t>(record.sequence);
    if (connection.phase != Phase::open || connection.has(CLOSE_AFTER_FLUSH)) break;
    if (sequence - connection.sequence_send >= connection.owed()) {
      loop.count(COUNTER_STALE_WRITES);
    } else if (sequence != connection.sequence_send || connection.stash != nullptr) {
      stash_record(loop, connection, record);
      if (connection.phase == Phase::open) append_stashed(loop, connection, gather);
    } else {
      Persistence persistence = persistence_of(loop, connection, sequence, flags);
      if (connection.body != nullptr)
        persistence.close = persistence.close || ends_with_body(connection, sequence);
      if (!append_answer(loop, gather, record, persistence)) {
        loop.count(COUNTER_BAD_RECORDS);
        loop.count(COUNTER_ERRORS);
        close_connection(loop, connection, true);
        break;
      }
      keep_promise(connection, sequence, flags, persistence);
      if ((flags & RESPONSE_FLAG_MORE) != 0) {
        connection.set(PARTS_OPEN);
      } else if (connection.phase == Phase::open) {
        answered(loop, connection, persistence.ending(flags));
      }
    }
    if (index == connection.drain_last) break;
  }
  connection.clear(TOUCHED);
  if (connection.phase == Phase::open) append_continue(connection, gather);
  gather.end(connection.sequence_send - first_sequence);
}

}  // namespace

void send_continue(Loop& loop, Connection& connection) {
  Gather gather(loop);
  gather.begin(connection);
  append_continue(connection, gather);
  gather.end(0);
  gather.flush();
}

void drain_answers(Loop& loop) {
  std::uint32_t count = static_cast<std::uint32_t>(loop.control()[CONTROL_RESPONSE_COUNT]);
  if (count == 0 || loop.foreign_answers()) return;
  if (count > RESPONSES_MAX) {
    loop.count(COUNTER_BAD_RECORDS, count - RESPONSES_MAX);
    count = RESPONSES_MAX;
  }
  if (loop.next_record.empty()) loop.next_record.resize(RESPONSES_MAX);
  const ResponseRecord* records = loop.records<ResponseRecord>(RESPONSES_OFFSET);
  loop.touched.clear();
  for (std::uint32_t index = 0; index < count; index++) {
    const ResponseRecord& record = records[index];
    const std::uint32_t slot = static_cast<std::uint32_t>(record.slot);
    Connection* connection = loop.table.find(slot, static_cast<std::uint32_t>(record.generation));
    if (connection == nullptr) {
      loop.count(COUNTER_STALE_WRITES);
      continue;
    }
    if ((static_cast<std::uint32_t>(record.kind_flags) & 0xff) == RESPONSE_KIND_COMMAND) {
      run_command(loop, *connection, record);
      continue;
    }
    if (connection->has(TOUCHED)) {
      loop.next_record[connection->drain_last] = index;
    } else {
      connection->set(TOUCHED);
      connection->drain_first = index;
      loop.touched.push_back(slot);
    }
    connection->drain_last = index;
  }
  Gather gather(loop);
  for (std::uint32_t slot : loop.touched) answer_connection(loop, loop.table.at(slot), gather);
  gather.flush();
  loop.control()[CONTROL_RESPONSE_COUNT] = 0;
  loop.control()[CONTROL_OUTPUT_USED] = 0;
}

void answer_and_close(Loop& loop, Connection& connection, std::uint32_t sequence,
                      const std::uint8_t* bytes, std::uint32_t count) {
  StashedAnswer* entry = stash_entry(connection, sequence);
  if (entry == nullptr || !loop.pool.append(entry->bytes, bytes, count)) {
    loop.count(COUNTER_ERRORS);
    close_connection(loop, connection, true);
    return;
  }
  entry->complete = true;
  entry->ending = Ending::close;
  Gather gather(loop);
  gather.begin(connection);
  append_stashed(loop, connection, gather);
  gather.end(0);
  gather.flush();
}

void flush_output(Loop& loop, Connection& connection) {
  if (connection.output == nullptr) return;
  while (connection.unsent() > 0) {
    const iovec part{connection.output->data + connection.output_sent, connection.unsent()};
    const IoResult result = io_send(loop, connection, &part, 1);
    loop.count(COUNTER_SEND_CALLS);
    if (result.status == IoStatus::error) {
      loop.count(COUNTER_RESETS);
      close_connection(loop, connection, true);
      return;
    }
    if (result.status == IoStatus::would_block || result.bytes == 0) {
      if (connection.has(WRITABLE_WANTED) && connection.unsent() <= WRITABLE_BYTES_MAX)
        make_hot(loop, connection);
      return;
    }
    connection.output_sent += result.bytes;
    connection.progress += result.bytes;
    loop.count(COUNTER_BYTES_WRITTEN, result.bytes);
    loop.counters[COUNTER_QUEUED_BYTES] -= result.bytes;
  }
  loop.pool.release(*connection.output);
  delete connection.output;
  connection.output = nullptr;
  connection.clear(WRITE_BLOCKED);
  connection.idle_since = loop.now_ms;
  after_send(loop, connection);
  // While output waited nothing else was timed: the rest of a body is, from now on.
  if (connection.phase == Phase::open) file_deadline(loop, connection);
}

}  // namespace celeris
