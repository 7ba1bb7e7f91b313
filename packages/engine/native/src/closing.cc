#include "celeris/closing.h"

#include <new>

#include "celeris/receive.h"

namespace celeris {

namespace {

/// Frees what a connection owns besides its slot.
void drop_state(Loop& loop, Connection& connection) {
  end_pending_body(loop, connection);
  loop.pool.release(connection.input);
  loop.counters[COUNTER_QUEUED_BYTES] -= connection.unsent();
  if (connection.output != nullptr) {
    loop.pool.release(*connection.output);
    delete connection.output;
    connection.output = nullptr;
  }
  while (connection.stash != nullptr) {
    StashedAnswer* next = connection.stash->next;
    loop.pool.release(connection.stash->bytes);
    delete connection.stash;
    connection.stash = next;
  }
  delete connection.body;
  connection.body = nullptr;
}

}  // namespace

void begin_staged_close(Loop& loop, Connection& connection) {
  if (connection.has(PEER_FIN) && connection.input.length == 0) {
    close_connection(loop, connection, false);
    return;
  }
  io_shutdown(loop, connection);
  if (connection.owed() > 0 && loop.events < EVENTS_MAX) {
    // Later requests that were already dispatched: their answers are dropped, core hears of it
    // (PIP-5).
    add_event(loop, connection, connection.sequence_send, EVENT_KIND_ABORTED, 0, 0, 0);
    connection.sequence_send = connection.sequence_next;
  }
  drop_state(loop, connection);
  connection.phase = Phase::lingering;
  connection.mark = loop.now_ms;
  connection.idle_since = loop.now_ms;
  loop.deadlines.unfile(loop.table, loop.slot_of(connection));
  file_deadline(loop, connection);
  if (connection.has(READABLE)) make_hot(loop, connection);
}

void close_connection(Loop& loop, Connection& connection, bool reset) {
  if (connection.phase != Phase::open && connection.phase != Phase::lingering) return;
  if (connection.phase == Phase::lingering) reset = false;
  io_close(loop, connection, reset);
  retire_connection(loop, connection);
  loop.count(COUNTER_CLOSED);
}

void retire_connection(Loop& loop, Connection& connection) {
  drop_state(loop, connection);
  loop.deadlines.unfile(loop.table, loop.slot_of(connection));
  connection.phase = Phase::closed;
  loop.counters[COUNTER_ACTIVE]--;
  loop.closed.push_back(loop.slot_of(connection));
}

void discard_input(Loop& loop, Connection& connection) {
  std::uint8_t* scratch = loop.block + INPUT_OFFSET + ((loop.input_used + 7u) & ~7u);
  for (std::uint32_t taken = 0; taken < TURN_READ_BYTES_MAX;) {
    const IoResult result = io_receive(loop, connection, scratch, TURN_READ_BYTES_MAX);
    if (result.status == IoStatus::would_block) {
      connection.clear(READABLE);
      return;
    }
    if (result.status != IoStatus::done) {
      close_connection(loop, connection, false);
      return;
    }
    connection.mark = loop.now_ms;
    taken += result.bytes;
  }
  make_hot(loop, connection);
}

void end_of_turn(Loop& loop) {
  for (std::uint32_t k = 0; k < loop.fins.size(); k++) {
    Connection& connection = loop.table.at(loop.fins[k]);
    if (connection.phase != Phase::open) continue;
    if (connection.owed() > 0) {
      if (connection.has(FIN_REPORTED) || loop.events + 8 > EVENTS_MAX) continue;
      connection.set(FIN_REPORTED);
      add_event(loop, connection, connection.sequence_send, EVENT_KIND_HALF_CLOSED, 0, 0, 0);
    } else if (connection.has(HOT)) {
      continue;  // input is left: FIN is seen behind it
    } else if (connection.unsent() == 0 &&
               (connection.has(PEER_FIN) || connection.has(INPUT_HELD))) {
      close_connection(loop, connection, false);
    } else if (connection.unsent() > 0) {
      connection.set(CLOSE_AFTER_FLUSH);
    }
  }
  loop.fins.clear();
  std::uint32_t kept = 0;
  for (std::uint32_t k = 0; k < loop.closed.size(); k++) {
    const std::uint32_t slot = loop.closed[k];
    Connection& connection = loop.table.at(slot);
    if (connection.owed() > 0 || loop.config.connection_events) {
      if (loop.events + 8 > EVENTS_MAX) {
        loop.closed[kept++] = slot;
        continue;
      }
      const std::uint32_t code = connection.has(SERVER_CUT) ? ABORT_CODE_SERVER : ABORT_CODE_CLIENT;
      if (connection.owed() > 0)
        add_event(loop, connection, connection.sequence_send, EVENT_KIND_ABORTED, code, 0, 0);
      if (loop.config.connection_events) add_event(loop, connection, 0, EVENT_KIND_CLOSED, 0, 0, 0);
    }
    loop.table.give(slot);
  }
  loop.closed.resize(kept);
}

}  // namespace celeris
