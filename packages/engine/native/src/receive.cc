// Hot path. Bytes of a socket -> records of the batch. Bytes stay where they were received.
#include "celeris/receive.h"

#include <algorithm>
#include <cstring>

#include "celeris/answers.h"
#include "celeris/closing.h"
#include "celeris/commands.h"
#include "celeris/http1_error_response.h"

namespace celeris {

namespace {

std::uint32_t status_counter(std::uint16_t status) {
  switch (status) {
    case 408:
      return COUNTER_STATUS408;
    case 413:
      return COUNTER_STATUS413;
    case 414:
      return COUNTER_STATUS414;
    case 417:
      return COUNTER_STATUS417;
    case 421:
      return COUNTER_STATUS421;
    case 431:
      return COUNTER_STATUS431;
    case 501:
      return COUNTER_STATUS501;
    case 505:
      return COUNTER_STATUS505;
    default:
      return COUNTER_STATUS400;
  }
}

/// Pipelined requests taken at first from a connection whose answers may be of any size.
constexpr std::uint32_t UNTRIED_REQUESTS_MAX = 16;

/// What follows such a request is not parsed before it is answered: 1.0 is answered one by one, and
/// behind an upgrade another protocol may follow (UPG-2).
/// And no request is begun behind an answer in parts, whose size nobody knows (PIP-3).
constexpr std::uint32_t ONE_AT_A_TIME =
    HTTP_1_0 | UPGRADE_ASKED | HIJACK_WANTED | HIJACK_READY | PARTS_OPEN;

/// Whether the next request of a connection has to wait in its input (PIP-3).
bool must_hold(const Connection& connection, std::uint32_t taken_this_turn) {
  // What the requests taken this turn will add to the output, going by the answers before; a
  // connection that had none is tried with a few.
  const std::uint64_t expected = std::uint64_t{taken_this_turn} * connection.answer_bytes;
  const bool untried = connection.answer_bytes == 0 && taken_this_turn >= UNTRIED_REQUESTS_MAX;
  return connection.owed() >= OWED_ANSWERS_MAX || taken_this_turn >= TURN_REQUESTS_MAX || untried ||
         connection.unsent() + expected >= UNSENT_BYTES_MAX + connection.answer_bytes ||
         (connection.has(ONE_AT_A_TIME) && connection.owed() > 0);
}

/// What is received from now on goes to whoever takes the socket.
bool awaits_hijack(const Connection& connection) {
  return connection.has(HIJACK_WANTED | HIJACK_READY);
}

/// Keeps bytes for the next turn. Memory short: the connection ends.
bool keep_input(Loop& loop, Connection& connection, const std::uint8_t* bytes,
                std::uint32_t count) {
  if (count == 0) return true;
  if (loop.pool.append(connection.input, bytes, count)) return true;
  loop.count(COUNTER_ERRORS);
  close_connection(loop, connection, true);
  return false;
}

/// Writes the request record of a parsed head.
void add_request(Loop& loop, Connection& connection, const Head& head, std::uint32_t body_offset,
                 std::int32_t body_length) {
  RequestRecord& record = loop.records<RequestRecord>(REQUESTS_OFFSET)[loop.requests++];
  record.slot = static_cast<std::int32_t>(loop.slot_of(connection));
  record.generation = static_cast<std::int32_t>(connection.generation);
  record.sequence = static_cast<std::int32_t>(connection.sequence_next++);
  record.method_minor_flags = static_cast<std::int32_t>(
      head.method | std::uint32_t{head.minor} << 8 | std::uint32_t{head.flags} << 16);
  record.head_offset = static_cast<std::int32_t>(head.start);
  record.target_offset = static_cast<std::int32_t>(head.target_offset);
  record.path_target_length =
      static_cast<std::int32_t>(head.path_length | head.target_length << 16);
  record.field_index = static_cast<std::int32_t>(loop.fields);
  record.field_count = static_cast<std::int32_t>(head.fields_count);
  record.body_offset = static_cast<std::int32_t>(body_offset);
  record.body_length = body_length;
  record.literal_id = loop.literals.find(loop.block + head.path_offset, head.path_length);
  record.content_length_low = static_cast<std::int32_t>(head.content_length);
  record.head_length = static_cast<std::int32_t>(head.length);
  record.loop_id = 0;
  record.path_offset = static_cast<std::int32_t>(head.path_offset);
  loop.fields += head.fields_count;
  connection.leading_crlf = 0;
  loop.count(COUNTER_REQUESTS);
}

/// Turns body bytes into events, in place. Returns the bytes used; the rest belongs to the next
/// request.
std::uint32_t feed_body(Loop& loop, Connection& connection, std::uint8_t* bytes,
                        std::uint32_t count) {
  StreamedBody& body = *connection.body;
  const std::uint32_t offset = static_cast<std::uint32_t>(bytes - loop.block);
  std::uint32_t used = 0, decoded = 0;
  std::uint16_t error = 0;
  if (body.chunked) {
    ChunkedLimits limits{body.left, loop.config.head.head_bytes_max, loop.config.head.fields_max};
    const ChunkedResult result = decode_chunked({bytes, count}, body.chunked_state, limits);
    body.left = limits.body_bytes_max;
    used = result.consumed;
    decoded = result.decoded;
    if (result.status == ParseStatus::bad) error = result.error_status;
    body.ended = result.status == ParseStatus::complete;
  } else {
    used = decoded = static_cast<std::uint32_t>(std::min<std::uint64_t>(body.left, count));
    body.left -= used;
    body.ended = body.left == 0;
  }
  connection.progress += used;
  const std::uint32_t sequence = body.sequence;
  const bool heard = !body.discarding;
  if (decoded > 0 && heard)
    add_event(loop, connection, sequence, EVENT_KIND_BODY_BYTES, 0, offset, decoded);
  if (error != 0) {
    if (heard) add_event(loop, connection, sequence, EVENT_KIND_BODY_ERROR, error, 0, 0);
    loop.count(status_counter(error));
    connection.set(STOP_PARSING);
    connection.close_sequence = sequence;
    delete connection.body;
    connection.body = nullptr;
    return count;
  }
  if (body.ended) {
    if (heard) add_event(loop, connection, sequence, EVENT_KIND_BODY_END, 0, 0, 0);
    delete connection.body;
    connection.body = nullptr;
  }
  return used;
}

/// Starts a body that core reads through events.
bool begin_streamed_body(Loop& loop, Connection& connection, const Head& head) {
  StreamedBody* body = new (std::nothrow) StreamedBody();
  if (body == nullptr) {
    loop.count(COUNTER_ERRORS);
    close_connection(loop, connection, true);
    return false;
  }
  body->sequence = connection.sequence_next;
  body->chunked = (head.flags & REQUEST_FLAG_CHUNKED) != 0;
  body->left = body->chunked ? loop.config.head.body_bytes_max : head.content_length;
  body->continue_owed = (head.flags & REQUEST_FLAG_EXPECT_CONTINUE) != 0;
  connection.body = body;
  return true;
}

/// A head begins to wait for its inline body. False: the loop's budget for that is used up, so the
/// body has to be streamed (BODY-5).
bool begin_pending_body(Loop& loop, Connection& connection, std::uint32_t needed) {
  if (loop.pending_body_bytes + needed > BUFFERED_BODIES_MAX) return false;
  loop.pending_body_bytes += needed;
  connection.set(BODY_PENDING);
  connection.input_needed = needed;
  return true;
}

enum class Next : std::uint8_t { more, wait, stop };

/// Takes one request (or part of a body) from [*at, end).
Next take_one(Loop& loop, Connection& connection, std::uint8_t* base, std::uint32_t* at,
              std::uint32_t end) {
  if (connection.body != nullptr) {
    if (!connection.body->reading && !connection.body->discarding) return Next::wait;
    if (loop.events + 4 > EVENTS_MAX) return Next::wait;
    *at += feed_body(loop, connection, base + *at, end - *at);
    return connection.body == nullptr ? Next::more : Next::wait;
  }
  const std::uint32_t input_offset = static_cast<std::uint32_t>(base + *at - loop.block);
  FieldRecord* fields = loop.records<FieldRecord>(FIELDS_OFFSET) + loop.fields;
  Head head;
  const ParseStatus status = parse_head({base + *at, end - *at}, input_offset, loop.config.head,
                                        {fields, FIELDS_MAX - loop.fields}, head);
  if (status == ParseStatus::incomplete) return Next::wait;
  if (status == ParseStatus::bad) {
    refuse(loop, connection, head.error_status, head.head_method);
    return Next::stop;
  }
  // Pairs dropped in earlier turns count too (RL-1).
  if (connection.leading_crlf + (head.start - input_offset) / 2 > LEADING_CRLF_MAX) {
    refuse(loop, connection, 400, head.head_method);
    return Next::stop;
  }
  const std::uint32_t body_at = *at + head.consumed;
  const bool no_body = (head.flags & REQUEST_FLAG_BODY_COMPLETE) != 0;
  std::int32_t body_length = 0;
  std::uint32_t next = body_at;
  if (!no_body) {
    const bool arrived = head.has_content_length && head.content_length <= end - body_at;
    const bool fits = head.has_content_length && head.content_length <= loop.config.inline_body_max;
    if (arrived && fits) {
      body_length = static_cast<std::int32_t>(head.content_length);
      next = body_at + static_cast<std::uint32_t>(head.content_length);
      head.flags |= REQUEST_FLAG_BODY_COMPLETE;
      head.flags &= static_cast<std::uint16_t>(~REQUEST_FLAG_EXPECT_CONTINUE);
    } else if (fits && (head.flags & REQUEST_FLAG_EXPECT_CONTINUE) == 0 &&
               begin_pending_body(
                   loop, connection,
                   head.consumed + static_cast<std::uint32_t>(head.content_length))) {
      return Next::wait;
    } else {
      if (!begin_streamed_body(loop, connection, head)) return Next::stop;
      if (body_at < end) connection.body->continue_owed = false;
      body_length = -1;
    }
  }
  if (loop.config.disable_keep_alive) head.flags |= REQUEST_FLAG_CLOSE;
  connection.clear(HTTP_1_0 | UPGRADE_ASKED);
  if ((head.flags & REQUEST_FLAG_KEEP_ALIVE_1_0) != 0) connection.set(HTTP_1_0);
  if ((head.flags & REQUEST_FLAG_UPGRADE) != 0) connection.set(UPGRADE_ASKED);
  if ((head.flags & REQUEST_FLAG_CLOSE) != 0) {
    connection.set(STOP_PARSING);
    connection.close_sequence = connection.sequence_next;
  }
  add_request(loop, connection, head, static_cast<std::uint32_t>(base + body_at - loop.block),
              body_length);
  *at = next;
  return Next::more;
}

/// CRLF pairs in front of a request start no timer (RL-1). False: there were too many.
bool drop_leading_crlf(Loop& loop, Connection& connection, const std::uint8_t* base,
                       std::uint32_t* at, std::uint32_t end) {
  if (connection.body != nullptr || connection.has(BODY_PENDING) || connection.has(INPUT_HELD))
    return true;
  while (end - *at >= 2 && base[*at] == '\r' && base[*at + 1] == '\n') {
    *at += 2;
    if (++connection.leading_crlf > LEADING_CRLF_MAX) {
      refuse(loop, connection, 400, false);
      return false;
    }
  }
  // Whatever follows this CR: one pair too many, or none at all.
  if (connection.leading_crlf == LEADING_CRLF_MAX && *at < end && base[*at] == '\r') {
    refuse(loop, connection, 400, false);
    return false;
  }
  return true;
}

/// Whether the batch has room for the records of one connection's turn.
bool has_record_room(const Loop& loop) {
  return loop.requests + TURN_REQUESTS_MAX <= REQUESTS_MAX && loop.events + 64 <= EVENTS_MAX &&
         FIELDS_MAX - loop.fields >= loop.config.head.fields_max;
}

/// Turns [0, end) of the arena at `base` into records; what is left is kept.
void take_all(Loop& loop, Connection& connection, std::uint8_t* base, std::uint32_t end,
              bool carried) {
  std::uint32_t at = 0;
  const std::uint32_t first_sequence = connection.sequence_next;
  while (at < end) {
    if (connection.has(STOP_PARSING) && connection.body == nullptr && !awaits_hijack(connection)) {
      connection.set(INPUT_DROPPED);
      at = end;
      break;
    }
    const bool full =
        loop.requests == REQUESTS_MAX || FIELDS_MAX - loop.fields < loop.config.head.fields_max;
    if (connection.body == nullptr &&
        (full || must_hold(connection, connection.sequence_next - first_sequence))) {
      const bool budget_only = full || connection.sequence_next != first_sequence;
      connection.set(INPUT_HELD);
      if (budget_only && connection.owed() < OWED_ANSWERS_MAX) make_hot(loop, connection);
      break;
    }
    const Next next = take_one(loop, connection, base, &at, end);
    if (next == Next::stop) return;
    if (next == Next::wait) break;
  }
  if (at < end) {
    if (!drop_leading_crlf(loop, connection, base, &at, end)) return;
    // The head timer is absolute: it starts with the first byte of a head, further bytes do not
    // move it.
    if (at > 0 || !carried || connection.has(BODY_PENDING)) {
      connection.mark = loop.now_ms;
      connection.progress = 0;
    }
    keep_input(loop, connection, base + at, end - at);
  }
}

/// Whether more of the socket may be read now. Input already held is bounded, so a slow handler
/// stops the peer.
bool wants_input(const Connection& connection) {
  if (connection.body != nullptr) return connection.body->reading || connection.body->discarding;
  if (connection.has(STOP_PARSING) && !awaits_hijack(connection))
    return true;  // discarded, so that FIN is seen
  return !must_hold(connection, 0);
}

/// One recv with its meaning; returns the bytes taken.
std::uint32_t read_some(Loop& loop, Connection& connection, std::uint8_t* into,
                        std::uint32_t room) {
  const IoResult result = io_receive(loop, connection, into, room);
  loop.count(COUNTER_RECV_CALLS);
  switch (result.status) {
    case IoStatus::done:
      loop.count(COUNTER_BYTES_READ, result.bytes);
      // A short read means drained, unless a FIN stands behind the bytes: no further edge would
      // tell.
      if (result.bytes < room && !connection.has(FIN_SEEN)) connection.clear(READABLE);
      return result.bytes;
    case IoStatus::end:
      connection.clear(READABLE);
      connection.set(PEER_FIN);
      return 0;
    case IoStatus::would_block:
      connection.clear(READABLE);
      return 0;
    case IoStatus::error:
      loop.count(COUNTER_RESETS);
      close_connection(loop, connection, true);
      return 0;
  }
  return 0;
}

/// A head waits for its inline body: bytes go straight behind it.
bool read_pending_body(Loop& loop, Connection& connection) {
  if (!loop.pool.grow(connection.input, connection.input_needed)) {
    loop.count(COUNTER_ERRORS);
    close_connection(loop, connection, true);
    return false;
  }
  while (connection.has(READABLE) && connection.input.length < connection.input_needed) {
    const std::uint32_t room = connection.input_needed - connection.input.length;
    const std::uint32_t got =
        read_some(loop, connection, connection.input.data + connection.input.length, room);
    if (connection.phase != Phase::open) return false;
    connection.input.length += got;
    connection.progress += got;
  }
  return connection.input.length >= connection.input_needed;
}

/// The peer sends no more: what is incomplete will stay so (EOF-1).
void finish_input(Loop& loop, Connection& connection) {
  if (connection.body != nullptr && !connection.body->reading && !connection.body->discarding) {
    // Nobody has asked for the body yet, and it may be here in full: what is missing is told to who
    // reads it.
    connection.set(INPUT_HELD);
    loop.fins.push_back(loop.slot_of(connection));
    return;
  }
  if (connection.body != nullptr) {
    if (!connection.body->discarding && loop.events < EVENTS_MAX) {
      add_event(loop, connection, connection.body->sequence, EVENT_KIND_BODY_ERROR, 400, 0, 0);
    }
    connection.set(STOP_PARSING);
    connection.close_sequence = connection.body->sequence;
    delete connection.body;
    connection.body = nullptr;
    loop.count(COUNTER_TRUNCATED);
  }
  if (!connection.has(INPUT_HELD) && connection.input.length > 0) {
    loop.count(COUNTER_TRUNCATED);
    loop.pool.release(connection.input);
    end_pending_body(loop, connection);
  }
  loop.fins.push_back(loop.slot_of(connection));
}

}  // namespace

void end_pending_body(Loop& loop, Connection& connection) {
  if (!connection.has(BODY_PENDING)) return;
  connection.clear(BODY_PENDING);
  loop.pending_body_bytes -= connection.input_needed;
}

void add_event(Loop& loop, const Connection& connection, std::uint32_t sequence, std::uint32_t kind,
               std::uint32_t code, std::uint32_t offset, std::uint32_t length) {
  CHECK(loop.events < EVENTS_MAX);
  EventRecord& record = loop.records<EventRecord>(EVENTS_OFFSET)[loop.events++];
  record.slot = static_cast<std::int32_t>(loop.slot_of(connection));
  record.generation = static_cast<std::int32_t>(connection.generation);
  record.sequence = static_cast<std::int32_t>(sequence);
  record.kind_code = static_cast<std::int32_t>(kind | code << 8);
  record.offset = static_cast<std::int32_t>(offset);
  record.length = static_cast<std::int32_t>(length);
  record.reserved_0 = 0;
  record.reserved_1 = 0;
}

bool has_room(const Loop& loop) {
  // A head with its inline body may be carried in, and one budget is read behind it.
  constexpr std::uint32_t NEEDED =
      HEAD_BYTES_MAX + INLINE_BODY_BYTES_MAX + TURN_READ_BYTES_MAX + 64;
  return loop.input_used + NEEDED <= INPUT_BYTES_MAX && loop.events + 64 <= EVENTS_MAX;
}

void make_hot(Loop& loop, Connection& connection) {
  if (connection.has(HOT)) return;
  connection.set(HOT);
  loop.hot.push_back(std::uint64_t{connection.generation} << 32 | loop.slot_of(connection));
}

void receive_hot(Loop& loop) {
  loop.writable_told = 0;
  loop.walked.swap(loop.hot);
  for (const std::uint64_t entry : loop.walked) {
    Connection& connection = loop.table.at(static_cast<std::uint32_t>(entry));
    if (connection.generation != entry >> 32 || !connection.has(HOT)) continue;
    connection.clear(HOT);
    if (!has_room(loop)) run_turn(loop);
    if (connection.generation != entry >> 32) continue;
    if (connection.phase == Phase::open) report_wanted(loop, connection);
    receive(loop, connection);
  }
  loop.walked.clear();
}

void refuse(Loop& loop, Connection& connection, std::uint16_t status, bool head_method) {
  std::uint8_t bytes[320];
  const std::uint32_t count = write_error_response(
      status, head_method, std::span<const std::uint8_t, 29>(loop.date), bytes);
  loop.count(status_counter(status));
  const std::uint32_t sequence = connection.sequence_next++;
  connection.set(STOP_PARSING);
  end_pending_body(loop, connection);
  connection.close_sequence = sequence;
  loop.pool.release(connection.input);
  answer_and_close(loop, connection, sequence, bytes, count);
}

void receive(Loop& loop, Connection& connection) {
  if (connection.phase != Phase::open) {
    if (connection.phase == Phase::lingering) discard_input(loop, connection);
    return;
  }
  // What was read this turn is parsed first; READABLE brings the connection back.
  if (connection.has(RECEIVED)) return;
  DCHECK(has_room(loop));
  if (connection.has(BODY_PENDING)) {
    if (!read_pending_body(loop, connection)) {
      if (connection.phase != Phase::open) return;
      if (connection.has(PEER_FIN)) finish_input(loop, connection);
      file_deadline(loop, connection);
      return;
    }
    end_pending_body(loop, connection);
  }
  connection.clear(INPUT_HELD);
  const std::uint32_t start = INPUT_OFFSET + ((loop.input_used + 7u) & ~7u);
  std::uint8_t* base = loop.block + start;
  std::uint32_t count = connection.input.length;
  const bool carried = count > 0;
  if (carried) {
    if (!wants_input(connection)) {
      connection.set(INPUT_HELD);
      if (connection.has(FIN_SEEN)) loop.fins.push_back(loop.slot_of(connection));
      return;
    }
    DCHECK(count <= HEAD_BYTES_MAX + INLINE_BODY_BYTES_MAX + TURN_READ_BYTES_MAX);
    std::memcpy(base, connection.input.data, count);
    loop.pool.release(connection.input);
  }
  std::uint32_t budget = TURN_READ_BYTES_MAX;
  while (connection.has(READABLE) && budget > 0 && count < HEAD_BYTES_MAX + INLINE_BODY_BYTES_MAX &&
         wants_input(connection)) {
    const std::uint32_t got = read_some(loop, connection, base + count, budget);
    if (connection.phase != Phase::open) return;
    count += got;
    budget -= got;
  }
  loop.input_used = start + count - INPUT_OFFSET;
  connection.clear(FRESH);
  connection.set(RECEIVED);
  loop.received.push_back({loop.slot_of(connection), connection.generation, start, count, carried});
}

namespace {

void take(Loop& loop, Connection& connection, const Received& received) {
  if (connection.body != nullptr && received.count > 0) connection.body->continue_owed = false;
  const std::uint32_t first_sequence = connection.sequence_next;
  take_all(loop, connection, loop.block + received.offset, received.count, received.carried != 0);
  if (connection.phase != Phase::open) return;
  // What was held back until now has not heard of the FIN (EOF-2).
  if (connection.has(FIN_REPORTED) && connection.sequence_next != first_sequence)
    connection.clear(FIN_REPORTED);
  if (connection.has(READABLE)) {
    if (wants_input(connection)) {
      make_hot(loop, connection);
    } else {
      connection.set(INPUT_HELD);
    }
  }
  if (connection.has(PEER_FIN)) {
    finish_input(loop, connection);
  } else if (connection.has(FIN_SEEN) && !wants_input(connection)) {
    loop.fins.push_back(loop.slot_of(connection));
  }
  if (connection.input.length > 0 || connection.body != nullptr ||
      connection.timer_slot == NOT_FILED) {
    file_deadline(loop, connection);
  }
}

}  // namespace

void take_received(Loop& loop) {
  for (std::size_t index = 0; index < loop.received.size(); index++) {
    const Received received = loop.received[index];
    Connection& connection = loop.table.at(received.slot);
    if (connection.generation != received.generation) continue;
    connection.clear(RECEIVED);
    if (connection.phase != Phase::open) continue;
    if (!has_record_room(loop)) run_batch(loop);
    if (connection.generation == received.generation && connection.phase == Phase::open)
      take(loop, connection, received);
  }
  loop.received.clear();
}

}  // namespace celeris
