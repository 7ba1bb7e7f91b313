// Chunked transfer coding, decoded in place and resumable at every byte (RFC 9112 §7.1).
#pragma once
#include <cstdint>
#include <span>

#include "celeris/http1_parser.h"

namespace celeris {

/// State of one chunked body between calls; 24 bytes, zero-initialised at its start.
struct ChunkedState {
  std::uint64_t chunk_left = 0;
  std::uint32_t extension_bytes = 0;
  std::uint32_t trailer_bytes = 0;
  std::uint16_t trailer_fields = 0;
  std::uint8_t phase = 0;
  std::uint8_t digits = 0;
};

struct ChunkedLimits {
  std::uint64_t body_bytes_max;  ///< decoded bytes still allowed: 413 as soon as an announced chunk
                                 ///< would pass it
  std::uint32_t trailer_bytes_max;
  std::uint32_t trailer_fields_max;
};

struct ChunkedResult {
  ParseStatus status;          ///< complete: the blank line behind the trailers was seen
  std::uint16_t error_status;  ///< when bad
  std::uint32_t consumed;      ///< bytes of input used
  std::uint32_t decoded;       ///< bytes of body, moved to the start of `input`
};

/// Decodes what is in `input`, in place. Trailers are checked and dropped (CHK-3). Each announced
/// chunk is taken off `limits.body_bytes_max`, so the caller keeps the limits with the state and
/// never lowers them.
[[nodiscard]] ChunkedResult decode_chunked(std::span<std::uint8_t> input, ChunkedState& state,
                                           ChunkedLimits& limits);

}  // namespace celeris
