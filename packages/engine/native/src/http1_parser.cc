// Request head: leading CRLF pairs, request line, fields, framing (http1.md, RFC 9112 §§2 to 6).
// The first failure in the order of http1.md decides the status; within the line and the fields the
// first bad byte does. So a growing input can never be answered differently from a whole one.
#include "celeris/http1_parser.h"

#include <algorithm>

#include "http1_fields.h"
#include "http1_internal.h"
#include "http1_request_line.h"

namespace celeris {

namespace {

ParseStatus bad_head(Head& head, std::uint16_t error_status) {
  head.error_status = error_status;
  return ParseStatus::bad;
}

/// RL-1. Moves `first` behind the CRLF pairs before a request; incomplete when a pair may go on.
ParseStatus skip_leading_pairs(const std::uint8_t*& first, const std::uint8_t* end) {
  for (std::uint32_t pairs = 0; first < end; ++pairs) {
    if (*first == '\n') return ParseStatus::bad;
    if (*first != '\r') return ParseStatus::complete;
    if (pairs == LEADING_CRLF_MAX) return ParseStatus::bad;
    if (end - first < 2) return ParseStatus::incomplete;
    if (first[1] != '\n') return ParseStatus::bad;
    first += 2;
  }
  return ParseStatus::incomplete;
}

}  // namespace

ParseStatus parse_head(std::span<const std::uint8_t> input, std::uint32_t offset_base,
                       const HeadLimits& limits, std::span<FieldRecord> fields, Head& head) {
  const std::uint8_t* const begin = input.data();
  const std::uint8_t* const end = begin + input.size();
  const std::uint8_t* first = begin;
  // Offsets are 32-bit and wrap: adding the base modulo 2^32 is what the caller asked for.
  const auto offset_of = [&](const std::uint8_t* byte) {
    return static_cast<std::uint32_t>(byte - begin) + offset_base;
  };
  head = Head{};
  head.start = offset_base;

  if (first < end && (*first == '\r' || *first == '\n')) [[unlikely]] {
    const ParseStatus skipped = skip_leading_pairs(first, end);
    head.start = offset_of(first);
    if (skipped == ParseStatus::bad) return bad_head(head, http1::BAD_REQUEST);
    if (skipped == ParseStatus::incomplete) return ParseStatus::incomplete;
  }
  if (first >= end) return ParseStatus::incomplete;

  const std::uint32_t head_bytes_max = std::min(limits.head_bytes_max, HEAD_BYTES_MAX);
  const std::uint32_t line_bytes_max = std::min(head_bytes_max, REQUEST_LINE_BYTES_MAX);
  http1::RequestLine line;
  std::uint16_t error_status = 0;
  const ParseStatus line_status =
      http1::parse_request_line(first, end, line_bytes_max, line, error_status);
  head.head_method = line.head_method;
  if (line_status == ParseStatus::bad) return bad_head(head, error_status);
  if (line_status == ParseStatus::incomplete) return ParseStatus::incomplete;

  // FLD-4: nothing behind the limit is looked at, so a head cut there is too large, not incomplete.
  const auto available = static_cast<std::size_t>(end - first);
  const bool reaches_limit = available >= head_bytes_max;
  const std::uint8_t* const fields_end = reaches_limit ? first + head_bytes_max : end;
  if (line.end > fields_end) return bad_head(head, http1::HEADER_FIELDS_TOO_LARGE);

  http1::FramingFields framing{};
  const http1::FieldsResult result = http1::parse_fields(line.end, fields_end, begin, offset_base,
                                                         limits.fields_max, fields, framing);
  if (result.status == ParseStatus::bad) return bad_head(head, result.error_status);
  if (result.status == ParseStatus::incomplete) {
    if (result.records_full)
      head.fields_count = result.count;
    else if (reaches_limit)
      return bad_head(head, http1::HEADER_FIELDS_TOO_LARGE);
    return ParseStatus::incomplete;
  }

  error_status = http1::check_framing(line, framing, limits.body_bytes_max, head);
  if (error_status != 0) return bad_head(head, error_status);
  head.length = static_cast<std::uint32_t>(result.end - first);
  head.consumed = static_cast<std::uint32_t>(result.end - begin);
  head.target_offset = offset_of(line.target);
  head.target_length = static_cast<std::uint32_t>(line.target_end - line.target);
  head.path_offset = offset_of(line.path);
  head.path_length = static_cast<std::uint32_t>(line.path_end - line.path);
  head.fields_count = result.count;
  head.method = line.method;
  head.minor = line.minor;
  return ParseStatus::complete;
}

}  // namespace celeris
