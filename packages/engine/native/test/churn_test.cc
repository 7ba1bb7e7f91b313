// Connections that come, wait for anything, and go (R10): the wheel holds those that live, and
// nothing of those that are gone.
#include <algorithm>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "answers.cc"
#include "buffer_pool.cc"
#include "closing.cc"
#include "commands.cc"
#include "connection_table.cc"
#include "deadlines.cc"
#include "expect.h"
#include "http1_chunked.cc"
#include "http1_error_response.cc"
#include "http1_fields.cc"
#include "http1_framing.cc"
#include "http1_parser.cc"
#include "http1_request_line.cc"
#include "receive.cc"
#include "timeouts.cc"

namespace celeris {

namespace {

/// What the peer of the connection read next has sent.
std::string_view incoming;

}  // namespace

// The kernel and JS, as far as this needs them.
IoResult io_receive(Loop&, Connection&, std::uint8_t* into, std::uint32_t room) {
  if (incoming.empty()) return {IoStatus::would_block, 0};
  const auto count = std::min<std::size_t>(incoming.size(), room);
  std::copy_n(incoming.data(), count, into);
  incoming.remove_prefix(count);
  return {IoStatus::done, static_cast<std::uint32_t>(count)};
}
IoResult io_send(Loop&, Connection&, const iovec* parts, std::uint32_t count) {
  std::size_t bytes = 0;
  for (std::uint32_t k = 0; k < count; k++) bytes += parts[k].iov_len;
  return {IoStatus::done, static_cast<std::uint32_t>(bytes)};
}
void io_read_clock(Loop&) {}
void io_shutdown(Loop&, Connection&) {}
void io_close(Loop&, Connection& connection, bool) { connection.fd = -1; }
std::uint32_t io_unacknowledged(Loop&, Connection&) { return 0; }
int io_release(Loop&, Connection& connection) { return std::exchange(connection.fd, -1); }
void run_batch(Loop& loop) {
  loop.requests = loop.events = loop.fields = 0;
  end_of_turn(loop);
  loop.events = 0;
}
void run_turn(Loop& loop) {
  take_received(loop);
  run_batch(loop);
  loop.input_used = 0;
}

namespace {

constexpr std::uint32_t CONNECTIONS = 300;
constexpr std::string_view PIECES[] = {
    "GET /a HT",
    "GET /a HTTP/1.1\r\nhost: a\r\n\r\n",
    "GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET /b HT",
    "POST /c HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf",
    "POST /d HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
    "\r\n\r\n",
    "NOT HTTP\r\n\r\n",
};

class Churn {
 public:
  explicit Churn(std::uint32_t seed) : random_(seed), memory_(BATCH_BYTES / 8 + 1) {
    loop_.block = reinterpret_cast<std::uint8_t*>(memory_.data());
    loop_.config.idle_timeout_ms = 50'000;
    loop_.config.connections_max = CONNECTIONS;
    CHECK(loop_.table.reserve(CONNECTIONS));
  }

  void step() {
    loop_.now_ms += random_() % 400;
    for (std::uint32_t k = random_() % 4; k > 0; k--) arrive();
    for (std::uint32_t k = 0; k < 4; k++) touch();
    run_turn(loop_);
    expire_deadlines(loop_);
    run_turn(loop_);
    check();
  }
  void leave_all() {
    for (std::uint32_t slot = 0; slot < loop_.table.touched(); slot++)
      close_connection(loop_, loop_.table.at(slot), false);
    run_turn(loop_);
    check();
    EXPECT(loop_.deadlines.next_due_ms(loop_.now_ms) == -1, "the wheel is empty");
    EXPECT(loop_.table.taken() == 0 && loop_.counters[COUNTER_ACTIVE] == 0, "all slots are free");
  }
  [[nodiscard]] std::uint64_t closed() const { return loop_.counters[COUNTER_CLOSED]; }

 private:
  void arrive() {
    const std::uint32_t slot = loop_.table.take();
    if (slot == NO_SLOT) return;
    Connection& connection = loop_.table.at(slot);
    connection.fd = 1;
    connection.idle_since = connection.mark = loop_.now_ms;
    loop_.count(COUNTER_ACTIVE);
    file_deadline(loop_, connection);
  }
  /// Something happens to any connection: bytes, FIN, or its end in whatever state it is.
  void touch() {
    if (loop_.table.touched() == 0) return;
    Connection& connection = loop_.table.at(random_() % loop_.table.touched());
    if (connection.phase != Phase::open && connection.phase != Phase::lingering) return;
    const std::uint32_t what = random_() % 16;
    if (what == 0) {
      close_connection(loop_, connection, random_() % 2 == 0);
    } else if (what == 1 && connection.phase == Phase::open) {
      begin_staged_close(loop_, connection);
    } else {
      incoming = PIECES[random_() % std::size(PIECES)];
      connection.set(READABLE);
      receive(loop_, connection);
      incoming = {};
    }
  }
  void check() {
    std::uint32_t filed = 0, live = 0;
    for (std::uint32_t slot = 0; slot < loop_.table.touched(); slot++) {
      const Connection& connection = loop_.table.at(slot);
      const bool lives = connection.phase == Phase::open || connection.phase == Phase::lingering;
      const bool is_filed = connection.timer_slot != NOT_FILED;
      EXPECT(lives || !is_filed, "slot %u is gone and still in the wheel", slot);
      // A connection whose request runs waits for no timer; it may stay where it was filed.
      EXPECT(!lives || is_filed || connection.owed() > 0, "slot %u waits for nothing", slot);
      live += lives ? 1 : 0;
      filed += is_filed ? 1 : 0;
    }
    EXPECT(live == loop_.table.taken() && live == loop_.counters[COUNTER_ACTIVE], "%u live", live);
    EXPECT(filed <= live, "%u in the wheel, %u live", filed, live);
  }

  Loop loop_;
  std::minstd_rand random_;
  std::vector<std::uint64_t> memory_;
};

void the_wheel_holds_what_lives(std::uint32_t seed) {
  Churn churn(seed);
  for (std::uint32_t step = 0; step < 20'000 && failures == 0; step++) churn.step();
  churn.leave_all();
  EXPECT(churn.closed() > 5'000, "seed %u: only %u closed", seed,
         static_cast<std::uint32_t>(churn.closed()));
}

}  // namespace

}  // namespace celeris

int main() {
  for (std::uint32_t seed = 1; seed <= 3; ++seed) celeris::the_wheel_holds_what_lives(seed);
  return celeris::failures == 0 ? 0 : 1;
}
