// A kernel in memory for the epoll engine. Linked with the engine's own sources and `--wrap` for
// the system calls below, it hands out prepared requests and discards answers, so that a turn of
// the engine costs what its own code and JS cost. Nothing of the engine is changed or left out;
// without a round under way every call goes to the real kernel.
#include <errno.h>
#include <node_api.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include <cstddef>
#include <cstdint>

extern "C" {
napi_value celeris_engine_register(napi_env env, napi_value exports);
// From allocations.c, where that is preloaded: native allocations of this thread.
__attribute__((weak)) std::uint64_t celeris_bench_allocations();

int __real_epoll_ctl(int epoll, int operation, int fd, epoll_event* event);
int __real_epoll_wait(int epoll, epoll_event* events, int max, int timeout_ms);
int __real_accept4(int fd, sockaddr* peer, socklen_t* length, int flags);
int __real_close(int fd);
int __real_setsockopt(int fd, int level, int name, const void* value, socklen_t length);
long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
napi_status __real_napi_open_handle_scope(napi_env env, napi_handle_scope* scope);
napi_status __real_napi_make_callback(napi_env env, napi_async_context context, napi_value receiver,
                                      napi_value function, std::size_t count,
                                      const napi_value* arguments, napi_value* result);
}

namespace {

// Beyond every descriptor limit, so that no real one is taken for ours.
constexpr int FIRST_FD = 1 << 28;
constexpr int CONNECTIONS_MAX = 256;
constexpr std::size_t INPUT_BYTES_MAX = 16384;
constexpr std::size_t KEPT_BYTES_MAX = 1 << 20;

/// Where the time of a turn goes; `node` is JS with Node-API around it.
enum Phase { PARSE, NODE, EMIT, PHASES };

struct Round {
  bool running = false;
  bool started = false;
  bool keep = false;
  int connections = 0;
  std::uint32_t depth = 0;
  std::uint32_t turns = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t cpu_started = 0;
  std::uint64_t wall_ns[PHASES] = {};
  std::uint64_t allocations[PHASES] = {};
  Phase phase = PARSE;
  std::uint64_t phase_started_ns = 0;
  std::uint64_t phase_allocations = 0;
};

Round current;
std::uint8_t input[INPUT_BYTES_MAX];
std::size_t input_bytes = 0;
bool has_input[CONNECTIONS_MAX];
std::uint64_t event_data[CONNECTIONS_MAX];
int opened = 0;
std::uint64_t listener_data = 0;
std::uint8_t kept[KEPT_BYTES_MAX];
std::size_t kept_bytes = 0;
napi_env js = nullptr;
napi_ref finished = nullptr;
double* results = nullptr;

std::uint64_t clock_ns(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1000000000u +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t allocations() {
  return celeris_bench_allocations == nullptr ? 0 : celeris_bench_allocations();
}

bool is_ours(int fd) { return fd >= FIRST_FD; }

void enter(Phase phase) {
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC), count = allocations();
  current.wall_ns[current.phase] += now - current.phase_started_ns;
  current.allocations[current.phase] += count - current.phase_allocations;
  current.phase = phase;
  current.phase_started_ns = now;
  current.phase_allocations = count;
}

void begin() {
  current.started = true;
  current.phase = PARSE;
  current.phase_started_ns = clock_ns(CLOCK_MONOTONIC);
  current.phase_allocations = allocations();
  current.cpu_started = clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/// Writes the results and tells JS, which may begin the next round.
void finish() {
  enter(PARSE);
  results[0] = static_cast<double>(clock_ns(CLOCK_THREAD_CPUTIME_ID) - current.cpu_started);
  results[1] = static_cast<double>(current.bytes_sent);
  for (int k = 0; k < PHASES; k++) {
    results[2 + k] = static_cast<double>(current.wall_ns[k]);
    results[2 + PHASES + k] = static_cast<double>(current.allocations[k]);
  }
  current.running = false;
  napi_handle_scope scope;
  if (__real_napi_open_handle_scope(js, &scope) != napi_ok) return;
  napi_value receiver, function, result;
  if (napi_get_global(js, &receiver) == napi_ok &&
      napi_get_reference_value(js, finished, &function) == napi_ok) {
    __real_napi_make_callback(js, nullptr, receiver, function, 0, nullptr, &result);
  }
  napi_close_handle_scope(js, scope);
}

int next_events(epoll_event* events, int max) {
  if (opened < current.connections) {
    events[0].events = EPOLLIN;
    events[0].data.u64 = listener_data;
    return 1;
  }
  if (!current.started) begin();
  if (current.turns == 0) {
    finish();
    return 0;
  }
  current.turns--;
  enter(PARSE);
  const int ready = current.connections < max ? current.connections : max;
  for (int k = 0; k < ready; k++) {
    events[k].events = EPOLLIN;
    events[k].data.u64 = event_data[k];
    has_input[k] = true;
  }
  return ready;
}

long receive(int fd, void* into, std::size_t room) {
  bool& ready = has_input[fd - FIRST_FD];
  if (!ready || room < input_bytes) {
    errno = EAGAIN;
    return -1;
  }
  ready = false;
  memcpy(into, input, input_bytes);
  return static_cast<long>(input_bytes);
}

long discard(const void* bytes, std::size_t count) {
  if (current.keep && kept_bytes + count <= KEPT_BYTES_MAX) {
    memcpy(kept + kept_bytes, bytes, count);
    kept_bytes += count;
  }
  current.bytes_sent += count;
  return static_cast<long>(count);
}

napi_value refuse(napi_env env, const char* why) {
  napi_throw_type_error(env, nullptr, why);
  return nullptr;
}

/// run(connections, requests: Uint8Array of one batch, turns, keep, results: Float64Array(8),
/// done): begins a round. Results: CPU ns of the thread, bytes sent, ns and native allocations of
/// parse, JS, emit.
napi_value run(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  std::size_t count = 6, bytes = 0, slots = 0;
  napi_typedarray_type type;
  void *data = nullptr, *out = nullptr;
  std::uint32_t connections = 0, turns = 0;
  bool keep = false;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) != napi_ok || count < 6 ||
      napi_get_value_uint32(env, arguments[0], &connections) != napi_ok ||
      napi_get_typedarray_info(env, arguments[1], &type, &bytes, &data, nullptr, nullptr) !=
          napi_ok ||
      napi_get_value_uint32(env, arguments[2], &turns) != napi_ok ||
      napi_get_value_bool(env, arguments[3], &keep) != napi_ok ||
      napi_get_typedarray_info(env, arguments[4], &type, &slots, &out, nullptr, nullptr) != napi_ok)
    return refuse(env, "run(connections, requests, turns, keep, results, done)");
  if (connections < 1 || connections > CONNECTIONS_MAX || bytes > INPUT_BYTES_MAX ||
      slots < 2 + 2 * PHASES || type != napi_float64_array || current.running)
    return refuse(env, "run(): out of range, or a round is under way");
  js = env;
  results = static_cast<double*>(out);
  if (finished != nullptr) napi_delete_reference(env, finished);
  napi_create_reference(env, arguments[5], 1, &finished);
  memcpy(input, data, bytes);
  input_bytes = bytes;
  kept_bytes = 0;
  current = Round{};
  current.connections = static_cast<int>(connections);
  current.turns = turns;
  current.keep = keep;
  current.running = true;
  return nullptr;
}

