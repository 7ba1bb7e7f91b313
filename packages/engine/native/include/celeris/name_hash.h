// The same function stands in src/name-hash.ts: it filters field names, bytes decide.
#pragma once
#include <cstdint>
#include <cstring>

namespace celeris {

/// Hash of a field name, ASCII case folded: its length, first four and last four bytes.
inline std::int32_t name_hash(const std::uint8_t* name, std::uint32_t length) {
  std::uint32_t first = 0, last = 0;
  if (length >= 4) {
    std::memcpy(&first, name, 4);
    std::memcpy(&last, name + length - 4, 4);
    last |= 0x20202020u;
    first |= 0x20202020u;
  } else {
    std::memcpy(&first, name, length);
    first |= 0x20202020u;
    last = first;
  }
  std::uint32_t hash = ((first ^ (length * 0x9e3779b1u)) * 0x85ebca6bu) ^ (last * 0xc2b2ae35u);
  return static_cast<std::int32_t>(hash ^ (hash >> 15));
}

}  // namespace celeris
