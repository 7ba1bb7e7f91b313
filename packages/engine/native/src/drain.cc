#include "celeris/drain.h"

#include <algorithm>

#include "celeris/closing.h"

namespace celeris {

namespace {

constexpr std::uint32_t GRACE_MS = 250;

/// No request is served or being received. A head that is not complete yet is no request: the
/// client may send it again elsewhere, and one that dribbles must not hold the drain.
bool is_idle(const Connection& connection) {
  return connection.phase == Phase::open && connection.owed() == 0 && connection.body == nullptr &&
         connection.unsent() == 0 && !connection.has(BODY_PENDING) && !connection.has(INPUT_HELD) &&
         !connection.has(HOT);
}

void begin(Loop& loop, Drain& drain) {
  io_read_clock(loop);  // the call may have come after long work in JS
  io_stop_accepting(loop);
  const std::uint32_t timeout_ms = drain.timeout_ms;
  drain.active = true;
  drain.started_ms = loop.now_ms;
  drain.grace_end_ms = loop.now_ms + std::min(GRACE_MS, timeout_ms / 10);
  drain.deadline_ms = loop.now_ms + timeout_ms;
  drain.connections = static_cast<std::uint32_t>(loop.counters[COUNTER_ACTIVE]);
  loop.draining = true;
}

/// Whether a moment of the clock, which wraps, comes before another one.
bool before(std::uint32_t one, std::uint32_t other) {
  return static_cast<std::int32_t>(one - other) < 0;
}

}  // namespace

void request_drain(Loop& loop, Drain& drain, std::uint32_t timeout_ms) {
  loop.draining = true;  // from now on every head says so
  if (drain.active) {
    io_read_clock(loop);
    const std::uint32_t grace_end_ms = loop.now_ms + std::min(GRACE_MS, timeout_ms / 10);
    const std::uint32_t deadline_ms = loop.now_ms + timeout_ms;
    if (before(deadline_ms, drain.deadline_ms)) drain.deadline_ms = deadline_ms;
    if (before(grace_end_ms, drain.grace_end_ms)) drain.grace_end_ms = grace_end_ms;
  } else {
    drain.timeout_ms = drain.requested ? std::min(drain.timeout_ms, timeout_ms) : timeout_ms;
  }
  drain.requested = true;
}

void step_drain(Loop& loop, Drain& drain) {
  if (drain.requested && !drain.active) begin(loop, drain);
  if (!drain.active || drain.finished) return;
  const bool grace_over = !before(loop.now_ms, drain.grace_end_ms);
  const bool time_up = !before(loop.now_ms, drain.deadline_ms);
  const std::uint32_t grace_ms = std::min(GRACE_MS, drain.timeout_ms / 10);
  bool busy = false;
  drain.checked_ms = loop.now_ms;
  if (grace_over || time_up) {
    for (std::uint32_t slot = 0; slot < loop.table.touched(); slot++) {
      Connection& connection = loop.table.at(slot);
      if (connection.phase != Phase::open) continue;
      if (is_idle(connection)) {
        if (time_up) {
          close_connection(loop, connection, false);
        } else if (before(loop.now_ms, connection.idle_since + grace_ms)) {
          busy = true;  // idle for a moment only: its answer could not say that this was the last
        } else {
          begin_staged_close(loop, connection);
        }
      } else if (time_up) {
        drain.cut++;
        connection.set(SERVER_CUT);
        close_connection(loop, connection, true);
      } else {
        busy = true;
      }
    }
    drain.idle_closed = true;
  } else {
    busy = loop.counters[COUNTER_ACTIVE] > 0;
  }
  if (busy) return;
  // Lingering connections never delay a close (CLOSE-4).
  for (std::uint32_t slot = 0; slot < loop.table.touched(); slot++) {
    Connection& connection = loop.table.at(slot);
    if (connection.phase == Phase::lingering) close_connection(loop, connection, false);
  }
  drain.finished = true;
}

std::int32_t drain_due_ms(const Loop& loop, const Drain& drain) {
  if (drain.requested && !drain.active) return 0;
  if (!drain.active || drain.finished) return -1;
  const std::uint32_t again_ms = drain.checked_ms + GRACE_MS;
  const std::uint32_t next = !drain.idle_closed                    ? drain.grace_end_ms
                             : before(again_ms, drain.deadline_ms) ? again_ms
                                                                   : drain.deadline_ms;
  const std::int32_t left = static_cast<std::int32_t>(next - loop.now_ms);
  return left < 0 ? 0 : left;
}

}  // namespace celeris
