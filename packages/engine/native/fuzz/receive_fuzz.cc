// corpus: head
// The whole way of received bytes, from the socket to records and answers: what a client sends
// whole, in pieces, in halves and byte by byte makes the same requests and the same answers. Kernel
// and JS are stood in for below; one loop serves all those connections, so a slot is used again.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "celeris/answers.h"
#include "celeris/check.h"
#include "celeris/closing.h"
#include "celeris/receive.h"
#include "celeris/turn.h"

// As the addons do: one translation unit.
#include "answers.cc"
#include "buffer_pool.cc"
#include "closing.cc"
#include "commands.cc"
#include "connection_table.cc"
#include "deadlines.cc"
#include "http1_chunked.cc"
#include "http1_error_response.cc"
#include "http1_fields.cc"
#include "http1_framing.cc"
#include "http1_parser.cc"
#include "http1_request_line.cc"
#include "receive.cc"
#include "timeouts.cc"
#include "turn.cc"

namespace celeris {

/// The socket of the one connection, and what became of it.
struct LoopIo {
  std::span<const std::uint8_t> input;
  std::size_t arrived = 0;
  std::size_t read = 0;
  bool fin = false;
  bool shut = false;
  bool closed = false;
  std::string sent;
};

IoResult io_receive(Loop& loop, Connection&, std::uint8_t* into, std::uint32_t room) {
  LoopIo& io = *loop.io;
  const std::size_t count = std::min<std::size_t>(room, io.arrived - io.read);
  if (count == 0) return {io.fin ? IoStatus::end : IoStatus::would_block, 0};
  std::memcpy(into, &io.input[io.read], count);
  io.read += count;
  return {IoStatus::done, static_cast<std::uint32_t>(count)};
}

IoResult io_send(Loop& loop, Connection&, const iovec* parts, std::uint32_t count) {
  std::uint32_t bytes = 0;
  for (std::uint32_t index = 0; index < count; ++index) {
    loop.io->sent.append(static_cast<const char*>(parts[index].iov_base), parts[index].iov_len);
    bytes += static_cast<std::uint32_t>(parts[index].iov_len);
  }
  return {IoStatus::done, bytes};
}

void io_shutdown(Loop& loop, Connection&) { loop.io->shut = true; }
void io_close(Loop& loop, Connection& connection, bool) {
  loop.io->closed = true;
  connection.fd = -1;
}
std::uint32_t io_unacknowledged(Loop&, Connection&) { return 0; }
int io_release(Loop&, Connection& connection) { return connection.fd; }
bool io_turn(Loop&, std::int32_t) { return false; }
void io_read_clock(Loop&) {}
void io_stop_accepting(Loop&) {}
std::int32_t io_next_due_ms(Loop&) { return -1; }

namespace {

constexpr std::uint32_t FLAGS_SEEN = REQUEST_FLAG_CLOSE | REQUEST_FLAG_CHUNKED |
                                     REQUEST_FLAG_UPGRADE | REQUEST_FLAG_KEEP_ALIVE_1_0 |
                                     REQUEST_FLAG_PATH_PLAIN | REQUEST_FLAG_ABSOLUTE_FORM;
constexpr std::string_view ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
constexpr std::string_view INTERIM = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr int SOME_DESCRIPTOR = 1000;
constexpr std::size_t CUTS_MAX = 8;

/// One request as JS saw it.
struct Request {
  std::string head;
  std::string body;
  std::uint32_t flags = 0;
  std::uint32_t fields = 0;
  std::uint32_t error = 0;  ///< status with which its body failed
  bool operator==(const Request&) const = default;
};

/// What stands in for JS: remembers requests, and answers them at once or in a later turn.
class Application {
 public:
  Application(Loop& loop, bool late) : loop_(loop), late_(late) {}

  void dispatch(std::uint32_t request_count, std::uint32_t event_count) {
    for (std::uint32_t index = 0; index < event_count; ++index)
      take(loop_.records<EventRecord>(EVENTS_OFFSET)[index]);
    for (std::uint32_t index = 0; index < request_count; ++index)
      take(loop_.records<RequestRecord>(REQUESTS_OFFSET)[index]);
  }
  /// Writes the answers that wait. False: there are none.
  bool answer_late() {
    const bool any = !waiting_.empty();
    for (; !waiting_.empty(); waiting_.pop_front()) write_answer(waiting_.front());
    return any;
  }
  [[nodiscard]] const std::vector<Request>& requests() const { return requests_; }

