// The state of one engine loop: connections, the batch under construction, what is owed this turn.
// The functions that work on it stand in receive.h, answers.h, closing.h and turn.h; what only the
// kernel interface knows is in LoopIo.
#pragma once
#include <sys/uio.h>

#include <cstdint>
#include <vector>

#include "celeris/buffer_pool.h"
#include "celeris/connection_table.h"
#include "celeris/deadlines.h"
#include "celeris/http1_parser.h"
#include "celeris/layout.generated.h"
#include "celeris/literal_paths.h"

namespace celeris {

struct LoopConfig {
  HeadLimits head{32768, 200, 104857600};
  std::uint32_t inline_body_max = INLINE_BODY_BYTES_MAX;
  std::uint32_t read_timeout_ms = 60000;
  std::uint32_t header_timeout_ms = 10000;
  std::uint32_t write_timeout_ms = 60000;
  std::uint32_t idle_timeout_ms = 600000;
  std::uint32_t connections_max = TABLE_SLOTS_MAX;
  bool disable_keep_alive = false;
  bool connection_events = false;
  std::int32_t tenant = 0;  ///< whose records this loop drains
};

struct LoopIo;
struct Turn;

/// Bytes of one connection in the arena, received this turn and not parsed yet.
struct Received {
  std::uint32_t slot;
  std::uint32_t generation;
  std::uint32_t offset;  ///< from the start of the block
  std::uint32_t count : 31;
  std::uint32_t carried : 1;  ///< begins with input kept from earlier turns
};

/// The bytes of one connection's answers: some of the gathered parts.
struct Outgoing {
  Connection* connection;
  std::uint32_t first_part;
  std::uint32_t part_count;
  bool ended;  ///< all of this drain's answers of the connection are in
};

struct Loop {
  LoopConfig config;
  LoopIo* io = nullptr;
  Turn* turn = nullptr;
  /// The batch block: made in JS, lent until close, never moves. JS writes responses and blocks, we
  /// write the rest.
  std::uint8_t* block = nullptr;
  ConnectionTable table;
  BufferPool pool;
  Deadlines deadlines;
  LiteralPaths literals;
  std::uint64_t counters[COUNTERS] = {};

  // The batch of this turn.
  std::uint32_t requests = 0;
  std::uint32_t events = 0;
  std::uint32_t fields = 0;
  std::uint32_t input_used = 0;
  std::uint32_t writable_told = 0;  ///< producers that were told of room in this turn

  // Slots with something to do later in this turn, or in the next.
  std::vector<std::uint64_t> hot;      ///< generation << 32 | slot: input left, no edge will come
  std::vector<std::uint64_t> walked;   ///< the hot list while it is gone through
  std::vector<std::uint32_t> fins;     ///< peer sent FIN: close, or tell core
  std::vector<std::uint32_t> closed;   ///< recycle at the end of the turn
  std::vector<std::uint32_t> touched;  ///< have records in the current drain
  std::vector<std::uint32_t> next_record;  ///< chains the records of a connection

  // System calls evict the caches, so the phases of a turn run one after the other for all
  // connections: receive, parse, JS, join answers, send.
  std::vector<Received> received;
  std::vector<std::uint8_t> scratch;  ///< answers are joined here before they are sent
  std::vector<iovec> parts;
  std::vector<Outgoing> outgoing;

  // Clock, read once per turn.
  std::uint32_t now_ms = 0;
  std::uint64_t epoch_ms = 0;
  std::uint32_t turn_us = 0;  ///< how long the turn before took
  std::int64_t date_second = 0;
  std::uint8_t date[29] = {};

  std::uint64_t pending_body_bytes = 0;  ///< what heads that wait for inline bodies may hold

  bool draining = false;  ///< every answer says close

  /// Whether records of another engine of the isolate stand in the block: they are not ours to
  /// drain.
  [[nodiscard]] bool foreign_answers() {
    return control()[CONTROL_RESPONSE_COUNT] != 0 && control()[CONTROL_TENANT] != config.tenant;
  }
  [[nodiscard]] std::int32_t* control() {
    return reinterpret_cast<std::int32_t*>(block + CONTROL_OFFSET);
  }
  template <class Record>
  [[nodiscard]] Record* records(std::uint32_t offset) {
    return reinterpret_cast<Record*>(block + offset);
  }
  void count(std::uint32_t counter, std::uint64_t by = 1) { counters[counter] += by; }
  [[nodiscard]] std::uint32_t slot_of(const Connection& connection) const {
    return table.slot_of(connection);
  }
};

/// Hands the batch to JS and takes the answers back, again while that made events (turn.cc).
void run_batch(Loop& loop);
/// Parses what was received, hands the batch to JS, takes the answers back, sends. Once per loop
/// turn.
void run_turn(Loop& loop);

/// What the kernel interface of an addon provides. Bound at link time: each addon holds exactly
/// one.
enum class IoStatus : std::uint8_t { done, would_block, end, error };
struct IoResult {
  IoStatus status;
  std::uint32_t bytes;
};
/// Receives without waiting.
[[nodiscard]] IoResult io_receive(Loop& loop, Connection& connection, std::uint8_t* into,
                                  std::uint32_t room);
/// Sends without waiting; `done` may be partial.
[[nodiscard]] IoResult io_send(Loop& loop, Connection& connection, const iovec* parts,
                               std::uint32_t count);
/// Bytes with the kernel that the peer has not acknowledged.
[[nodiscard]] std::uint32_t io_unacknowledged(Loop& loop, Connection& connection);
/// Shuts our side (SHUT_WR).
void io_shutdown(Loop& loop, Connection& connection);
/// Waits at most `timeout_ms` (-1: for ever), accepts and receives into the batch. True when libuv
/// has work.
[[nodiscard]] bool io_turn(Loop& loop, std::int32_t timeout_ms);
/// Reads the clocks; io_turn does so itself after it has waited.
void io_read_clock(Loop& loop);
/// Accepts what waits in the queue, then closes the listener.
void io_stop_accepting(Loop& loop);
/// Milliseconds until the kernel side wants a turn by itself; -1 for never.
[[nodiscard]] std::int32_t io_next_due_ms(Loop& loop);
/// Forgets a connection without closing it, and gives its descriptor.
[[nodiscard]] int io_release(Loop& loop, Connection& connection);
/// Gives the descriptor back to the kernel; with `reset` the peer sees RST.
void io_close(Loop& loop, Connection& connection, bool reset);

}  // namespace celeris
