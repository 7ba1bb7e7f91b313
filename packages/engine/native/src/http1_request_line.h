// The usual request line (RFC 9112 §3); http1_request_line.cc reads all others. A header, for this
// belongs into the parser's one function.
#pragma once
#include <algorithm>
#include <cstddef>

#include "http1_internal.h"

namespace celeris::http1 {

inline constexpr std::uint32_t VERSION_BYTES = 8;  // HTTP/1.1
inline constexpr std::uint32_t CRLF_BYTES = 2;

struct TargetScan {
  const std::uint8_t* end;    ///< first byte a target may not hold, or at least the given end
  const std::uint8_t* query;  ///< first '?', or null
  bool plain;                 ///< no '%' and no "/." before the query
};

/// Looks closer at the '?', '%' and '.' of one block.
inline void note_marks(const std::uint8_t* block, Mask marks, TargetScan& scan) {
  while (marks != 0 && scan.query == nullptr) {
    const std::uint32_t index = first_index(marks);
    const std::uint8_t* byte = block + index;
    if (*byte == '?')
      scan.query = byte;
    else if (*byte == '%' || byte[-1] == '/')
      scan.plain = false;
    marks &= ~(before(index) | ((Mask{1} << MASK_BITS) - 1) << (index * MASK_BITS));
  }
}

/// Finds the end of the target and what the path policy wants to know. `target` is preceded by a
/// readable byte. A hit behind `end` lies in the padding: the caller compares.
inline TargetScan scan_target(const std::uint8_t* target, const std::uint8_t* end) {
  TargetScan scan{target, nullptr, true};
  while (scan.end < end) {
    const Block block = load_block(scan.end);
    const Mask stop = mask_of_not(without(in_range(block, 0x21, 0x7e - 0x21), equal(block, '#')));
    const Mask marks = mask_of(any(any(equal(block, '?'), equal(block, '%')), equal(block, '.')));
    const std::uint32_t length = stop != 0 ? first_index(stop) : BLOCK_BYTES;
    const Mask inside = stop != 0 ? marks & before(length) : marks;
    if (inside != 0) note_marks(scan.end, inside, scan);
    scan.end += length;
    if (stop != 0) break;
  }
  return scan;
}

inline void set_path(const std::uint8_t* path, const TargetScan& scan, RequestLine& line) {
  line.path = path;
  line.path_end = scan.query != nullptr ? scan.query : scan.end;
  if (scan.plain) line.flags |= REQUEST_FLAG_PATH_PLAIN;
}

/// A method and the space behind it as one word; `mask` covers its bytes.
struct KnownMethod {
  std::uint64_t word;
  std::uint64_t mask;
  std::uint8_t length;
  std::uint8_t id;
};

template <std::size_t SIZE>
consteval KnownMethod known_method(const char (&name)[SIZE], std::uint32_t id) {
  static_assert(SIZE <= sizeof(std::uint64_t));
  KnownMethod method{0, 0, SIZE - 1, static_cast<std::uint8_t>(id)};
  for (unsigned index = 0; index < SIZE; ++index) {
    const unsigned place = std::endian::native == std::endian::little ? index : 7 - index;
    const auto byte = static_cast<std::uint8_t>(index < SIZE - 1 ? name[index] : ' ');
    method.word |= std::uint64_t{byte} << (8 * place);
    method.mask |= std::uint64_t{0xff} << (8 * place);
  }
  return method;
}

/// In order of frequency: the usual line compares one after another.
inline constexpr KnownMethod KNOWN_METHODS[] = {
    known_method("GET", METHOD_GET),         known_method("POST", METHOD_POST),
    known_method("PUT", METHOD_PUT),         known_method("DELETE", METHOD_DELETE),
    known_method("PATCH", METHOD_PATCH),     known_method("HEAD", METHOD_HEAD),
    known_method("OPTIONS", METHOD_OPTIONS), known_method("TRACE", METHOD_TRACE),
};

/// The known method that starts a line and is followed by a space, or null. Reads 8 bytes; whether
/// they lie in the input shows later, when the end of the target does.
inline const KnownMethod* match_method(const std::uint8_t* line) {
  std::uint64_t word;
  std::memcpy(&word, line, sizeof word);
  for (const KnownMethod& method : KNOWN_METHODS)
    if ((word & method.mask) == method.word) return &method;
  return nullptr;
}

inline bool starts_with(const std::uint8_t* bytes, const char* literal, std::size_t length) {
  return std::memcmp(bytes, literal, length) == 0;
}

/// The usual line: known method, origin-form, HTTP/1.x. False for anything else, also when cut.
[[gnu::always_inline]] inline bool parse_usual_line(const std::uint8_t* line,
                                                    const std::uint8_t* end,
                                                    std::uint32_t line_bytes_max,
                                                    RequestLine& result) {
  const KnownMethod* const method = match_method(line);
  if (method == nullptr) return false;
  const std::uint8_t* const target = line + method->length + 1;
  if (*target != '/') return false;
  const TargetScan scan = scan_target(target, end);
  // Room for the rest comes first: from here on nothing read from the padding can count.
  if (end - scan.end < std::ptrdiff_t{1 + VERSION_BYTES + CRLF_BYTES}) return false;
  if (*scan.end != ' ' || !starts_with(scan.end + 1, "HTTP/1.", 7)) return false;
  const std::uint8_t minor = scan.end[VERSION_BYTES];
  if (!is_digit(minor) || !starts_with(scan.end + 1 + VERSION_BYTES, "\r\n", 2)) return false;
  if (scan.end + 1 + VERSION_BYTES - line > line_bytes_max) return false;
  result.method = method->id;
  result.minor = minor == '0' ? 0 : 1;
  result.target = target;
  result.target_end = scan.end;
  result.end = scan.end + 1 + VERSION_BYTES + CRLF_BYTES;
  result.flags = 0;
  result.head_method = result.method == METHOD_HEAD;
  set_path(target, scan, result);
  return true;
}

/// Line syntax byte by byte (RL-3, RL-4), then version, method and target, in this order.
ParseStatus parse_any_line(const std::uint8_t* line, const std::uint8_t* end, RequestLine& result,
                           std::uint16_t& error_status);

/// Parses the request line at `line`, whose first byte exists. `line_bytes_max` excludes the CRLF.
[[gnu::always_inline]] inline ParseStatus parse_request_line(const std::uint8_t* line,
                                                             const std::uint8_t* end,
                                                             std::uint32_t line_bytes_max,
                                                             RequestLine& result,
                                                             std::uint16_t& error_status) {
  const auto available = static_cast<std::size_t>(end - line);
  // RL-5: of the bytes behind the limit only the CRLF that ends a longest line is looked at.
  const bool reaches_limit = available > line_bytes_max;
  if (reaches_limit) {
    const std::size_t crlf = line[line_bytes_max] == '\r' ? CRLF_BYTES : 1;
    end = line + std::min(available, line_bytes_max + crlf);
  }
  if (parse_usual_line(line, end, line_bytes_max, result)) [[likely]]
    return ParseStatus::complete;
  result = RequestLine{};
  const ParseStatus status = parse_any_line(line, end, result, error_status);
  if (status == ParseStatus::incomplete && reaches_limit && line[line_bytes_max] != '\r') {
    error_status = URI_TOO_LONG;
    return ParseStatus::bad;
  }
  return status;
}

}  // namespace celeris::http1
