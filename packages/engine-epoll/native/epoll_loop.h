// The kernel side of the engine: waits, accepts, receives, sends. Edge-triggered, registered once
// per connection.
#pragma once
#include <sys/epoll.h>

#include <vector>

#include "celeris/listener.h"
#include "celeris/loop.h"
#include "celeris/unique_fd.h"

namespace celeris {

/// Reasons not to accept; accepting goes on when none is left.
enum AcceptPause : std::uint8_t {
  PAUSED_BY_USER = 1,
  PAUSED_BY_DESCRIPTORS = 2,
  PAUSED_BY_DRAIN = 4
};

struct LoopIo {
  UniqueFd epoll;
  Listener listener;
  UniqueFd reserve;  ///< spent to turn clients away when descriptors run out
  std::vector<epoll_event> events;
  std::int32_t backend_fd = -1;  ///< libuv's descriptor, held in our wait in native mode
  std::uint8_t accept_pause = 0;
  bool listener_watched = false;

  // Out of descriptors: retry later, or when a connection closes.
  std::uint32_t accept_retry_ms = 0;
  std::uint32_t accept_backoff_ms = 0;
  std::uint32_t accept_failing_since_ms = 0;
  bool warned = false;
  std::uint32_t warned_ms = 0;
  std::uint32_t evict_cursor = 0;
  std::uint32_t turn = 0;

  // Adaptive spin before blocking.
  std::uint32_t spin_us = 0;
  std::int32_t spin_score = 0;

  std::uint64_t clock_start_ns = 0;
  std::uint64_t woke_ns = 0;
  std::uint32_t trimmed_ms = 0;
  void (*warn)(void* owner, const char* message) = nullptr;
  void* owner = nullptr;
};

/// Sets up the wait. `backend_fd` -1 leaves libuv to watch us. False: errno tells.
[[nodiscard]] bool open_epoll(Loop& loop, LoopIo& io, std::int32_t backend_fd,
                              std::uint32_t events_max);
/// Stops or resumes accepting for one reason. Resuming needs memory of the kernel: it is tried
/// again until there is some.
void pause_accept(LoopIo& io, std::uint8_t reason);
void resume_accept(Loop& loop, std::uint8_t reason);
/// Resets every connection, without a word to JS: the environment is going away.
void abandon_connections(Loop& loop);

}  // namespace celeris
