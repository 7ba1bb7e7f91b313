// One wheel of coarse timers per loop (TIM-2). A connection is filed in at most one slot; activity
// only stores times, and a due slot files those again whose deadline moved. Nothing is armed per
// connection or request.
#pragma once
#include <cstdint>

#include "celeris/connection_table.h"
#include "celeris/layout.generated.h"

namespace celeris {

class Deadlines {
 public:
  Deadlines();

  /// Files a connection so that it comes due at `at_ms` (never before it). Moves it when it was
  /// filed elsewhere.
  void file(ConnectionTable& table, std::uint32_t slot, std::uint32_t at_ms);
  void unfile(ConnectionTable& table, std::uint32_t slot);
  /// Whether a filed connection comes due by `at_ms`, give or take a tick.
  [[nodiscard]] bool due_by(const Connection& connection, std::uint32_t at_ms) const {
    const std::uint64_t from = (swept_ + 1) % WHEEL_SLOTS;
    const std::uint64_t tick =
        swept_ + 1 + (connection.timer_slot - from + WHEEL_SLOTS) % WHEEL_SLOTS;
    return tick * WHEEL_TICK_MS <= extend(at_ms) + WHEEL_TICK_MS;
  }
  /// Takes one due connection out, or returns NO_SLOT.
  [[nodiscard]] std::uint32_t take_due(ConnectionTable& table, std::uint32_t now_ms);
  /// Milliseconds until the next slot that is not empty comes due; -1 when all are empty.
  [[nodiscard]] std::int32_t next_due_ms(std::uint32_t now_ms) const;

 private:
  /// A time of the 32-bit clock of connections, which wraps every 49 days, on the wheel's own.
  [[nodiscard]] std::uint64_t extend(std::uint32_t ms) const {
    const std::int64_t distance = static_cast<std::int32_t>(ms - static_cast<std::uint32_t>(now_));
    return distance < 0 && static_cast<std::uint64_t>(-distance) > now_
               ? 0
               : now_ + static_cast<std::uint64_t>(distance);
  }

  std::uint32_t first_[WHEEL_SLOTS];
  std::uint64_t used_[WHEEL_SLOTS / 64] = {};
  std::uint64_t now_ = 0;    ///< latest time seen, ms
  std::uint64_t swept_ = 0;  ///< ticks up to this one have been emptied
};

}  // namespace celeris
