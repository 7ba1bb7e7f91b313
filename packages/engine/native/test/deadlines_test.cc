// sources: deadlines.cc connection_table.cc
// The wheel of TIM-2: never early, at most one tick late, against a naive list of deadlines.
#include "celeris/deadlines.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "expect.h"

namespace {

using namespace celeris;

constexpr std::uint32_t TICK = WHEEL_TICK_MS;
/// Farther deadlines wait in the farthest slot, come due there and are filed again.
constexpr std::uint32_t REACH_MS = (WHEEL_SLOTS - 1) * TICK;

/// A wheel and its table, and what every connection really waits for.
struct Bench {
  ConnectionTable table;
  Deadlines wheel;
  std::map<std::uint32_t, std::uint64_t> wanted;  ///< slot -> deadline, ms
  std::uint64_t now_ms = 0;                       ///< does not wrap; the wheel sees its low 32 bits
  std::uint64_t latest_ms = 0;                    ///< worst lateness seen

  explicit Bench(std::uint32_t connections) {
    CHECK(table.reserve(connections));
    for (std::uint32_t k = 0; k < connections; ++k) CHECK(table.take() == k);
  }
  void file(std::uint32_t slot, std::uint64_t at_ms) {
    wheel.file(table, slot, static_cast<std::uint32_t>(at_ms));
    wanted[slot] = at_ms;
  }
  void unfile(std::uint32_t slot) {
    wheel.unfile(table, slot);
    wanted.erase(slot);
  }
  /// What the loop does: takes what is due, files it again when its deadline is later. Expired
  /// slots.
  std::vector<std::uint32_t> sweep(std::uint64_t at_ms) {
    std::vector<std::uint32_t> expired;
    now_ms = at_ms;
    for (;;) {
      const std::uint32_t slot = wheel.take_due(table, clock());
      if (slot == NO_SLOT) return expired;
      EXPECT(table.at(slot).timer_slot == NOT_FILED, "%u is taken out", slot);
      EXPECT(wanted.contains(slot), "%u was not filed", slot);
      const std::uint64_t deadline = wanted[slot];
      if (deadline > now_ms) {
        wheel.file(table, slot, static_cast<std::uint32_t>(deadline));
        continue;
      }
      latest_ms = std::max(latest_ms, now_ms - deadline);
      wanted.erase(slot);
      expired.push_back(slot);
    }
  }
  /// Lets time pass with nothing filed, in steps the 32-bit clock can tell apart.
  void pass(std::uint64_t until_ms) {
    while (now_ms < until_ms)
      EXPECT(sweep(std::min(now_ms + 1'000'000'000u, until_ms)).empty(), "nothing is filed");
  }
  std::uint32_t clock() const { return static_cast<std::uint32_t>(now_ms); }
  std::size_t overdue() const {
    std::size_t count = 0;
    for (const auto& [slot, at_ms] : wanted)
      if (at_ms + TICK <= now_ms) ++count;
    return count;
  }
};

void an_empty_wheel_waits_for_nothing() {
  Bench bench(1);
  for (const std::uint32_t now : {0u, 1u, 99u, 100u, 123'456u}) {
    EXPECT(bench.sweep(now).empty(), "%u", now);
    EXPECT(bench.wheel.next_due_ms(now) == -1, "%u", now);
  }
  bench.unfile(0);
  EXPECT(bench.wheel.next_due_ms(0) == -1, "unfiling what is not filed");
}

/// Every distance within two ticks and a few far ones, from every phase of a tick.
void is_never_early_and_at_most_a_tick_late() {
  for (std::uint32_t start = 1000; start < 1000 + 2 * TICK; start += 7) {
    std::vector<std::uint32_t> distances;
    for (std::uint32_t distance = 0; distance <= 2 * TICK; ++distance)
      distances.push_back(distance);
    for (const std::uint32_t distance : {1'000u, 10'000u, 60'000u, 102'100u}) {
      distances.push_back(distance);
      distances.push_back(distance + 1);
    }
    for (const std::uint32_t distance : distances) {
      Bench bench(1);
      EXPECT(bench.sweep(start).empty(), "%u", start);
      const std::uint32_t at = start + distance;
      bench.file(0, at);
      const std::uint32_t due = start + static_cast<std::uint32_t>(bench.wheel.next_due_ms(start));
      EXPECT(due > at && due <= at + TICK, "%u + %u: due %u", start, distance, due);
      EXPECT(bench.wheel.due_by(bench.table.at(0), at), "%u + %u: filed for it", start, distance);
      if (distance > 3 * TICK)
        EXPECT(!bench.wheel.due_by(bench.table.at(0), at - 2 * TICK), "%u + %u: not sooner", start,
               distance);
      EXPECT(bench.sweep(due - 1).empty(), "%u + %u: early", start, distance);
      EXPECT(bench.sweep(due).size() == 1, "%u + %u: late", start, distance);
      EXPECT(bench.wheel.next_due_ms(due) == -1, "%u + %u: empty again", start, distance);
    }
  }
}

void far_deadlines_wait_in_the_farthest_slot() {
  Bench bench(3);
  EXPECT(bench.sweep(5'050).empty(), "started");
  bench.file(0, 5'050 + 10 * REACH_MS);
  bench.file(1, 5'050 + REACH_MS + 1);
  bench.file(2, 5'050 + 2'147'483'000u);
  std::uint32_t wakeups = 0;
  std::uint32_t now = 5'050;
  while (bench.wanted.contains(0)) {
    const std::int32_t wait = bench.wheel.next_due_ms(now);
    EXPECT(wait > 0 && wait <= static_cast<std::int32_t>(REACH_MS + TICK), "%d", wait);
    now += static_cast<std::uint32_t>(wait);
    (void)bench.sweep(now);
    EXPECT(bench.overdue() == 0, "at %u", now);
    EXPECT(++wakeups < 40, "too many wake-ups");
    if (wakeups >= 40) return;
  }
  EXPECT(bench.latest_ms <= TICK, "late");
  EXPECT(bench.wanted.size() == 1 && bench.wanted.contains(2), "24 days are not over");
}

void filing_again_moves() {
  Bench bench(1);
  bench.file(0, 10'000);
  bench.file(0, 300);
  EXPECT(bench.sweep(400).size() == 1, "sooner");
  EXPECT(bench.sweep(20'000).empty(), "not twice");
  bench.file(0, 20'300);
  bench.file(0, 50'000);
  EXPECT(bench.sweep(30'000).empty(), "later");
  EXPECT(bench.sweep(50'100).size() == 1, "later");
  bench.file(0, 60'010);
  bench.file(0, 60'020);
  EXPECT(bench.sweep(60'000).empty() && bench.sweep(60'100).size() == 1, "the same slot, once");
}

void a_deadline_in_the_past_comes_due_with_the_next_tick() {
  Bench bench(2);
  EXPECT(bench.sweep(7'777).empty(), "started");
  bench.file(0, 1'000);
  bench.file(1, 7'777);
  const std::int32_t wait = bench.wheel.next_due_ms(7'777);
  EXPECT(wait > 0 && wait <= static_cast<std::int32_t>(TICK), "%d", wait);
  EXPECT(bench.sweep(7'800).size() == 2, "both");
}

void unfiles_in_any_order() {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    const std::uint32_t count = 1 + random() % 24;
    Bench bench(count);
    std::vector<std::uint32_t> order;
    // Few different times, so that slots hold long lists.
    for (std::uint32_t slot = 0; slot < count; ++slot) {
      bench.file(slot, 500 + random() % 4 * TICK);
      order.push_back(slot);
    }
    std::shuffle(order.begin(), order.end(), random);
    const std::size_t kept = random() % (count + 1);
    while (order.size() > kept) {
      bench.unfile(order.back());
      EXPECT(bench.table.at(order.back()).timer_slot == NOT_FILED, "%d", round);
      order.pop_back();
    }
    std::vector<std::uint32_t> expired = bench.sweep(10'000);
    std::sort(expired.begin(), expired.end());
    std::sort(order.begin(), order.end());
    EXPECT(expired == order, "round %d: %zu of %zu", round, expired.size(), order.size());
    EXPECT(bench.wheel.next_due_ms(10'000) == -1, "%d: empty", round);
    for (std::uint32_t slot = 0; slot < count; ++slot) bench.table.give(slot);
  }
}

void sweeps_everything_after_a_long_stop() {
  for (const std::uint32_t stop : {REACH_MS - 1, REACH_MS + TICK, 5 * REACH_MS, 86'400'000u}) {
    Bench bench(1000);
    EXPECT(bench.sweep(50).empty(), "started");
    std::mt19937 random(stop);
    for (std::uint32_t slot = 0; slot < 1000; ++slot) bench.file(slot, 50 + random() % 300'000);
    const std::uint32_t now = 50 + stop;
    std::size_t expected = 0;
    for (const auto& [slot, at_ms] : bench.wanted)
      if (at_ms <= now - TICK) ++expected;
    const std::size_t expired = bench.sweep(now).size();
    EXPECT(expired >= expected, "stopped for %u: %zu of %zu", stop, expired, expected);
    EXPECT(bench.overdue() == 0, "stopped for %u", stop);
    // And it goes on as before.
    for (std::uint32_t at = now; at < now + 400'000; at += 50) {
      (void)bench.sweep(at);
      EXPECT(bench.overdue() == 0, "stopped for %u, at %u", stop, at);
      if (bench.overdue() != 0) return;
    }
    EXPECT(bench.wanted.empty(), "stopped for %u", stop);
  }
}

void taking_one_at_a_time_may_be_interrupted() {
  Bench bench(3);
  for (std::uint32_t slot = 0; slot < 3; ++slot) bench.file(slot, 1'000 + slot * TICK);
  EXPECT(bench.wheel.take_due(bench.table, 60'000) == 0, "the oldest first");
  EXPECT(bench.wheel.next_due_ms(60'000) == 0, "more is due: no waiting");
  bench.wheel.file(bench.table, 0, 90'000);
  EXPECT(bench.wheel.take_due(bench.table, 60'000) == 1, "the next");
  EXPECT(bench.wheel.take_due(bench.table, 60'000) == 2, "the last");
  EXPECT(bench.wheel.take_due(bench.table, 60'000) == NO_SLOT, "filed again for later");
  EXPECT(bench.wheel.take_due(bench.table, 90'100) == 0, "now");
}

/// Minutes of random filing, moving, unfiling and sweeping; the loop sleeps as long as it is told.
void matches_a_naive_list(std::uint32_t seed, std::uint64_t start_ms) {
  std::mt19937 random(seed);
  constexpr std::uint32_t COUNT = 200;
  Bench bench(COUNT);
  bench.pass(start_ms);
  std::uint32_t expired = 0;
  std::uint64_t now = start_ms;
  while (now < start_ms + 20 * 60'000) {
    for (std::uint32_t k = random() % 6; k > 0; --k) {
      const std::uint32_t slot = random() % COUNT;
      const std::uint64_t at_ms = now + random() % (random() % 8 == 0 ? 400'000 : 5'000);
      if (random() % 5 == 0) {
        bench.unfile(slot);
      } else if (random() % 2 == 0 || !bench.wanted.contains(slot)) {
        bench.file(slot, at_ms);
      } else {
        // Activity only stores the new, later time; the wheel finds out when the old one is due.
        bench.wanted[slot] = std::max(bench.wanted[slot], at_ms);
      }
    }
    const std::int32_t wait = bench.wheel.next_due_ms(static_cast<std::uint32_t>(now));
    EXPECT(wait >= -1 && (wait != -1 || bench.wanted.empty()), "seed %u: waits %d", seed, wait);
    const std::uint32_t activity = 1 + random() % 700;
    const bool due_first = wait >= 0 && static_cast<std::uint32_t>(wait) <= activity;
    now += due_first ? std::max(1u, static_cast<std::uint32_t>(wait)) : activity;
    expired += static_cast<std::uint32_t>(bench.sweep(now).size());
    EXPECT(bench.overdue() == 0, "seed %u at +%u", seed,
           static_cast<std::uint32_t>(now - start_ms));
    for (const auto& [slot, at_ms] : bench.wanted)
      EXPECT(bench.table.at(slot).timer_slot != NOT_FILED, "seed %u: %u is lost", seed, slot);
    if (failures > 0) return;
  }
  EXPECT(expired > 500, "seed %u: only %u", seed, expired);
  EXPECT(bench.latest_ms <= TICK, "seed %u: late", seed);
}

void matches_a_naive_list() {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) matches_a_naive_list(seed, seed * 123'457u);
}

/// The clock of connections has 32 bits: after 49.7 days it begins again, inside a tick.
void keeps_time_when_the_clock_wraps() {
  constexpr std::uint64_t WRAP = std::uint64_t{1} << 32;
  for (std::uint32_t seed = 5; seed <= 6; ++seed) {
    matches_a_naive_list(seed, WRAP - 10 * 60'000);
    matches_a_naive_list(seed, 3 * WRAP - 10 * 60'000);
  }
  Bench bench(2);
  bench.pass(WRAP - 5'000);
  bench.file(0, WRAP + 1'000);
  bench.file(1, WRAP - 1'000);
  EXPECT(bench.sweep(WRAP - 900).size() == 1, "before the wrap");
  EXPECT(bench.wheel.next_due_ms(bench.clock()) <= 2'000, "slept over");
  EXPECT(bench.sweep(WRAP + 999).empty(), "early behind the wrap");
  EXPECT(bench.sweep(WRAP + 1'100).size() == 1, "behind the wrap");
}

}  // namespace

int main() {
  an_empty_wheel_waits_for_nothing();
  is_never_early_and_at_most_a_tick_late();
  far_deadlines_wait_in_the_farthest_slot();
  filing_again_moves();
  a_deadline_in_the_past_comes_due_with_the_next_tick();
  unfiles_in_any_order();
  sweeps_everything_after_a_long_stop();
  taking_one_at_a_time_may_be_interrupted();
  matches_a_naive_list();
  keeps_time_when_the_clock_wraps();
  return failures == 0 ? 0 : 1;
}