 private:
  void take(const RequestRecord& record) {
    CHECK(static_cast<std::uint32_t>(record.sequence) == requests_.size());
    names_.push_back(record);
    const char* const block = reinterpret_cast<const char*>(loop_.block);
    Request request;
    request.head.assign(block + record.head_offset, static_cast<std::size_t>(record.head_length));
    request.flags = static_cast<std::uint32_t>(record.method_minor_flags) >> 16 & FLAGS_SEEN;
    request.fields = static_cast<std::uint32_t>(record.field_count);
    const bool streamed = record.body_length < 0;
    if (record.body_length > 0)
      request.body.assign(block + record.body_offset, static_cast<std::size_t>(record.body_length));
    requests_.push_back(std::move(request));
    if (streamed)
      write(record, RESPONSE_KIND_COMMAND, COMMAND_CONTINUE, 0);
    else
      answer(requests_.size() - 1);
  }

  void take(const EventRecord& record) {
    const std::uint32_t kind = static_cast<std::uint32_t>(record.kind_code) & 0xff;
    const auto sequence = static_cast<std::size_t>(record.sequence);
    if (kind != EVENT_KIND_BODY_BYTES && kind != EVENT_KIND_BODY_END &&
        kind != EVENT_KIND_BODY_ERROR)
      return;
    CHECK(sequence < requests_.size());
    Request& request = requests_[sequence];
    if (kind == EVENT_KIND_BODY_BYTES) {
      request.body.append(reinterpret_cast<const char*>(loop_.block) + record.offset,
                          static_cast<std::size_t>(record.length));
      return;
    }
    if (kind == EVENT_KIND_BODY_ERROR)
      request.error = static_cast<std::uint32_t>(record.kind_code) >> 8;
    answer(sequence);
  }

  void answer(std::size_t sequence) {
    if (late_)
      waiting_.push_back(sequence);
    else
      write_answer(sequence);
  }

  void write_answer(std::size_t sequence) {
    std::int32_t* const control = loop_.control();
    const auto used = static_cast<std::uint32_t>(control[CONTROL_OUTPUT_USED]);
    CHECK(used + ANSWER.size() <= OUTPUT_BYTES_MAX);
    std::memcpy(loop_.block + OUTPUT_OFFSET + used, ANSWER.data(), ANSWER.size());
    control[CONTROL_OUTPUT_USED] = static_cast<std::int32_t>(used + ((ANSWER.size() + 3) & ~3u));
    const std::uint32_t close = requests_[sequence].error != 0 ? RESPONSE_FLAG_CLOSE : 0;
    write(names_[sequence], RESPONSE_KIND_RAW | close, OUTPUT_OFFSET + used, ANSWER.size());
  }

  void write(const RequestRecord& name, std::uint32_t kind, std::uint32_t head,
             std::size_t length) {
    std::int32_t& count = loop_.control()[CONTROL_RESPONSE_COUNT];
    CHECK(count < static_cast<std::int32_t>(RESPONSES_MAX));
    ResponseRecord& record = loop_.records<ResponseRecord>(RESPONSES_OFFSET)[count++];
    record = {.slot = name.slot,
              .generation = name.generation,
              .sequence = name.sequence,
              .kind_flags = static_cast<std::int32_t>(kind),
              .head = static_cast<std::int32_t>(head),
              .length = static_cast<std::int32_t>(length),
              .body = 0,
              .extra = 0};
  }

