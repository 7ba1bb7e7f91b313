// sources: connection_table.cc buffer_pool.cc
// Slots: growth without moving, generations, reuse order, refusals, and what an idle one costs.
#include "celeris/connection_table.h"

#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "celeris/layout.generated.h"
#include "expect.h"

namespace {

using namespace celeris;

constexpr std::size_t CACHE_LINE = 64;
static_assert(sizeof(Connection) % CACHE_LINE == 0 && alignof(Connection) == CACHE_LINE);
// What an idle connection costs here; engines.md §2.5 allows no more.
static_assert(sizeof(Connection) == 128);

constexpr std::uint32_t GENERATION_LAST = 0xffffffffu;

/// Private memory of this process that the kernel really holds, KiB.
long resident_kib() {
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  long pages = 0, resident = 0;
  if (file == nullptr || std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
  if (file != nullptr) std::fclose(file);
  return resident * 4;
}

void starts_small_and_grows_on_demand() {
  ConnectionTable table;
  EXPECT(table.reserve(TABLE_SLOTS_MAX), "address space");
  EXPECT(table.slots() == TABLE_SLOTS_INITIAL && table.touched() == 0, "4 096 at the start");
  std::uint32_t expected = TABLE_SLOTS_INITIAL;
  std::vector<const Connection*> places;
  for (std::uint32_t k = 0; k < TABLE_SLOTS_MAX; ++k) {
    const std::uint32_t slot = table.take();
    EXPECT(slot == k, "%u: new slots in order, %u", k, slot);
    if (k == expected) expected *= 2;
    EXPECT(table.slots() == expected, "%u: %u slots", k, table.slots());
    Connection& connection = table.at(slot);
    connection.fd = static_cast<std::int32_t>(k);
    places.push_back(&connection);
  }
  EXPECT(table.slots() == TABLE_SLOTS_MAX && table.taken() == TABLE_SLOTS_MAX, "doubled to 65 536");
  for (std::uint32_t k = 0; k < TABLE_SLOTS_MAX; ++k) {
    EXPECT(places[k] == &table.at(k) && places[k]->fd == static_cast<std::int32_t>(k),
           "slot %u moved", k);
    EXPECT(table.slot_of(table.at(k)) == k, "%u", k);
  }
  EXPECT(table.take() == NO_SLOT && table.taken() == TABLE_SLOTS_MAX, "full");
}

void refuses_above_a_small_cap() {
  ConnectionTable table;
  EXPECT(table.reserve(3) && table.slots() == 3 && table.cap() == 3, "below 4 096");
  for (std::uint32_t k = 0; k < 3; ++k) EXPECT(table.take() == k, "%u", k);
  EXPECT(table.take() == NO_SLOT, "at the cap");
  table.give(1);
  EXPECT(table.take() == 1 && table.take() == NO_SLOT, "one came free");
}

void stops_growing_at_a_cap_that_is_no_power_of_two() {
  ConnectionTable table;
  EXPECT(table.reserve(TABLE_SLOTS_INITIAL + 1), "odd cap");
  for (std::uint32_t k = 0; k <= TABLE_SLOTS_INITIAL; ++k) EXPECT(table.take() == k, "%u", k);
  EXPECT(table.slots() == TABLE_SLOTS_INITIAL + 1 && table.take() == NO_SLOT, "at the cap");
}

void reuses_the_last_slot_first() {
  ConnectionTable table;
  EXPECT(table.reserve(16), "room");
  for (std::uint32_t k = 0; k < 6; ++k) EXPECT(table.take() == k, "%u", k);
  for (const std::uint32_t slot : {4u, 1u, 3u}) table.give(slot);
  for (const std::uint32_t slot : {3u, 1u, 4u, 6u}) EXPECT(table.take() == slot, "%u", slot);
}

void every_owner_has_a_generation_of_its_own() {
  ConnectionTable table;
  EXPECT(table.reserve(4) && table.take() == 0, "room");
  std::uint32_t generation = table.at(0).generation;
  EXPECT(generation != 0, "0 names nobody");
  for (int k = 0; k < 1000; ++k) {
    table.give(0);
    EXPECT(table.take() == 0, "%d", k);
    EXPECT(table.at(0).generation == generation + 1, "%d", k);
    generation++;
  }
}

void generations_wrap_past_zero() {
  ConnectionTable table;
  EXPECT(table.reserve(4) && table.take() == 0, "room");
  table.at(0).generation = GENERATION_LAST;
  EXPECT(table.find(0, GENERATION_LAST) != nullptr, "the last one is valid");
  table.give(0);
  EXPECT(table.take() == 0 && table.at(0).generation == 1, "%u", table.at(0).generation);
  EXPECT(table.find(0, GENERATION_LAST) == nullptr && table.find(0, 0) == nullptr, "stale");
}

void finds_only_who_is_there() {
  ConnectionTable table;
  EXPECT(table.reserve(8) && table.take() == 0 && table.take() == 1, "room");
  const std::uint32_t generation = table.at(1).generation;
  EXPECT(table.find(1, generation) == &table.at(1), "there");
  EXPECT(table.find(1, generation + 1) == nullptr, "a later generation");
  EXPECT(table.find(1, generation - 1) == nullptr, "an earlier generation");
  EXPECT(table.find(2, 1) == nullptr, "a slot nobody had yet");
  for (const std::uint32_t slot : {8u, 65'536u, 0x7fffffffu, NO_SLOT})
    EXPECT(table.find(slot, 1) == nullptr, "a slot outside the table: %u", slot);

  table.at(1).phase = Phase::lingering;
  EXPECT(table.find(1, generation) == nullptr, "lingering: no answer may reach it");
  table.at(1).phase = Phase::closed;
  EXPECT(table.find(1, generation) == nullptr, "closed in this turn");
  table.give(1);
  EXPECT(table.find(1, generation) == nullptr, "given back");
  EXPECT(table.find(1, generation + 1) == nullptr, "not yet taken again");
  EXPECT(table.take() == 1 && table.find(1, generation) == nullptr, "another owner");
  EXPECT(table.find(1, generation + 1) != nullptr, "the new owner");
}

void a_reused_slot_remembers_nothing() {
  ConnectionTable table;
  EXPECT(table.reserve(1) && table.take() == 0, "room");
  Connection& connection = table.at(0);
  const std::uint32_t generation = connection.generation;
  for (std::size_t byte = 0; byte < sizeof connection.peer_address; ++byte)
    connection.peer_address[byte] = 0xff;
  connection.fd = 7;
  connection.sequence_next = 9;
  connection.sequence_send = 3;
  connection.flags = 0x7fff;
  connection.close_sequence = 5;
  connection.input_needed = 1;
  connection.idle_since = connection.mark = connection.progress = 77;
  connection.output_sent = connection.drain_first = connection.drain_last = 4;
  connection.peer_port = 1;
  connection.peer_family = 6;
  table.give(0);
  EXPECT(table.take() == 0, "again");
  Connection fresh;
  fresh.generation = generation + 1;
  fresh.phase = Phase::open;
  EXPECT(connection.fd == -1 && connection.owed() == 0 && connection.flags == 0, "reset");
  EXPECT(connection.input_needed == 0 && connection.idle_since == 0 && connection.mark == 0 &&
             connection.progress == 0 && connection.output_sent == 0 &&
             connection.close_sequence == 0,
         "reset");
  EXPECT(connection.peer_port == 0 && connection.peer_family == 0 &&
             std::memcmp(connection.peer_address, fresh.peer_address, 16) == 0,
         "reset");
  EXPECT(connection.timer_slot == NOT_FILED && connection.timer_next == NO_SLOT, "in no list");
  EXPECT(connection.generation == fresh.generation && connection.phase == fresh.phase, "named");
}

void a_reserved_table_costs_nothing_until_it_is_used() {
  const long before = resident_kib();
  ConnectionTable table;
  EXPECT(table.reserve(TABLE_SLOTS_MAX), "8 MiB of address space");
  EXPECT(table.take() == 0, "one page");
  const long grown = resident_kib() - before;
  EXPECT(grown < 512, "%ld KiB for one connection", grown);
}

/// Random takes and gives against a list of who has which slot.
void matches_a_naive_table() {
  struct Owner {
    std::uint32_t slot;
    std::uint32_t generation;
  };
  std::mt19937 random(11);
  ConnectionTable table;
  EXPECT(table.reserve(6000), "room");
  std::vector<Owner> owners, gone;
  for (int step = 0; step < 100'000; ++step) {
    if (random() % 5 < 3 || owners.empty()) {
      const std::uint32_t slot = table.take();
      EXPECT((slot == NO_SLOT) == (owners.size() == 6000), "%d", step);
      if (slot == NO_SLOT) continue;
      for (int k = 0; k < 3 && !owners.empty(); ++k)
        EXPECT(owners[random() % owners.size()].slot != slot, "%d: taken twice", step);
      owners.push_back({slot, table.at(slot).generation});
    } else {
      const std::size_t k = random() % owners.size();
      table.give(owners[k].slot);
      gone.push_back(owners[k]);
      owners[k] = owners.back();
      owners.pop_back();
    }
    EXPECT(table.taken() == owners.size(), "%d", step);
    if (!owners.empty()) {
      const Owner& owner = owners[random() % owners.size()];
      EXPECT(table.find(owner.slot, owner.generation) == &table.at(owner.slot), "%d", step);
    }
    if (!gone.empty()) {
      const Owner& owner = gone[random() % gone.size()];
      EXPECT(table.find(owner.slot, owner.generation) == nullptr, "%d: stale", step);
    }
  }
}

}  // namespace

int main() {
  a_reserved_table_costs_nothing_until_it_is_used();
  starts_small_and_grows_on_demand();
  refuses_above_a_small_cap();
  stops_growing_at_a_cap_that_is_no_power_of_two();
  reuses_the_last_slot_first();
  every_owner_has_a_generation_of_its_own();
  generations_wrap_past_zero();
  finds_only_who_is_there();
  a_reused_slot_remembers_nothing();
  matches_a_naive_table();
  return failures == 0 ? 0 : 1;
}
