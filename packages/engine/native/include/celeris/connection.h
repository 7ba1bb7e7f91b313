// One connection: input left over, framing state, what is owed and what is unsent. 128 bytes, in a
// slot that never moves.
#pragma once
#include <cstdint>

#include "celeris/buffer_pool.h"
#include "celeris/http1_chunked.h"

namespace celeris {

enum class Phase : std::uint8_t {
  free,       ///< nobody's
  open,       ///< serving
  lingering,  ///< our side is shut, input is discarded (CLOSE-3)
  closed,     ///< descriptor gone, the slot is recycled at the end of the turn
};

/// Bits of Connection::flags.
enum ConnectionFlag : std::uint32_t {
  READABLE = 1,                  ///< the socket may hold input: no short read since the last edge
  PEER_FIN = 2,                  ///< EOF was read, or the kernel reported it
  FIN_REPORTED = 4,              ///< core was told
  HOT = 8,                       ///< on the hot list
  STOP_PARSING = 16,             ///< bytes behind the current request are discarded
  WRITE_BLOCKED = 32,            ///< the kernel did not take everything
  HTTP_1_0 = 64,                 ///< the request being answered is 1.0 and asked to persist
  CLOSE_AFTER_FLUSH = 128,       ///< staged close once the queue is empty
  BODY_PENDING = 256,            ///< a complete head waits in the input for its inline body
  INPUT_HELD = 512,              ///< input is held until owed answers are out (PIP-3)
  TOUCHED = 1024,                ///< has records in the current drain
  FIN_SEEN = 2048,               ///< EPOLLRDHUP was reported: read on to EOF
  SERVER_CUT = 8192,             ///< ended because the time of a drain was up
  FRESH = 32768,                 ///< nothing was received yet; `mark` is the turn that accepted it
  RECEIVED = 16384,              ///< has bytes in the arena that were not parsed yet
  RESET_AFTER_FLUSH = 1u << 16,  ///< with CLOSE_AFTER_FLUSH: the peer sees RST
  WRITABLE_WANTED = 1u << 17,    ///< the producer of the answer in turn waits for room
  UPGRADE_ASKED = 1u << 18,      ///< what follows the latest request may be another protocol
  HIJACK_WANTED = 1u << 19,      ///< the socket goes to core once all earlier answers have left
  PARTS_OPEN = 1u << 24,  ///< an answer in parts is begun: of unknown size, so nothing overtakes it
  PARTS_SENT = 1u << 25,  ///< one was completed in this drain
  HIJACK_READY = 1u << 20,   ///< core was told; it may take the socket
  INPUT_DROPPED = 1u << 21,  ///< bytes behind a request that closes were discarded (PIP-5)
};

/// A request body that arrives in events. On the heap: few connections have one at any time.
struct StreamedBody {
  std::uint64_t left = 0;  ///< bytes still to come (content-length), or still allowed (chunked)
  std::uint32_t sequence = 0;
  bool chunked = false;
  bool reading = false;     ///< core asked for it
  bool discarding = false;  ///< answered early, the small rest is dropped (CLOSE-1)
  bool ended = false;
  bool continue_owed = false;  ///< the client waits for 100 Continue
  ChunkedState chunked_state;
};

/// What becomes of the connection behind an answer.
enum class Ending : std::uint8_t {
  persist,
  close,  ///< staged (CLOSE-3)
  reset,  ///< with RST: nothing else tells that a close-delimited body is incomplete (RES-6)
};

/// An answer that waits for earlier ones of its connection.
struct StashedAnswer {
  StashedAnswer* next = nullptr;
  Buffer bytes;
  std::uint32_t sequence = 0;
  bool complete = false;
  bool writable_wanted = false;  ///< its producer waits for room
  Ending ending = Ending::persist;
};

/// Output that the kernel did not take.
struct OutputQueue : Buffer {
  /// Bytes that the peer had not acknowledged when the window of the write timer began.
  std::uint32_t unacknowledged = 0;
};

inline constexpr std::uint32_t NO_SLOT = 0xffffffffu;
inline constexpr std::uint16_t NOT_FILED = 0xffffu;

struct alignas(64) Connection {
  std::int32_t fd = -1;
  std::uint32_t generation = 1;
  std::uint32_t sequence_next = 0;  ///< sequence of the next request
  std::uint32_t sequence_send = 0;  ///< sequence of the next answer to send; the difference is owed
  Phase phase = Phase::free;
  std::uint8_t peer_family = 0;   ///< 0 unix, 4, 6
  std::uint8_t leading_crlf = 0;  ///< CRLF pairs dropped in front of the next request
  std::uint32_t flags = 0;
  std::uint32_t close_sequence =
      0;  ///< with STOP_PARSING: the answer after which the connection closes
  std::uint32_t input_needed = 0;  ///< with BODY_PENDING: input length at which parsing goes on
  Buffer input;                    ///< bytes received and not yet used
  std::uint32_t idle_since = 0;    ///< ms clock: accepted, or last answer sent
  std::uint32_t output_sent = 0;
  OutputQueue* output = nullptr;  ///< unsent bytes; `output_sent` of them are gone
  StashedAnswer* stash = nullptr;
  StreamedBody* body = nullptr;
  std::uint32_t drain_first = 0, drain_last = 0;  ///< with TOUCHED: its records of this drain
  std::uint32_t timer_previous = NO_SLOT, timer_next = NO_SLOT;
  std::uint32_t mark =
      0;  ///< ms clock: head started, or window of a body, an answer or lingering started
  std::uint32_t progress = 0;  ///< bytes moved in that window
  std::uint16_t timer_slot = NOT_FILED;
  std::uint16_t peer_port = 0;
  std::uint32_t answer_bytes = 0;  ///< size of its latest answers, each; 0 while none was sent
  std::uint8_t peer_address[16] = {};

  [[nodiscard]] std::uint32_t owed() const { return sequence_next - sequence_send; }
  [[nodiscard]] bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
  void set(std::uint32_t flag) { flags |= flag; }
  void clear(std::uint32_t flag) { flags &= ~flag; }
  [[nodiscard]] std::uint32_t unsent() const {
    return output == nullptr ? 0 : output->length - output_sent;
  }
};
static_assert(sizeof(Connection) == 128);

}  // namespace celeris
