#include "celeris/connection_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "celeris/layout.generated.h"

namespace celeris {

ConnectionTable::~ConnectionTable() {
  if (slots_ != nullptr) ::munmap(slots_, std::size_t{cap_} * sizeof(Connection));
}

bool ConnectionTable::reserve(std::uint32_t cap) {
  CHECK(slots_ == nullptr && cap > 0 && cap <= TABLE_SLOTS_MAX);
  void* memory = ::mmap(nullptr, std::size_t{cap} * sizeof(Connection), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  slots_ = static_cast<Connection*>(memory);
  cap_ = cap;
  usable_ = std::min(cap, TABLE_SLOTS_INITIAL);
  return true;
}

std::uint32_t ConnectionTable::take() {
  std::uint32_t slot = free_;
  if (slot != NO_SLOT) {
    free_ = slots_[slot].timer_next;
  } else {
    if (touched_ == usable_) {
      if (usable_ == cap_) return NO_SLOT;
      usable_ = std::min(cap_, usable_ * 2);
    }
    slot = touched_++;
    new (&slots_[slot]) Connection();
  }
  const std::uint32_t generation = slots_[slot].generation;
  slots_[slot] = Connection();
  slots_[slot].generation = generation;
  slots_[slot].phase = Phase::open;
  taken_++;
  return slot;
}

void ConnectionTable::give(std::uint32_t slot) {
  Connection& connection = slots_[slot];
  CHECK(connection.phase != Phase::free);
  CHECK(connection.timer_slot == NOT_FILED);
  connection.phase = Phase::free;
  connection.generation++;
  if (connection.generation == 0) connection.generation = 1;
  connection.timer_next = free_;
  free_ = slot;
  taken_--;
}

}  // namespace celeris
