// What core asks of a connection besides answers: its body, room for output, an end, its socket.
#include "celeris/commands.h"

#include <utility>

#include "celeris/answers.h"
#include "celeris/closing.h"
#include "celeris/receive.h"

namespace celeris {

namespace {

/// Codes of HIJACKED events.
constexpr std::uint32_t HIJACK_GRANTED = 0, HIJACK_REFUSED = 1;

bool is_owed(const Connection& connection, std::uint32_t sequence) {
  return sequence - connection.sequence_send < connection.owed();
}

/// Whoever waits for this event must get it, or hear that its connection has ended: commands may
/// come in larger numbers than a batch has room for.
void tell(Loop& loop, Connection& connection, std::uint32_t sequence, std::uint32_t kind,
          std::uint32_t code) {
  if (loop.events < EVENTS_MAX) {
    add_event(loop, connection, sequence, kind, code, 0, 0);
  } else {
    loop.count(COUNTER_ERRORS);
    close_connection(loop, connection, true);
  }
}

void read_on(Loop& loop, Connection& connection, std::uint32_t sequence) {
  StreamedBody* body = connection.body;
  if (body == nullptr || body->sequence != sequence) {
    // There is none any more: whoever asks must not wait for it.
    if (is_owed(connection, sequence)) tell(loop, connection, sequence, EVENT_KIND_BODY_ERROR, 400);
    return;
  }
  if (body->reading) return;
  body->reading = true;
  connection.mark = loop.now_ms;
  connection.progress = 0;
  if (body->continue_owed) {
    send_continue(loop, connection);
    if (connection.phase != Phase::open) return;
  }
  make_hot(loop, connection);
  file_deadline(loop, connection);
}

/// The answer in turn waits for the socket, one behind it for its turn as well.
void pull(Loop& loop, Connection& connection, std::uint32_t sequence) {
  if (sequence == connection.sequence_send) {
    connection.set(WRITABLE_WANTED);
    make_hot(loop, connection);
    return;
  }
  StashedAnswer* entry = stash_entry(connection, sequence);
  if (entry == nullptr) {
    loop.count(COUNTER_ERRORS);
    close_connection(loop, connection, true);
  } else {
    entry->writable_wanted = true;
  }
}

/// Only the latest request can have the socket: what stands behind it is its, unparsed and complete
/// (UPG-2).
void hijack(Loop& loop, Connection& connection, std::uint32_t sequence) {
  if (sequence + 1 == connection.sequence_next && !connection.has(INPUT_DROPPED)) {
    connection.set(HIJACK_WANTED);
    make_hot(loop, connection);
  } else {
    tell(loop, connection, sequence, EVENT_KIND_HIJACKED, HIJACK_REFUSED);
  }
}

}  // namespace

void run_command(Loop& loop, Connection& connection, const ResponseRecord& record) {
  const std::uint32_t sequence = static_cast<std::uint32_t>(record.sequence);
  switch (static_cast<std::uint32_t>(record.head)) {
    case COMMAND_CONTINUE:
    case COMMAND_READ_ON:
      read_on(loop, connection, sequence);
      return;
    case COMMAND_READ_OFF:
      if (connection.body != nullptr && connection.body->sequence == sequence)
        connection.body->reading = false;
      return;
    case COMMAND_PULL:
      if (is_owed(connection, sequence)) pull(loop, connection, sequence);
      return;
    case COMMAND_HIJACK:
      if (is_owed(connection, sequence)) hijack(loop, connection, sequence);
      return;
    case COMMAND_ABORT:
      close_connection(loop, connection, true);
      return;
    default:
      loop.count(COUNTER_BAD_RECORDS);
  }
}

void report_wanted(Loop& loop, Connection& connection) {
  if (connection.has(WRITABLE_WANTED) && connection.unsent() <= WRITABLE_BYTES_MAX) {
    if (loop.writable_told == TURN_WRITABLE_MAX) {
      make_hot(loop, connection);
      return;
    }
    loop.writable_told++;
    connection.clear(WRITABLE_WANTED);
    add_event(loop, connection, connection.sequence_send, EVENT_KIND_WRITABLE, 0, 0, 0);
  }
  if (!connection.has(HIJACK_WANTED) || connection.owed() > 1 || connection.unsent() > 0) return;
  const bool whole = connection.body == nullptr;
  connection.clear(HIJACK_WANTED);
  if (whole) connection.set(HIJACK_READY);
  add_event(loop, connection, connection.sequence_send, EVENT_KIND_HIJACKED,
            whole ? HIJACK_GRANTED : HIJACK_REFUSED, 0, 0);
}

int take_descriptor(Loop& loop, Connection& connection, Buffer& rest) {
  if (connection.phase != Phase::open || !connection.has(HIJACK_READY)) return -1;
  const int fd = io_release(loop, connection);
  rest = std::exchange(connection.input, Buffer{});
  connection.sequence_send = connection.sequence_next;
  retire_connection(loop, connection);
  loop.count(COUNTER_RELEASED);
  return fd;
}

}  // namespace celeris
