// Inline mode: where the loop of an engine meets Node's. `native`: a prepare handle blocks in the
// engine's own wait, which also holds libuv's descriptor, and stays there until libuv has work.
// `libuv`: libuv watches the engine's descriptor. Never both ways at once: that would be a cycle.
#pragma once
#include <uv.h>

#include "celeris/drain.h"
#include "celeris/loop.h"
#include "celeris/turn.h"

namespace celeris {

class UvDriver {
 public:
  using Finished = void (*)(void* owner);

  UvDriver(Loop& loop, Turn& turn, Drain& drain) : loop_(loop), turn_(turn), drain_(drain) {}

  /// Starts the handles. `engine_fd` is what libuv watches in `libuv` mode. False: libuv refused.
  [[nodiscard]] bool start(uv_loop_t* uv, bool native, int engine_fd);
  /// Closes the handles; `finished` is called when libuv has let go of the last one.
  void stop(Finished finished, void* owner);
  /// Called once when a drain has finished, inside a turn.
  void on_drained(Finished drained, void* owner) {
    drained_ = drained;
    drained_owner_ = owner;
  }

 private:
  static void prepare_callback(uv_prepare_t* handle);
  static void check_callback(uv_check_t* handle);
  static void idle_callback(uv_idle_t* handle);
  static void poll_callback(uv_poll_t* handle, int status, int events);
  static void timer_callback(uv_timer_t* handle);
  static void close_callback(uv_handle_t* handle);

  void stay();
  void turn_once(std::int32_t timeout_ms, bool* libuv_ready);
  [[nodiscard]] std::int32_t own_due_ms() const;
  void arm_timer();

  Loop& loop_;
  Turn& turn_;
  Drain& drain_;
  uv_loop_t* uv_ = nullptr;
  bool native_ = false;
  bool started_ = false;
  std::uint32_t handles_ = 0;
  uv_prepare_t prepare_{};
  uv_check_t check_{};
  uv_idle_t idle_{};
  uv_poll_t poll_{};
  uv_timer_t timer_{};
  Finished finished_ = nullptr;
  void* owner_ = nullptr;
  Finished drained_ = nullptr;
  void* drained_owner_ = nullptr;
};

}  // namespace celeris