  Loop& loop_;
  const bool late_;
  std::vector<Request> requests_;
  std::vector<RequestRecord> names_;
  std::deque<std::size_t> waiting_;
};

Application* application = nullptr;

/// All that a client and JS can tell.
struct Outcome {
  std::vector<Request> requests;
  std::string answers;
  bool closed_by_us;
};

void turn(Loop& loop) {
  receive_hot(loop);
  run_turn(loop);
}

/// Turns until nothing is left to do.
void settle(Loop& loop) {
  turn(loop);
  while (!loop.hot.empty() || loop.events > 0 || application->answer_late()) turn(loop);
}

Outcome serve(Loop& loop, std::span<const std::uint8_t> input,
              const std::vector<std::size_t>& pieces, bool late) {
  LoopIo io{.input = input, .sent = {}};
  Application js(loop, late);
  loop.io = &io;
  application = &js;
  const std::uint32_t slot = loop.table.take();
  CHECK(slot != NO_SLOT);
  Connection& connection = loop.table.at(slot);
  const std::uint32_t generation = connection.generation;
  connection.fd = SOME_DESCRIPTOR;
  const auto readable = [&](std::uint32_t flags) {
    if (connection.generation != generation) return;
    connection.set(flags);
    receive(loop, connection);
    settle(loop);
  };
  for (std::size_t index = 0; io.arrived < input.size(); ++index) {
    io.arrived = std::min(input.size(), io.arrived + pieces[index % pieces.size()]);
    readable(READABLE);
  }
  const bool closed_by_us = io.shut || io.closed;
  io.fin = true;
  readable(FIN_SEEN | READABLE);
  // Without a half-closed request in the way it is gone by itself.
  if (connection.generation == generation && connection.phase != Phase::closed)
    close_connection(loop, connection, true);
  settle(loop);
  CHECK(loop.table.taken() == 0);
  CHECK(loop.pending_body_bytes == 0);
  std::string answers;
  for (std::string_view rest = io.sent; !rest.empty();) {
    const std::size_t at = std::min(rest.find(INTERIM), rest.size());
    answers.append(rest.substr(0, at));
    rest.remove_prefix(std::min(rest.size(), at + INTERIM.size()));
  }
  return {.requests = js.requests(), .answers = std::move(answers), .closed_by_us = closed_by_us};
}

void check_same(const Outcome& one, const Outcome& other) {
  CHECK(one.requests == other.requests);
  CHECK(one.answers == other.answers);
  CHECK(one.closed_by_us == other.closed_by_us);
}

void run(std::span<const std::uint8_t> input, const LoopConfig& config) {
  static std::vector<std::uint8_t> block(BATCH_BYTES + ARENA_PADDING_BYTES);
  std::memset(block.data(), 0, REQUESTS_OFFSET);
  Loop loop;
  Turn js;
  loop.config = config;
  loop.turn = &js;
  loop.block = block.data();
  std::memset(loop.date, 'd', sizeof loop.date);
  CHECK(loop.table.reserve(16));

  const Outcome whole = serve(loop, input, {std::max<std::size_t>(1, input.size())}, false);
  std::uint32_t hash = 2166136261u;
  for (const std::uint8_t byte : input) hash = (hash ^ byte) * 16777619u;
  const std::vector<std::size_t> pieces{1 + hash % 5, 1 + (hash >> 8) % 31, 1 + (hash >> 16) % 200};
  check_same(serve(loop, input, pieces, (hash >> 24 & 1) != 0), whole);
  const std::size_t step = std::max<std::size_t>(1, input.size() / CUTS_MAX);
  for (std::size_t cut = 1 + hash % step; cut < input.size(); cut += step)
    check_same(serve(loop, input, {cut, input.size()}, false), whole);
  if (input.size() <= 300) check_same(serve(loop, input, {1}, false), whole);
}

}  // namespace
}  // namespace celeris

// What turn.cc asks of Node: numbers are their own handles.
extern "C" {
napi_status napi_create_uint32(napi_env, std::uint32_t value, napi_value* result) {
  *result = reinterpret_cast<napi_value>(std::uintptr_t{value});
  return napi_ok;
}
napi_status napi_get_reference_value(napi_env, napi_ref, napi_value* result) {
  *result = reinterpret_cast<napi_value>(std::uintptr_t{1});
  return napi_ok;
}
napi_status napi_make_callback(napi_env, napi_async_context, napi_value, napi_value, std::size_t,
                               const napi_value* arguments, napi_value*) {
  celeris::application->dispatch(
      static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(arguments[1])),
      static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(arguments[2])));
  return napi_ok;
}
napi_status napi_is_exception_pending(napi_env, bool* result) {
  *result = false;
  return napi_ok;
}
napi_status napi_get_and_clear_last_exception(napi_env, napi_value*) { return napi_ok; }
napi_status napi_fatal_exception(napi_env, napi_value) { return napi_ok; }
napi_status napi_open_handle_scope(napi_env, napi_handle_scope*) { return napi_ok; }
napi_status napi_close_handle_scope(napi_env, napi_handle_scope) { return napi_ok; }
}

namespace {
constexpr std::size_t INPUT_BYTES_MAX = 4096;
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > INPUT_BYTES_MAX) return 0;
  celeris::LoopConfig usual;
  celeris::LoopConfig tight;
  tight.head = {.head_bytes_max = 200, .fields_max = 4, .body_bytes_max = 40};
  tight.inline_body_max = 4;
  celeris::run({data, size}, usual);
  celeris::run({data, size}, tight);
  return 0;
}
