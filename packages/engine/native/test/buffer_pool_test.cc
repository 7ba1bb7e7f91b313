// sources: buffer_pool.cc
// Size classes, what is kept and what is freed, and the counts, against a naive model.
#include "celeris/buffer_pool.h"

#include <cstring>
#include <random>
#include <vector>

#include "celeris/layout.generated.h"
#include "expect.h"

namespace {

using namespace celeris;

constexpr std::uint32_t SMALL = 4096;
constexpr std::uint32_t MIDDLE = 16384;
constexpr std::uint32_t LARGE = 65536;
static_assert(LARGE == POOLED_BUFFER_BYTES_MAX);

std::uint32_t capacity_for(std::uint32_t needed) {
  BufferPool pool;
  Buffer buffer;
  EXPECT(pool.grow(buffer, needed), "%u", needed);
  const std::uint32_t capacity = buffer.capacity;
  pool.release(buffer);
  return capacity;
}

/// Takes `count` buffers of one class at once, then gives all of them back.
void burst(BufferPool& pool, std::uint32_t capacity, std::uint32_t count) {
  std::vector<Buffer> buffers(count);
  for (Buffer& buffer : buffers) EXPECT(pool.grow(buffer, capacity), "%u", capacity);
  for (Buffer& buffer : buffers) pool.release(buffer);
}

void picks_the_smallest_class_that_fits() {
  const std::uint32_t expected[][2] = {
      {1, SMALL},          {SMALL, SMALL}, {SMALL + 1, MIDDLE},    {MIDDLE, MIDDLE},
      {MIDDLE + 1, LARGE}, {LARGE, LARGE}, {LARGE + 1, 2 * LARGE}, {5 * LARGE - 1, 5 * LARGE}};
  for (const auto& [needed, capacity] : expected)
    EXPECT(capacity_for(needed) == capacity, "%u: %u", needed, capacity_for(needed));
}

void a_buffer_that_needs_nothing_owns_nothing() {
  BufferPool pool;
  Buffer buffer;
  EXPECT(pool.grow(buffer, 0) && buffer.data == nullptr, "no bytes, no buffer");
  pool.release(buffer);
  EXPECT(pool.owned_buffers() == 0 && pool.owned_bytes() == 0 && pool.pooled_bytes() == 0, "none");
}

void keeps_content_while_it_grows() {
  BufferPool pool;
  Buffer buffer;
  std::vector<std::uint8_t> expected;
  for (std::uint32_t piece = 1; expected.size() < 1'000'000; piece = piece * 3 % 40'009) {
    std::vector<std::uint8_t> bytes(piece);
    for (std::size_t k = 0; k < bytes.size(); ++k)
      bytes[k] = static_cast<std::uint8_t>(expected.size() + k * 7);
    EXPECT(pool.append(buffer, bytes.data(), piece), "%u", piece);
    expected.insert(expected.end(), bytes.begin(), bytes.end());
    EXPECT(buffer.length == expected.size() && buffer.length <= buffer.capacity, "bounds");
    EXPECT(pool.owned_buffers() == 1 && pool.owned_bytes() == buffer.capacity, "counts");
  }
  EXPECT(std::memcmp(buffer.data, expected.data(), expected.size()) == 0, "content");
  pool.release(buffer);
  EXPECT(buffer.data == nullptr && buffer.length == 0 && buffer.capacity == 0, "emptied");
}

void grows_far_in_few_steps() {
  BufferPool pool;
  Buffer buffer;
  int steps = 0;
  for (std::uint32_t needed = 1; needed <= 16u << 20; needed += 16'381) {
    const std::uint32_t before = buffer.capacity;
    EXPECT(pool.grow(buffer, needed), "%u", needed);
    if (buffer.capacity != before) ++steps;
  }
  EXPECT(steps <= 12, "%d copies of the whole content", steps);
  pool.release(buffer);
}

void refuses_lengths_that_would_overflow() {
  BufferPool pool;
  Buffer buffer;
  std::uint8_t byte = 'x';
  EXPECT(pool.append(buffer, &byte, 1), "one byte");
  std::uint8_t* const data = buffer.data;
  for (const std::uint32_t needed :
       {BUFFER_BYTES_MAX + 1, 0x80000000u, 0xffff0000u, 0xffff0001u, 0xffffffffu}) {
    EXPECT(!pool.grow(buffer, needed), "%u", needed);
    EXPECT(!pool.append(buffer, &byte, needed), "%u", needed);
  }
  EXPECT(buffer.data == data && buffer.length == 1 && buffer.capacity == SMALL && *data == 'x',
         "nothing changed");
  pool.release(buffer);
}

void reuses_what_was_given_back() {
  BufferPool pool;
  for (const std::uint32_t capacity : {SMALL, MIDDLE, LARGE}) {
    Buffer first, second;
    EXPECT(pool.grow(first, capacity) && pool.grow(second, capacity), "%u", capacity);
    std::uint8_t* const last_given = second.data;
    pool.release(first);
    pool.release(second);
    EXPECT(pool.grow(first, capacity) && first.data == last_given, "last in, first out");
    pool.release(first);
  }
}

void frees_what_outgrew_the_largest_class() {
  BufferPool pool;
  Buffer buffer;
  EXPECT(pool.grow(buffer, LARGE + 1), "above the largest class");
  pool.release(buffer);
  EXPECT(pool.pooled_bytes() == 0 && pool.owned_bytes() == 0, "freed, not pooled");

  // On its way up a buffer leaves its earlier classes to the pool, but not itself.
  for (std::uint32_t needed = 1; needed <= 8 * LARGE; needed *= 2)
    EXPECT(pool.grow(buffer, needed), "%u", needed);
  pool.release(buffer);
  EXPECT(pool.pooled_bytes() == SMALL + MIDDLE + LARGE, "one of each");
}

void a_burst_does_not_stay_in_the_pool() {
  BufferPool pool;
  burst(pool, 8 * LARGE, 1024);
  EXPECT(pool.pooled_bytes() == 0, "large ones are freed at once");
  burst(pool, LARGE, 1024);
  EXPECT(pool.pooled_bytes() == POOL_BYTES_MAX, "%llu of 64 MiB stay",
         static_cast<unsigned long long>(pool.pooled_bytes()));
  pool.trim();
  for (int k = 0; k < 7; ++k) pool.trim();
  EXPECT(pool.pooled_bytes() <= LARGE, "gone after a few trims: %llu",
         static_cast<unsigned long long>(pool.pooled_bytes()));
}

void never_pools_more_than_the_ceiling() {
  BufferPool pool;
  for (const std::uint32_t capacity : {SMALL, LARGE, MIDDLE, SMALL}) {
    burst(pool, capacity, 2 * POOL_BYTES_MAX / capacity);
    EXPECT(pool.pooled_bytes() <= POOL_BYTES_MAX, "%u", capacity);
  }
  EXPECT(pool.pooled_bytes() == POOL_BYTES_MAX, "filled to the ceiling");
}

void trim_halves_what_was_unused() {
  BufferPool pool;
  burst(pool, LARGE, 32);
  const std::uint64_t all = 32 * std::uint64_t{LARGE};
  pool.trim();
  EXPECT(pool.pooled_bytes() == all, "used since the last trim: kept");
  pool.trim();
  EXPECT(pool.pooled_bytes() == all / 2, "unused: halved");
  pool.trim();
  EXPECT(pool.pooled_bytes() == all / 4, "halved again");
}

void trim_leaves_what_is_in_use_alone() {
  BufferPool pool;
  burst(pool, LARGE, 32);
  pool.trim();
  burst(pool, LARGE, 24);  // 8 were never needed
  pool.trim();
  EXPECT(pool.pooled_bytes() == 28 * std::uint64_t{LARGE}, "half of 8 freed");
  burst(pool, LARGE, 28);
  pool.trim();
  EXPECT(pool.pooled_bytes() == 28 * std::uint64_t{LARGE}, "all were needed");
}

void trim_takes_small_buffers_too() {
  BufferPool pool;
  burst(pool, SMALL, 64);
  pool.trim();
  pool.trim();
  EXPECT(pool.pooled_bytes() == 32 * std::uint64_t{SMALL}, "halved");
}

/// Random use of 64 buffers; the counts and contents of a naive model hold after every step.
void counts_match_a_model() {
  std::mt19937 random(7);
  BufferPool pool;
  std::vector<Buffer> buffers(64);
  std::vector<std::vector<std::uint8_t>> model(buffers.size());
  for (int step = 0; step < 40'000; ++step) {
    const std::size_t k = random() % buffers.size();
    if (random() % 4 == 0) {
      if (!model[k].empty())
        EXPECT(std::memcmp(buffers[k].data, model[k].data(), model[k].size()) == 0, "%d", step);
      pool.release(buffers[k]);
      model[k].clear();
    } else {
      std::vector<std::uint8_t> bytes(1 + random() % (random() % 16 == 0 ? 40'000 : 900));
      for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
      EXPECT(pool.append(buffers[k], bytes.data(), static_cast<std::uint32_t>(bytes.size())), "%d",
             step);
      model[k].insert(model[k].end(), bytes.begin(), bytes.end());
    }
    if (step % 997 == 0) pool.trim();
    if (step % 61 != 0) continue;
    std::uint64_t bytes = 0, count = 0;
    for (const Buffer& buffer : buffers) {
      bytes += buffer.capacity;
      if (buffer.data != nullptr) ++count;
    }
    EXPECT(pool.owned_bytes() == bytes && pool.owned_buffers() == count, "%d", step);
    EXPECT(pool.pooled_bytes() <= POOL_BYTES_MAX, "%d", step);
  }
  for (Buffer& buffer : buffers) pool.release(buffer);
  EXPECT(pool.owned_bytes() == 0 && pool.owned_buffers() == 0, "all given back");
}

}  // namespace

int main() {
  picks_the_smallest_class_that_fits();
  a_buffer_that_needs_nothing_owns_nothing();
  keeps_content_while_it_grows();
  grows_far_in_few_steps();
  refuses_lengths_that_would_overflow();
  reuses_what_was_given_back();
  frees_what_outgrew_the_largest_class();
  a_burst_does_not_stay_in_the_pool();
  never_pools_more_than_the_ceiling();
  trim_halves_what_was_unused();
  trim_leaves_what_is_in_use_alone();
  trim_takes_small_buffers_too();
  counts_match_a_model();
  return failures == 0 ? 0 : 1;
}
