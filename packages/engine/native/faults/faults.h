// Scripted faults of the test build (engines.md §1.3). Sources call the kernel and the allocators
// directly; the linker of the test build diverts those calls to faults.cc (--wrap). A release
// knows nothing of it.
#pragma once
#include <node_api.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace celeris::faults {

/// The calls that can be made to fail, by their number.
enum Call : std::uint8_t {
  ACCEPT4,
  RECV,
  SEND,
  WATCH,
  UNWATCH,
  EPOLL_WAIT,
  EPOLL_CREATE1,
  SOCKET,
  BIND,
  LISTEN,
  OPEN,
  SHUTDOWN,
  MMAP,    ///< the connection table
  MALLOC,  ///< the buffer pool
  NEW,     ///< new (std::nothrow)
  CALLS
};

inline constexpr const char* CALL_NAMES[CALLS] = {
    "accept4",    "recv",          "send",   "epoll_ctl_add", "epoll_ctl_del",
    "epoll_wait", "epoll_create1", "socket", "bind",          "listen",
    "open",       "shutdown",      "mmap",   "malloc",        "new"};

/// One line of a script: which calls, counted from 1, and what becomes of them.
struct Rule {
  static constexpr std::size_t TAKES_MAX = 8;
  std::uint32_t calls = 0;  ///< bit per Call; they are counted together
  std::uint64_t from = 1;
  std::uint64_t every = 1;
  std::uint64_t times = ~std::uint64_t{0};
  int error = 0;                              ///< errno, or
  std::array<std::size_t, TAKES_MAX> take{};  ///< at most so many bytes, in turn
  std::size_t takes = 0;
  std::uint64_t seen = 0;
  std::uint64_t hits = 0;
};

/// Adds `faults(script)` and `faultReport()` to the exports of the addon.
void define(napi_env env, napi_value exports);

}  // namespace celeris::faults
