#pragma once
#include <cstddef>
#include <cstdint>

#include "celeris/check.h"
#include "celeris/connection.h"

namespace celeris {

/// Slots of connections. Address space for the cap is reserved once; growing extends the range in
/// use, so no slot ever moves. Free slots are reused last in, first out: the hot ones stay in
/// cache.
class ConnectionTable {
 public:
  ConnectionTable() = default;
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;
  ~ConnectionTable();

  /// Reserves room for `cap` slots. False when the address space is refused.
  [[nodiscard]] bool reserve(std::uint32_t cap);
  /// Takes a free slot and resets it, generation kept; NO_SLOT at the cap.
  [[nodiscard]] std::uint32_t take();
  /// Gives a slot back under a new generation.
  void give(std::uint32_t slot);

  [[nodiscard]] Connection& at(std::uint32_t slot) {
    DCHECK(slot < touched_);
    return slots_[slot];
  }
  [[nodiscard]] std::uint32_t slot_of(const Connection& connection) const {
    return static_cast<std::uint32_t>(&connection - slots_);
  }
  /// The connection a record names, or null when it is gone.
  [[nodiscard]] Connection* find(std::uint32_t slot, std::uint32_t generation) {
    if (slot >= touched_) return nullptr;
    Connection& connection = slots_[slot];
    return connection.generation == generation && connection.phase == Phase::open ? &connection
                                                                                  : nullptr;
  }
  [[nodiscard]] std::uint32_t slots() const { return usable_; }
  [[nodiscard]] std::uint32_t touched() const { return touched_; }
  [[nodiscard]] std::uint32_t taken() const { return taken_; }
  [[nodiscard]] std::uint32_t cap() const { return cap_; }

 private:
  Connection* slots_ = nullptr;
  std::uint32_t cap_ = 0;
  std::uint32_t usable_ = 0;   ///< grows 4 096 -> cap
  std::uint32_t touched_ = 0;  ///< slots that were ever taken
  std::uint32_t taken_ = 0;
  std::uint32_t free_ = NO_SLOT;  ///< chained through timer_next
};

}  // namespace celeris
