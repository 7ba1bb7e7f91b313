#include "faults.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <new>
#include <unordered_set>
#include <vector>

// What the diverted calls lead to; the names are the linker's (--wrap).
extern "C" {
int __real_accept4(int, sockaddr*, socklen_t*, int);
long __real_syscall(long, ...);
ssize_t __real_sendmsg(int, const msghdr*, int);
int __real_epoll_ctl(int, int, int, epoll_event*);
int __real_epoll_wait(int, epoll_event*, int, int);
int __real_epoll_create1(int);
int __real_socket(int, int, int);
int __real_bind(int, const sockaddr*, socklen_t);
int __real_listen(int, int);
int __real_open64(const char*, int, ...);
int __real_shutdown(int, int);
int __real_close(int);
void* __real_mmap64(void*, std::size_t, int, int, int, off_t);
void* __real_malloc(std::size_t);
void __real_free(void*);
void* __real__ZnwmRKSt9nothrow_t(std::size_t, const std::nothrow_t&);
void __real__ZdlPvm(void*, std::size_t);
}

namespace celeris::faults {

namespace {

std::vector<Rule> rules;
std::uint64_t calls_made[CALLS] = {};
std::uint64_t calls_hit[CALLS] = {};

/// What connections allocate is smaller than this, an engine is larger.
constexpr std::size_t CONNECTION_OBJECT_MAX = 1024;

/// What malloc and new gave and did not get back. Never freed: engines of other environments may
/// outlive static objects.
class Live {
 public:
  enum Kind : std::uint8_t { BY_MALLOC, BY_NEW };
  static Live& of(Kind kind) {
    static auto* live = new Live[2];
    return live[kind];
  }
  [[nodiscard]] std::size_t count() const { return pointers_.size(); }
  void add(void* pointer) {
    if (pointer == nullptr) return;
    busy_ = true;
    pointers_.insert(pointer);
    busy_ = false;
  }
  void remove(void* pointer) {
    if (busy_) return;  // the set's own memory
    busy_ = true;
    pointers_.erase(pointer);
    busy_ = false;
  }

 private:
  std::unordered_set<void*> pointers_;
  bool busy_ = false;
};

/// How a descriptor is watched: an injected fault takes an edge away, and it is given back.
struct Watch {
  int epoll = -1;
  epoll_event event{};
};
std::vector<Watch>& watches() {
  static auto* all = new std::vector<Watch>();
  return *all;
}

/// A call is about to be made. The rule that applies to it, or null.
const Rule* meet(Call call) {
  calls_made[call]++;
  const Rule* met = nullptr;
  for (Rule& rule : rules) {
    if ((rule.calls >> call & 1) == 0) continue;
    rule.seen++;
    if (met != nullptr || rule.seen < rule.from || (rule.seen - rule.from) % rule.every != 0 ||
        rule.hits >= rule.times)
      continue;
    rule.hits++;
    calls_hit[call]++;
    met = &rule;
  }
  return met;
}

/// Whether the call fails; errno is set.
bool fails(Call call) {
  const Rule* rule = meet(call);
  if (rule == nullptr || rule->error == 0) return false;
  errno = rule->error;
  return true;
}

/// As the kernel would: what was not ready, or not taken whole, is reported again.
void give_edge_back(int fd) {
  const std::size_t index = static_cast<std::size_t>(fd);
  if (index >= watches().size() || watches()[index].epoll < 0) return;
  Watch& watch = watches()[index];
  (void)__real_epoll_ctl(watch.epoll, EPOLL_CTL_MOD, fd, &watch.event);
}

/// The bytes of a transfer that are really moved; 0: it fails with errno.
std::size_t allowed(Call call, int fd, std::size_t wanted) {
  const Rule* rule = meet(call);
  if (rule == nullptr) return wanted;
  if (rule->error != 0) {
    if (rule->error == EAGAIN) give_edge_back(fd);
    errno = rule->error;
    return 0;
  }
  const std::size_t most = rule->take[(rule->hits - 1) % rule->takes];
  if (most < wanted) give_edge_back(fd);
  return std::min(most, wanted);
}

}  // namespace

extern "C" {

/// Whoever is only turned away, with the descriptor held back for that, has no address.
int __wrap_accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  return address != nullptr && fails(ACCEPT4) ? -1 : __real_accept4(fd, address, length, flags);
}

/// recvfrom and sendto, as the engine calls them.
long __wrap_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  const long fd = va_arg(list, long);
  void* const bytes = va_arg(list, void*);
  const std::size_t wanted = va_arg(list, std::size_t);
  const long flags = va_arg(list, long);
  va_end(list);
  if (number != SYS_recvfrom && number != SYS_sendto) std::abort();
  const int descriptor = static_cast<int>(fd);
  const std::size_t count = allowed(number == SYS_recvfrom ? RECV : SEND, descriptor, wanted);
  if (count == 0) return -1;
  return __real_syscall(number, descriptor, bytes, count, static_cast<int>(flags), nullptr,
                        nullptr);
}

ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  std::size_t wanted = 0;
  for (std::size_t k = 0; k < message->msg_iovlen; k++) wanted += message->msg_iov[k].iov_len;
  std::size_t left = allowed(SEND, fd, wanted);
  if (left == 0) return -1;
  std::vector<iovec> parts;
  for (std::size_t k = 0; k < message->msg_iovlen && left > 0; k++) {
    const iovec& part = message->msg_iov[k];
    parts.push_back({part.iov_base, std::min(part.iov_len, left)});
    left -= parts.back().iov_len;
  }
  msghdr shorter = *message;
  shorter.msg_iov = parts.data();
  shorter.msg_iovlen = parts.size();
  return __real_sendmsg(fd, &shorter, flags);
}

