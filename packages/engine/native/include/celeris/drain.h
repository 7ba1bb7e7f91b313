#pragma once
#include "celeris/loop.h"

namespace celeris {

/// A graceful close in progress (C11, core.md L-9).
struct Drain {
  bool requested = false;  ///< JS asked; it begins at the next safe point
  std::uint32_t timeout_ms = 0;
  bool active = false;
  bool finished = false;
  bool idle_closed = false;
  std::uint32_t started_ms = 0;
  std::uint32_t grace_end_ms = 0;  ///< until then idle connections stay readable
  std::uint32_t deadline_ms = 0;
  std::uint32_t checked_ms = 0;   ///< when connections were looked at last
  std::uint32_t connections = 0;  ///< open when it began
  std::uint32_t cut = 0;
};

/// Asks for a drain; while one runs, brings its end forward if this one would end earlier.
void request_drain(Loop& loop, Drain& drain, std::uint32_t timeout_ms);
/// Begins a requested drain, moves a drain on; may add events to the batch. Sets `finished` when
/// nothing is left.
void step_drain(Loop& loop, Drain& drain);
/// Milliseconds until the next step is due; -1 without a drain.
[[nodiscard]] std::int32_t drain_due_ms(const Loop& loop, const Drain& drain);

}  // namespace celeris
