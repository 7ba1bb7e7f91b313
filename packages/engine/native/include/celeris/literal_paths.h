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
  void add(std::string path, std::int32_t id) {
    const Key key = key_of(bytes_of(path), static_cast<std::uint32_t>(path.size()));
    entries_.push_back({key, std::move(path), id});
  }

  /// Builds the table. Call once, after the last add.
  void seal() {
    std::uint32_t size = 16;
    while (size < entries_.size() * 4) size *= 2;
    mask_ = size - 1;
    table_.assign(size, 0);
    for (std::uint32_t k = 0; k < entries_.size(); k++) {
      std::uint32_t at = hash(entries_[k].key) & mask_;
      while (table_[at] != 0) at = (at + 1) & mask_;
      table_[at] = k + 1;
    }
  }

  /// Id of the path, 0 when there is none.
  [[nodiscard]] std::int32_t find(const std::uint8_t* path, std::uint32_t length) const {
    if (table_.empty()) return 0;
    const Key key = key_of(path, length);
    for (std::uint32_t at = hash(key) & mask_; table_[at] != 0; at = (at + 1) & mask_) {
      const Entry& entry = entries_[table_[at] - 1];
      if (entry.key.length != length || entry.key.first != key.first ||
          entry.key.last != key.last) {
        continue;
      }
      // Up to 16 bytes the key is the path.
      if (length <= 16 || std::memcmp(entry.path.data(), path, length) == 0) return entry.id;
    }
    return 0;
  }

 private:
  /// Length, first and last eight bytes, and eight of the middle for long paths.
  struct Key {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t middle = 0;
    std::uint32_t length = 0;
  };
  struct Entry {
    Key key;
    std::string path;
    std::int32_t id;
  };
  static const std::uint8_t* bytes_of(const std::string& path) {
    return reinterpret_cast<const std::uint8_t*>(path.data());
  }

  static Key key_of(const std::uint8_t* path, std::uint32_t length) {
    Key key;
    key.length = length;
    if (length >= 8) {
      std::memcpy(&key.first, path, 8);
      std::memcpy(&key.last, path + length - 8, 8);
      if (length > 16) std::memcpy(&key.middle, path + length / 2 - 4, 8);
    } else {
      std::memcpy(&key.first, path, length);
    }
    return key;
  }

  static std::uint32_t hash(const Key& key) {
    const std::uint64_t mixed = (key.first ^ (key.last * 0x9e3779b97f4a7c15u) ^
                                 (key.middle * 0xc2b2ae3d27d4eb4fu) ^ key.length) *
                                0xff51afd7ed558ccdu;
    return static_cast<std::uint32_t>(mixed >> 32);
  }

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> table_;
  std::uint32_t mask_ = 0;
};

}  // namespace celeris
