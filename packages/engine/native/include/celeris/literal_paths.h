// Paths without parameters, matched by bytes: an open-addressing table filled at listen and read by
// every request.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace celeris {

class LiteralPaths {
 public:
  void add(std::string path, std::int32_t id) { entries_.push_back({std::move(path), id}); }

  /// Builds the table. Call once, after the last add.
  void seal() {
    std::uint32_t size = 16;
    while (size < entries_.size() * 4) size *= 2;
    mask_ = size - 1;
    table_.assign(size, 0);
    for (std::uint32_t k = 0; k < entries_.size(); k++) {
      std::uint32_t at = hash(bytes_of(entries_[k]), length_of(entries_[k])) & mask_;
      while (table_[at] != 0) at = (at + 1) & mask_;
      table_[at] = k + 1;
    }
  }

  /// Id of the path, 0 when there is none.
  [[nodiscard]] std::int32_t find(const std::uint8_t* path, std::uint32_t length) const {
    if (table_.empty()) return 0;
    for (std::uint32_t at = hash(path, length) & mask_; table_[at] != 0; at = (at + 1) & mask_) {
      const Entry& entry = entries_[table_[at] - 1];
      if (entry.path.size() == length && std::memcmp(entry.path.data(), path, length) == 0)
        return entry.id;
    }
    return 0;
  }

 private:
  struct Entry {
    std::string path;
    std::int32_t id;
  };
  static const std::uint8_t* bytes_of(const Entry& entry) {
    return reinterpret_cast<const std::uint8_t*>(entry.path.data());
  }
  static std::uint32_t length_of(const Entry& entry) {
    return static_cast<std::uint32_t>(entry.path.size());
  }

  /// Length, first and last eight bytes: it only spreads, the bytes decide.
  static std::uint32_t hash(const std::uint8_t* path, std::uint32_t length) {
    std::uint64_t first = 0, last = 0;
    if (length >= 8) {
      std::memcpy(&first, path, 8);
      std::memcpy(&last, path + length - 8, 8);
    } else {
      std::memcpy(&first, path, length);
    }
    std::uint64_t mixed = (first ^ (last * 0x9e3779b97f4a7c15u) ^ length) * 0xff51afd7ed558ccdu;
    return static_cast<std::uint32_t>(mixed >> 32);
  }

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> table_;
  std::uint32_t mask_ = 0;
};

}  // namespace celeris
