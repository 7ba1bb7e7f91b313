// One wheel of coarse timers per loop (TIM-2). A connection is filed in at most one slot; activity only stores times,
// and a due slot files those again whose deadline moved. Nothing is armed per connection or request.
#pragma once
#include <cstdint>

#include "celeris/connection_table.h"
#include "celeris/layout.generated.h"

namespace celeris {

class Deadlines {
 public:
  Deadlines();

  /// Files a connection so that it comes due at `at_ms` (never before it). Moves it when it was filed elsewhere.
  void file(ConnectionTable& table, std::uint32_t slot, std::uint32_t at_ms);
  void unfile(ConnectionTable& table, std::uint32_t slot);
  /// When a filed connection comes due, ms.
  [[nodiscard]] std::uint32_t due_ms_of(const Connection& connection) const {
    const std::uint32_t from = (swept_ + 1) % WHEEL_SLOTS;
    return (swept_ + 1 + (connection.timer_slot - from + WHEEL_SLOTS) % WHEEL_SLOTS) * WHEEL_TICK_MS;
  }
  /// Takes one due connection out, or returns NO_SLOT.
  [[nodiscard]] std::uint32_t take_due(ConnectionTable& table, std::uint32_t now_ms);
  /// Milliseconds until the next slot that is not empty comes due; -1 when all are empty.
  [[nodiscard]] std::int32_t next_due_ms(std::uint32_t now_ms) const;

 private:
  static std::uint32_t tick_of(std::uint32_t ms) { return ms / WHEEL_TICK_MS; }

  std::uint32_t first_[WHEEL_SLOTS];
  std::uint64_t used_[WHEEL_SLOTS / 64] = {};
  std::uint32_t swept_ = 0;  ///< ticks up to this one have been emptied
};

}  // namespace celeris
