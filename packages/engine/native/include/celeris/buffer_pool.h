// Buffers for what outlives a turn: part of a head, queued output. An idle connection owns none.
#pragma once
#include <cstdint>

namespace celeris {

/// A growable run of bytes owned by one connection. Memory belongs to the pool that grew it.
struct Buffer {
  std::uint8_t* data = nullptr;
  std::uint32_t length = 0;
  std::uint32_t capacity = 0;
};

/// Largest buffer; sums of two lengths stay far from 32 bits.
inline constexpr std::uint32_t BUFFER_BYTES_MAX = 1u << 30;

/// Three size classes of free buffers. Larger ones are freed, not kept: a burst must not stay in
/// the pool.
class BufferPool {
 public:
  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  /// Makes room for `needed` bytes, keeping the content. False when memory is short: nothing
  /// changed.
  [[nodiscard]] bool grow(Buffer& buffer, std::uint32_t needed);
  /// Appends bytes. False when memory is short: nothing changed.
  [[nodiscard]] bool append(Buffer& buffer, const std::uint8_t* bytes, std::uint32_t count);
  /// Takes the buffer back and empties it.
  void release(Buffer& buffer);
  /// Frees half of what nobody used since the last call.
  void trim();

  [[nodiscard]] std::uint64_t pooled_bytes() const { return pooled_bytes_; }
  [[nodiscard]] std::uint64_t owned_bytes() const { return owned_bytes_; }
  [[nodiscard]] std::uint64_t owned_buffers() const { return owned_buffers_; }

 private:
  struct FreeBuffer {
    FreeBuffer* next;
  };
  static constexpr std::uint32_t CLASSES = 3;
  static constexpr std::uint32_t CLASS_BYTES[CLASSES] = {4096, 16384, 65536};

  std::uint8_t* take(std::uint32_t capacity);
  void give(std::uint8_t* data, std::uint32_t capacity);

  FreeBuffer* free_[CLASSES] = {};
  std::uint64_t pooled_bytes_ = 0;
  std::uint64_t owned_bytes_ = 0;
  std::uint64_t owned_buffers_ = 0;
  std::uint64_t lowest_pooled_ = 0;
};

}  // namespace celeris
