#include "celeris/buffer_pool.h"

#include <cstdlib>
#include <cstring>

#include "celeris/layout.generated.h"

namespace celeris {

BufferPool::~BufferPool() {
  for (FreeBuffer* list : free_) {
    while (list != nullptr) {
      FreeBuffer* next = list->next;
      std::free(list);
      list = next;
    }
  }
}

std::uint8_t* BufferPool::take(std::uint32_t capacity) {
  for (std::uint32_t k = 0; k < CLASSES; k++) {
    if (CLASS_BYTES[k] != capacity || free_[k] == nullptr) continue;
    FreeBuffer* buffer = free_[k];
    free_[k] = buffer->next;
    pooled_bytes_ -= capacity;
    if (pooled_bytes_ < lowest_pooled_) lowest_pooled_ = pooled_bytes_;
    return reinterpret_cast<std::uint8_t*>(buffer);
  }
  return static_cast<std::uint8_t*>(std::malloc(capacity));
}

void BufferPool::give(std::uint8_t* data, std::uint32_t capacity) {
  for (std::uint32_t k = 0; k < CLASSES; k++) {
    if (CLASS_BYTES[k] != capacity || pooled_bytes_ + capacity > POOL_BYTES_MAX) continue;
    FreeBuffer* buffer = reinterpret_cast<FreeBuffer*>(data);
    buffer->next = free_[k];
    free_[k] = buffer;
    pooled_bytes_ += capacity;
    return;
  }
  std::free(data);
}

bool BufferPool::grow(Buffer& buffer, std::uint32_t needed) {
  if (needed <= buffer.capacity) return true;
  if (needed > BUFFER_BYTES_MAX) return false;
  std::uint32_t capacity = 0;
  for (std::uint32_t bytes : CLASS_BYTES) {
    if (needed <= bytes) {
      capacity = bytes;
      break;
    }
  }
  if (capacity == 0) {
    const std::uint64_t doubled = std::uint64_t{buffer.capacity} * 2;
    capacity = needed < doubled && doubled <= 0x40000000u ? static_cast<std::uint32_t>(doubled)
                                                          : (needed + 65535u) & ~65535u;
  }
  std::uint8_t* data = take(capacity);
  if (data == nullptr) return false;
  if (buffer.length > 0) std::memcpy(data, buffer.data, buffer.length);
  if (buffer.data != nullptr) {
    give(buffer.data, buffer.capacity);
    owned_bytes_ -= buffer.capacity;
  } else {
    owned_buffers_++;
  }
  owned_bytes_ += capacity;
  buffer.data = data;
  buffer.capacity = capacity;
  return true;
}

bool BufferPool::append(Buffer& buffer, const std::uint8_t* bytes, std::uint32_t count) {
  if (count > BUFFER_BYTES_MAX || !grow(buffer, buffer.length + count)) return false;
  std::memcpy(buffer.data + buffer.length, bytes, count);
  buffer.length += count;
  return true;
}

void BufferPool::release(Buffer& buffer) {
  if (buffer.data != nullptr) {
    give(buffer.data, buffer.capacity);
    owned_bytes_ -= buffer.capacity;
    owned_buffers_--;
  }
  buffer = Buffer{};
}

void BufferPool::trim() {
  std::uint64_t excess = lowest_pooled_ / 2;
  for (std::uint32_t k = CLASSES; k-- > 0;) {
    while (free_[k] != nullptr && excess >= CLASS_BYTES[k]) {
      FreeBuffer* buffer = free_[k];
      free_[k] = buffer->next;
      std::free(buffer);
      pooled_bytes_ -= CLASS_BYTES[k];
      excess -= CLASS_BYTES[k];
    }
  }
  lowest_pooled_ = pooled_bytes_;
}

}  // namespace celeris
