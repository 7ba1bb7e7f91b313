#include "celeris/deadlines.h"

#include <bit>

namespace celeris {

Deadlines::Deadlines() {
  for (std::uint32_t& slot : first_) slot = NO_SLOT;
}

void Deadlines::file(ConnectionTable& table, std::uint32_t slot, std::uint32_t at_ms) {
  // Rounded up, so that nothing comes due early; what lies beyond the wheel waits in its farthest
  // slot.
  std::uint64_t tick = extend(at_ms) / WHEEL_TICK_MS + 1;
  if (tick <= swept_) tick = swept_ + 1;
  if (tick - swept_ >= WHEEL_SLOTS) tick = swept_ + WHEEL_SLOTS - 1;
  const std::uint16_t wheel_slot = static_cast<std::uint16_t>(tick % WHEEL_SLOTS);
  Connection& connection = table.at(slot);
  if (connection.timer_slot == wheel_slot) return;
  if (connection.timer_slot != NOT_FILED) unfile(table, slot);
  connection.timer_slot = wheel_slot;
  connection.timer_previous = NO_SLOT;
  connection.timer_next = first_[wheel_slot];
  if (connection.timer_next != NO_SLOT) table.at(connection.timer_next).timer_previous = slot;
  first_[wheel_slot] = slot;
  used_[wheel_slot / 64] |= std::uint64_t{1} << (wheel_slot % 64);
}

void Deadlines::unfile(ConnectionTable& table, std::uint32_t slot) {
  Connection& connection = table.at(slot);
  const std::uint16_t wheel_slot = connection.timer_slot;
  if (wheel_slot == NOT_FILED) return;
  if (connection.timer_previous != NO_SLOT) {
    table.at(connection.timer_previous).timer_next = connection.timer_next;
  } else {
    first_[wheel_slot] = connection.timer_next;
    if (connection.timer_next == NO_SLOT)
      used_[wheel_slot / 64] &= ~(std::uint64_t{1} << (wheel_slot % 64));
  }
  if (connection.timer_next != NO_SLOT)
    table.at(connection.timer_next).timer_previous = connection.timer_previous;
  connection.timer_slot = NOT_FILED;
  connection.timer_next = NO_SLOT;
  connection.timer_previous = NO_SLOT;
}

std::uint32_t Deadlines::take_due(ConnectionTable& table, std::uint32_t now_ms) {
  const std::uint64_t now = extend(now_ms);
  if (now > now_) now_ = now;
  const std::uint64_t now_tick = now_ / WHEEL_TICK_MS;
  // After a stop longer than the wheel every slot is due once; older ticks name the same slots.
  if (now_tick - swept_ > WHEEL_SLOTS) swept_ = now_tick - WHEEL_SLOTS;
  while (swept_ < now_tick) {
    const std::uint32_t slot = first_[(swept_ + 1) % WHEEL_SLOTS];
    if (slot != NO_SLOT) {
      unfile(table, slot);
      return slot;
    }
    swept_++;
  }
  return NO_SLOT;
}

std::int32_t Deadlines::next_due_ms(std::uint32_t now_ms) const {
  const std::uint64_t now = extend(now_ms);
  const std::uint32_t from = static_cast<std::uint32_t>((swept_ + 1) % WHEEL_SLOTS);
  for (std::uint32_t step = 0; step <= WHEEL_SLOTS / 64; step++) {
    const std::uint32_t word = (from / 64 + step) % (WHEEL_SLOTS / 64);
    std::uint64_t bits = used_[word];
    if (step == 0) bits &= ~std::uint64_t{0} << (from % 64);
    if (step == WHEEL_SLOTS / 64) bits &= (std::uint64_t{1} << (from % 64)) - 1;
    if (bits == 0) continue;
    const std::uint32_t wheel_slot = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
    const std::uint64_t due_ms =
        (swept_ + 1 + (wheel_slot - from + WHEEL_SLOTS) % WHEEL_SLOTS) * WHEEL_TICK_MS;
    return due_ms <= now ? 0 : static_cast<std::int32_t>(due_ms - now);
  }
  return -1;
}

}  // namespace celeris
