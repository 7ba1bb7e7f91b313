// Input that ends exactly ARENA_PADDING_BYTES before an unmapped page, and the texts of the cases.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "celeris/check.h"
#include "celeris/layout.generated.h"
#include "request_cases.generated.h"

namespace celeris {

/// Pages of which the last is not accessible: a read beyond the padding ends the test.
class GuardedInput {
 public:
  explicit GuardedInput(std::size_t bytes_max) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    usable_ = (bytes_max + ARENA_PADDING_BYTES + page - 1) / page * page;
    mapped_ = usable_ + page;
    void* memory =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memory_ = static_cast<std::uint8_t*>(memory);
    CHECK(mprotect(memory_ + usable_, page, PROT_NONE) == 0);
  }
  ~GuardedInput() { munmap(memory_, mapped_); }
  GuardedInput(const GuardedInput&) = delete;
  GuardedInput& operator=(const GuardedInput&) = delete;

  /// Places `bytes` before the padding, and the start of `behind` in it, the rest zeros.
  std::span<std::uint8_t> place(std::string_view bytes, std::string_view behind = {}) {
    CHECK(bytes.size() + ARENA_PADDING_BYTES <= usable_);
    std::uint8_t* const padding = memory_ + usable_ - ARENA_PADDING_BYTES;
    std::memset(padding, 0, ARENA_PADDING_BYTES);
    if (!behind.empty())
      std::memcpy(padding, behind.data(),
                  std::min<std::size_t>(behind.size(), ARENA_PADDING_BYTES));
    std::uint8_t* const first = padding - bytes.size();
    if (!bytes.empty()) std::memcpy(first, bytes.data(), bytes.size());
    return {first, bytes.size()};
  }

 private:
  std::uint8_t* memory_ = nullptr;
  std::size_t usable_ = 0;
  std::size_t mapped_ = 0;
};

inline std::string text_of(std::span<const RequestCasePart> parts) {
  std::string text;
  for (const RequestCasePart& part : parts)
    for (std::uint32_t copy = 0; copy < part.count; ++copy) text += part.bytes;
  return text;
}

}  // namespace celeris
