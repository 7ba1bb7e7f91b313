// Bytes -> request head, in one pass over memory the caller owns. No I/O, no allocation (RFC 9112).
#pragma once
#include <cstdint>
#include <span>

#include "celeris/layout.generated.h"

namespace celeris {

enum class ParseStatus : std::uint8_t { complete, incomplete, bad };

struct HeadLimits {
  std::uint32_t head_bytes_max;  ///< maxHeaderBytes
  std::uint32_t fields_max;      ///< maxHeaders
  std::uint64_t body_bytes_max;  ///< maxRequestBodySize
};

/// A parsed head. Offsets count from the start of the input plus `offset_base`.
/// When incomplete or bad only `start`, `fields_count` (0 unless the records are full),
/// `error_status` and `head_method` mean anything. The path of an absolute-form target may be
/// empty: `/`, for OPTIONS `*`.
struct Head {
  std::uint32_t start;     ///< first byte of the request line (after skipped CRLF pairs)
  std::uint32_t length;    ///< bytes from `start` to the end of the blank line
  std::uint32_t consumed;  ///< bytes of input used: skipped CRLF pairs and head
  std::uint32_t target_offset, target_length;
  std::uint32_t path_offset, path_length;
  std::uint32_t fields_count;
  std::uint64_t content_length;  ///< 0 when there is none; see `has_content_length`
  std::uint16_t flags;           ///< REQUEST_FLAG_*; BODY_COMPLETE is set when there is no body
  std::uint16_t error_status;    ///< status to answer with when bad
  std::uint8_t method;           ///< METHOD_*
  std::uint8_t minor;            ///< HTTP minor version as served: 0 or 1
  bool has_content_length;
  bool head_method;  ///< valid also when bad: the method was HEAD, the error answer has no body
};

/// Parses the head at the start of `input`. At most `fields.size()` field records are written; a
/// head with more fields than `limits.fields_max` is bad (431), one with more than `fields.size()`
/// but within the limit is reported as incomplete with `Head::fields_count` = fields.size(), for
/// the caller to flush and call again. At least ARENA_PADDING_BYTES bytes behind `input` are
/// readable; their content does not matter.
[[nodiscard]] ParseStatus parse_head(std::span<const std::uint8_t> input, std::uint32_t offset_base,
                                     const HeadLimits& limits, std::span<FieldRecord> fields,
                                     Head& head);

}  // namespace celeris
