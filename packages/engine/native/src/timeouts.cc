// What a connection waits for, until when, and what happens then (http1.md "Timers").
#include <algorithm>

#include "celeris/answers.h"
#include "celeris/closing.h"
#include "celeris/receive.h"

namespace celeris {

namespace {

enum class Wait : std::uint8_t { none, idle, head, body, output, linger, discard };

struct Deadline {
  Wait wait;
  std::uint32_t at_ms;
};

Deadline deadline_of(const Loop& loop, const Connection& connection) {
  const LoopConfig& config = loop.config;
  const auto after = [](Wait wait, std::uint32_t from, std::uint32_t timeout) {
    return timeout == 0 ? Deadline{Wait::none, 0} : Deadline{wait, from + timeout};
  };
  if (connection.phase == Phase::lingering) {
    const std::uint32_t silent = connection.mark + LINGER_SILENCE_MS,
                        last = connection.idle_since + LINGER_MS;
    return {Wait::linger, static_cast<std::int32_t>(silent - last) < 0 ? silent : last};
  }
  if (connection.unsent() > 0) return after(Wait::output, connection.mark, config.write_timeout_ms);
  if (connection.body != nullptr) {
    if (!connection.body->reading && !connection.body->discarding) return {Wait::none, 0};
    return after(connection.body->discarding ? Wait::discard : Wait::body, connection.mark,
                 config.read_timeout_ms);
  }
  if (connection.has(BODY_PENDING))
    return after(Wait::body, connection.mark, config.read_timeout_ms);
  if (connection.owed() > 0) return {Wait::none, 0};
  if (connection.input.length > 0 && !connection.has(INPUT_HELD))
    return after(Wait::head, connection.mark, config.header_timeout_ms);
  return after(Wait::idle, connection.idle_since, config.idle_timeout_ms);
}

/// When the wheel looks at a connection again. An answer files nothing for the idle time that it
/// begins, so nobody is filed farther away than that.
std::uint32_t look_at_ms(const Loop& loop, const Deadline& deadline) {
  const std::uint32_t idle_ms = loop.now_ms + loop.config.idle_timeout_ms;
  const bool sooner = static_cast<std::int32_t>(idle_ms - deadline.at_ms) < 0;
  return loop.config.idle_timeout_ms != 0 && sooner ? idle_ms : deadline.at_ms;
}

/// Slowest progress of one window, bytes.
std::uint32_t progress_floor(std::uint32_t timeout_ms) {
  return static_cast<std::uint32_t>(std::uint64_t{timeout_ms} * PROGRESS_BYTES_PER_SECOND / 1000);
}

void expire(Loop& loop, Connection& connection, Wait wait) {
  switch (wait) {
    case Wait::none:
      return;
    case Wait::idle:
      loop.count(COUNTER_TIMEOUTS_IDLE);
      close_connection(loop, connection, false);
      return;
    case Wait::head:
      loop.count(COUNTER_TIMEOUTS_HEADER);
      refuse(loop, connection, 408, false);
      // The header timer skips lingering: the answer is flushed, then a plain close.
      if (connection.phase == Phase::lingering) close_connection(loop, connection, false);
      return;
    case Wait::body:
      loop.count(COUNTER_TIMEOUTS_BODY);
      if (connection.body == nullptr) {
        refuse(loop, connection, 408, false);
        return;
      }
      add_event(loop, connection, connection.body->sequence, EVENT_KIND_BODY_ERROR, 408, 0, 0);
      loop.count(COUNTER_STATUS408);
      connection.set(STOP_PARSING);
      connection.close_sequence = connection.body->sequence;
      delete connection.body;
      connection.body = nullptr;
      return;
    case Wait::discard:
      loop.count(COUNTER_TIMEOUTS_BODY);
      close_connection(loop, connection, false);
      return;
    case Wait::output:
      loop.count(COUNTER_TIMEOUTS_WRITE);
      close_connection(loop, connection, true);
      return;
    case Wait::linger:
      close_connection(loop, connection, false);
      return;
  }
}

/// Whether the window that just ended moved enough bytes for another one.
bool progressed(Loop& loop, Connection& connection, Wait wait) {
  if (wait == Wait::output) {
    // The kernel reports room by the third of its buffer: what a slow reader has taken meanwhile
    // shows in what it has acknowledged.
    OutputQueue& queue = *connection.output;
    const std::uint64_t before = std::uint64_t{queue.unacknowledged} + connection.progress;
    queue.unacknowledged = io_unacknowledged(loop, connection);
    return before >= queue.unacknowledged +
                         std::uint64_t{std::max(1u, progress_floor(loop.config.write_timeout_ms))};
  }
  if (wait == Wait::body || wait == Wait::discard) {
    return connection.progress >= std::max(1u, progress_floor(loop.config.read_timeout_ms));
  }
  return false;
}

}  // namespace

void file_deadline(Loop& loop, Connection& connection) {
  const Deadline deadline = deadline_of(loop, connection);
  if (deadline.wait == Wait::none) return;
  const std::uint32_t look_ms = look_at_ms(loop, deadline);
  if (connection.timer_slot != NOT_FILED && loop.deadlines.due_by(connection, look_ms)) return;
  loop.deadlines.file(loop.table, loop.slot_of(connection), look_ms);
}

void expire_deadlines(Loop& loop) {
  while (loop.events + 64 <= EVENTS_MAX) {
    const std::uint32_t slot = loop.deadlines.take_due(loop.table, loop.now_ms);
    if (slot == NO_SLOT) return;
    Connection& connection = loop.table.at(slot);
    const Deadline deadline = deadline_of(loop, connection);
    if (deadline.wait == Wait::none) continue;
    if (static_cast<std::int32_t>(deadline.at_ms - loop.now_ms) > 0) {
      loop.deadlines.file(loop.table, slot, look_at_ms(loop, deadline));
    } else if (progressed(loop, connection, deadline.wait)) {
      connection.mark = loop.now_ms;
      connection.progress = 0;
      file_deadline(loop, connection);
    } else {
      expire(loop, connection, deadline.wait);
      if (connection.phase == Phase::open || connection.phase == Phase::lingering)
        file_deadline(loop, connection);
    }
  }
}

}  // namespace celeris