int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  if (fails(operation == EPOLL_CTL_ADD ? WATCH : UNWATCH)) return -1;
  const int result = __real_epoll_ctl(epoll, operation, fd, event);
  if (result == 0 && operation == EPOLL_CTL_ADD) {
    const std::size_t index = static_cast<std::size_t>(fd);
    if (index >= watches().size()) watches().resize(index + 1);
    watches()[index] = {epoll, *event};
  }
  return result;
}

int __wrap_epoll_wait(int epoll, epoll_event* events, int most, int timeout_ms) {
  return fails(EPOLL_WAIT) ? -1 : __real_epoll_wait(epoll, events, most, timeout_ms);
}

int __wrap_epoll_create1(int flags) {
  return fails(EPOLL_CREATE1) ? -1 : __real_epoll_create1(flags);
}

int __wrap_socket(int domain, int type, int protocol) {
  return fails(SOCKET) ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_bind(int fd, const sockaddr* address, socklen_t length) {
  return fails(BIND) ? -1 : __real_bind(fd, address, length);
}

int __wrap_listen(int fd, int backlog) { return fails(LISTEN) ? -1 : __real_listen(fd, backlog); }

int __wrap_open64(const char* path, int flags, ...) {
  return fails(OPEN) ? -1 : __real_open64(path, flags);
}

int __wrap_shutdown(int fd, int how) { return fails(SHUTDOWN) ? -1 : __real_shutdown(fd, how); }

int __wrap_close(int fd) {
  if (fd >= 0 && static_cast<std::size_t>(fd) < watches().size())
    watches()[static_cast<std::size_t>(fd)].epoll = -1;
  return __real_close(fd);
}

void* __wrap_mmap64(void* address, std::size_t length, int protection, int flags, int fd,
                    off_t offset) {
  if (fails(MMAP)) return MAP_FAILED;
  return __real_mmap64(address, length, protection, flags, fd, offset);
}

void* __wrap_malloc(std::size_t size) {
  if (fails(MALLOC)) return nullptr;
  void* memory = __real_malloc(size);
  Live::of(Live::BY_MALLOC).add(memory);
  return memory;
}

void __wrap_free(void* memory) {
  Live::of(Live::BY_MALLOC).remove(memory);
  __real_free(memory);
}

void* __wrap__ZnwmRKSt9nothrow_t(std::size_t size, const std::nothrow_t& tag) {
  if (fails(NEW)) return nullptr;
  void* memory = __real__ZnwmRKSt9nothrow_t(size, tag);
  if (size <= CONNECTION_OBJECT_MAX) Live::of(Live::BY_NEW).add(memory);
  return memory;
}

void __wrap__ZdlPvm(void* memory, std::size_t size) {
  Live::of(Live::BY_NEW).remove(memory);
  __real__ZdlPvm(memory, size);
}

}  // extern "C"

