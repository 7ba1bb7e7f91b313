#include "celeris/uv_driver.h"

#include <algorithm>

#include "celeris/answers.h"
#include "celeris/closing.h"
#include "celeris/receive.h"

// A runtime without these (Deno has no prepare handle) gets a readable refusal instead of a failed
// load.
#pragma weak uv_prepare_init
#pragma weak uv_prepare_start
#pragma weak uv_prepare_stop

namespace celeris {

namespace {

/// The sooner of two waits in which -1 is "never".
std::int32_t sooner(std::int32_t a, std::int32_t b) {
  if (a < 0) return b;
  if (b < 0) return a;
  return std::min(a, b);
}

}  // namespace

bool UvDriver::start(uv_loop_t* uv, bool native, int engine_fd) {
  if (uv_prepare_init == nullptr) return false;
  uv_ = uv;
  native_ = native;
  prepare_.data = check_.data = idle_.data = poll_.data = timer_.data = this;
  if (uv_prepare_init(uv, &prepare_) != 0) return false;
  uv_prepare_start(&prepare_, prepare_callback);
  handles_++;
  if (native) {
    uv_check_init(uv, &check_);
    uv_check_start(&check_, check_callback);
    uv_unref(reinterpret_cast<uv_handle_t*>(&check_));
    uv_idle_init(uv, &idle_);
    handles_ += 2;
  } else {
    uv_timer_init(uv, &timer_);
    uv_unref(reinterpret_cast<uv_handle_t*>(&timer_));
    handles_++;
    if (uv_poll_init(uv, &poll_, engine_fd) != 0) return false;
    handles_++;
    uv_poll_start(&poll_, UV_READABLE, poll_callback);
  }
  started_ = true;
  return true;
}

void UvDriver::stop(Finished finished, void* owner) {
  finished_ = finished;
  owner_ = owner;
  started_ = false;
  if (handles_ == 0) {
    finished(owner);
    return;
  }
  const auto end = [](auto* handle) {
    auto* base = reinterpret_cast<uv_handle_t*>(handle);
    if (base->type != UV_UNKNOWN_HANDLE && uv_is_closing(base) == 0) uv_close(base, close_callback);
  };
  end(&prepare_);
  if (native_) {
    end(&check_);
    end(&idle_);
  } else {
    end(&timer_);
    if (handles_ > 2) end(&poll_);
  }
}

void UvDriver::close_callback(uv_handle_t* handle) {
  UvDriver* self = static_cast<UvDriver*>(handle->data);
  if (--self->handles_ == 0) self->finished_(self->owner_);
}

std::int32_t UvDriver::own_due_ms() const {
  if (!loop_.hot.empty() || !loop_.closed.empty()) return 0;
  return sooner(sooner(loop_.deadlines.next_due_ms(loop_.now_ms), io_next_due_ms(loop_)),
                drain_due_ms(loop_, drain_));
}

void UvDriver::turn_once(std::int32_t timeout_ms, bool* libuv_ready) {
  *libuv_ready = io_turn(loop_, timeout_ms);
  uv_update_time(uv_);
  receive_hot(loop_);
  run_turn(loop_);
  expire_deadlines(loop_);
  step_drain(loop_, drain_);
  if (loop_.events > 0 || !loop_.closed.empty()) run_turn(loop_);
  if (drain_.finished && drained_ != nullptr) {
    const Finished drained = drained_;
    drained_ = nullptr;
    drained(drained_owner_);
  }
}

void UvDriver::stay() {
  if (loop_.control()[CONTROL_RESPONSE_COUNT] != 0) io_read_clock(loop_);
  run_turn(loop_);  // answers that settled since the last turn
  for (bool first = true; started_; first = false) {
    // Answers of another engine of this isolate leave in its own prepare callback, which needs a
    // turn of libuv.
    const std::int32_t libuv_due = loop_.foreign_answers() ? 0 : uv_backend_timeout(uv_);
    if (libuv_due == 0 && !first) break;
    bool libuv_ready = false;
    turn_once(sooner(libuv_due, own_due_ms()), &libuv_ready);
    if (libuv_ready || libuv_due == 0 || turn_.dead) break;
  }
  // libuv polls next; with an idle handle it will not block there.
  if (started_) uv_idle_start(&idle_, idle_callback);
}

void UvDriver::arm_timer() {
  const std::int32_t due_ms = own_due_ms();
  if (due_ms < 0) {
    uv_timer_stop(&timer_);
  } else {
    uv_timer_start(&timer_, timer_callback, static_cast<std::uint64_t>(due_ms), 0);
  }
}

void UvDriver::prepare_callback(uv_prepare_t* handle) {
  UvDriver* self = static_cast<UvDriver*>(handle->data);
  if (self->turn_.dead) return;
  if (self->native_) {
    self->stay();
  } else {
    io_read_clock(self->loop_);
    run_turn(self->loop_);
    if (self->started_) self->arm_timer();
  }
}

void UvDriver::check_callback(uv_check_t* handle) {
  uv_idle_stop(&static_cast<UvDriver*>(handle->data)->idle_);
}

void UvDriver::idle_callback(uv_idle_t*) {}

void UvDriver::poll_callback(uv_poll_t* handle, int, int) {
  UvDriver* self = static_cast<UvDriver*>(handle->data);
  bool unused = false;
  if (!self->turn_.dead) self->turn_once(0, &unused);
}

void UvDriver::timer_callback(uv_timer_t* handle) {
  UvDriver* self = static_cast<UvDriver*>(handle->data);
  bool unused = false;
  if (!self->turn_.dead) self->turn_once(0, &unused);
}

}  // namespace celeris