/// kept(): the answers of the last round that was to keep them, as a latin1 string.
napi_value kept_answers(napi_env env, napi_callback_info) {
  napi_value text;
  napi_create_string_latin1(env, reinterpret_cast<const char*>(kept), kept_bytes, &text);
  return text;
}

}  // namespace

extern "C" {

int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  if (is_ours(fd)) {
    if (operation == EPOLL_CTL_ADD) event_data[fd - FIRST_FD] = event->data.u64;
    return 0;
  }
  int listens = 0;
  socklen_t length = sizeof listens;
  if (operation == EPOLL_CTL_ADD &&
      getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens != 0)
    listener_data = event->data.u64;
  return __real_epoll_ctl(epoll, operation, fd, event);
}

int __wrap_epoll_wait(int epoll, epoll_event* events, int max, int timeout_ms) {
  return current.running ? next_events(events, max)
                         : __real_epoll_wait(epoll, events, max, timeout_ms);
}

int __wrap_accept4(int fd, sockaddr* peer, socklen_t* length, int flags) {
  if (!current.running) return __real_accept4(fd, peer, length, flags);
  if (opened == current.connections) {
    errno = EAGAIN;
    return -1;
  }
  memset(peer, 0, *length);
  peer->sa_family = AF_INET;
  return FIRST_FD + opened++;
}

int __wrap_close(int fd) { return is_ours(fd) ? 0 : __real_close(fd); }

int __wrap_setsockopt(int fd, int level, int name, const void* value, socklen_t length) {
  return is_ours(fd) ? 0 : __real_setsockopt(fd, level, name, value, length);
}

long __wrap_syscall(long number, ...) {
  long words[6];
  va_list rest;
  va_start(rest, number);
  for (long& word : words) word = va_arg(rest, long);
  va_end(rest);
  const int fd = static_cast<int>(words[0]);
  void* bytes = reinterpret_cast<void*>(words[1]);
  const std::size_t count = static_cast<std::size_t>(words[2]);
  if (is_ours(fd) && number == SYS_recvfrom) return receive(fd, bytes, count);
  if (is_ours(fd) && number == SYS_sendto) return discard(bytes, count);
  return __real_syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  if (!is_ours(fd)) return __real_sendmsg(fd, message, flags);
  long sent = 0;
  for (std::size_t k = 0; k < message->msg_iovlen; k++)
    sent += discard(message->msg_iov[k].iov_base, message->msg_iov[k].iov_len);
  return sent;
}

// What Node-API allocates for a turn counts as Node's, not as the engine's.
napi_status __wrap_napi_open_handle_scope(napi_env env, napi_handle_scope* scope) {
  const std::uint64_t before = allocations();
  const napi_status status = __real_napi_open_handle_scope(env, scope);
  const std::uint64_t grown = allocations() - before;
  current.allocations[NODE] += grown;
  current.phase_allocations += grown;
  return status;
}

napi_status __wrap_napi_make_callback(napi_env env, napi_async_context context, napi_value receiver,
                                      napi_value function, std::size_t count,
                                      const napi_value* arguments, napi_value* result) {
  enter(NODE);
  const napi_status status =
      __real_napi_make_callback(env, context, receiver, function, count, arguments, result);
  enter(EMIT);
  return status;
}

}  // extern "C"

// The engine's own is renamed by a define; its API version is declared beside it.
extern "C" NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  celeris_engine_register(env, exports);
  const napi_property_descriptor functions[] = {
      {"run", nullptr, run, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"kept", nullptr, kept_answers, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}