namespace {

napi_value property(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  napi_get_named_property(env, object, name, &value);
  return value;
}

double number_of(napi_env env, napi_value value) {
  double number = 0;
  napi_get_value_double(env, value, &number);
  return number;
}

std::uint64_t count_of(napi_env env, napi_value object, const char* name) {
  return static_cast<std::uint64_t>(number_of(env, property(env, object, name)));
}

/// { calls: [call numbers], from, every, times, error, take: [bytes] }, all of them given.
Rule read_rule(napi_env env, napi_value line) {
  Rule rule;
  const auto each = [env, line](const char* name, auto use) {
    napi_value list = property(env, line, name), entry = nullptr;
    std::uint32_t length = 0;
    napi_get_array_length(env, list, &length);
    for (std::uint32_t k = 0; k < length; k++) {
      napi_get_element(env, list, k, &entry);
      use(static_cast<std::size_t>(number_of(env, entry)));
    }
  };
  each("calls", [&rule](std::size_t call) { rule.calls |= 1u << call; });
  each("take", [&rule](std::size_t bytes) {
    if (rule.takes < Rule::TAKES_MAX) rule.take[rule.takes++] = bytes;
  });
  rule.from = count_of(env, line, "from");
  rule.every = count_of(env, line, "every");
  rule.times = count_of(env, line, "times");
  rule.error = static_cast<int>(count_of(env, line, "error"));
  return rule;
}

/// faults(script): replaces the script; calls are counted from 1 again.
napi_value set_script(napi_env env, napi_callback_info info) {
  napi_value script = nullptr, line = nullptr;
  std::size_t count = 1;
  napi_get_cb_info(env, info, &count, &script, nullptr, nullptr);
  std::uint32_t length = 0;
  napi_get_array_length(env, script, &length);
  rules.clear();
  for (std::uint32_t k = 0; k < length; k++) {
    napi_get_element(env, script, k, &line);
    rules.push_back(read_rule(env, line));
  }
  std::fill(calls_made, calls_made + CALLS, 0);
  std::fill(calls_hit, calls_hit + CALLS, 0);
  return nullptr;
}

/// faultReport(): { made: { call: count }, hit: { call: count }, liveBuffers, liveObjects }
napi_value report(napi_env env, napi_callback_info) {
  napi_value result, made, hit, number;
  napi_create_object(env, &result);
  napi_create_object(env, &made);
  napi_create_object(env, &hit);
  for (std::uint32_t call = 0; call < CALLS; call++) {
    napi_create_double(env, static_cast<double>(calls_made[call]), &number);
    napi_set_named_property(env, made, CALL_NAMES[call], number);
    napi_create_double(env, static_cast<double>(calls_hit[call]), &number);
    napi_set_named_property(env, hit, CALL_NAMES[call], number);
  }
  napi_set_named_property(env, result, "made", made);
  napi_set_named_property(env, result, "hit", hit);
  napi_create_double(env, static_cast<double>(Live::of(Live::BY_MALLOC).count()), &number);
  napi_set_named_property(env, result, "liveBuffers", number);
  napi_create_double(env, static_cast<double>(Live::of(Live::BY_NEW).count()), &number);
  napi_set_named_property(env, result, "liveObjects", number);
  return result;
}

}  // namespace

void define(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"faults", nullptr, set_script, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"faultReport", nullptr, report, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, 2, functions);
  napi_value names, name;
  napi_create_array_with_length(env, CALLS, &names);
  for (std::uint32_t call = 0; call < CALLS; call++) {
    napi_create_string_utf8(env, CALL_NAMES[call], NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, names, call, name);
  }
  napi_set_named_property(env, exports, "faultCalls", names);
}

}  // namespace celeris::faults
