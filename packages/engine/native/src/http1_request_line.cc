// Request line: method, target, version (RFC 9112 §3; rules RL, VER, MET, TGT of http1.md).
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "http1_internal.h"

namespace celeris::http1 {

namespace {

constexpr std::uint32_t VERSION_BYTES = 8;  // HTTP/1.1
constexpr std::uint32_t CRLF_BYTES = 2;

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

struct KnownMethod {
  const char* name;
  std::uint8_t length;
  std::uint8_t id;
};

constexpr KnownMethod KNOWN_METHODS[] = {
    {"GET", 3, METHOD_GET},         {"POST", 4, METHOD_POST},   {"PUT", 3, METHOD_PUT},
    {"HEAD", 4, METHOD_HEAD},       {"PATCH", 5, METHOD_PATCH}, {"DELETE", 6, METHOD_DELETE},
    {"OPTIONS", 7, METHOD_OPTIONS}, {"TRACE", 5, METHOD_TRACE},
};

inline bool starts_with(const std::uint8_t* bytes, const char* literal, std::size_t length) {
  return std::memcmp(bytes, literal, length) == 0;
}

/// Length of a known method followed by a space, 0 for any other. Reads up to 8 bytes; whether
/// they lie in the input shows later, when the end of the target does.
inline std::uint32_t match_method(const std::uint8_t* line, std::uint8_t& id) {
  if (starts_with(line, "GET ", 4)) [[likely]] {
    id = METHOD_GET;
    return 3;
  }
  for (const KnownMethod& method : KNOWN_METHODS) {
    if (starts_with(line, method.name, method.length) && line[method.length] == ' ') {
      id = method.id;
      return method.length;
    }
  }
  return 0;
}

/// The usual line: known method, origin-form, HTTP/1.x. False for anything else, also when cut.
inline bool parse_usual_line(const std::uint8_t* line, const std::uint8_t* end,
                             std::uint32_t line_bytes_max, RequestLine& result) {
  const std::uint32_t method_length = match_method(line, result.method);
  if (method_length == 0) return false;
  const std::uint8_t* target = line + method_length + 1;
  if (*target != '/') return false;
  const TargetScan scan = scan_target(target, end);
  // Room for the rest comes first: from here on nothing read from the padding can count.
  if (end - scan.end < std::ptrdiff_t{1 + VERSION_BYTES + CRLF_BYTES}) return false;
  if (*scan.end != ' ' || !starts_with(scan.end + 1, "HTTP/1.", 7)) return false;
  const std::uint8_t minor = scan.end[VERSION_BYTES];
  if (!is_digit(minor) || !starts_with(scan.end + 1 + VERSION_BYTES, "\r\n", 2)) return false;
  if (scan.end + 1 + VERSION_BYTES - line > line_bytes_max) return false;
  result.minor = minor == '0' ? 0 : 1;
  result.target = target;
  result.target_end = scan.end;
  result.end = scan.end + 1 + VERSION_BYTES + CRLF_BYTES;
  result.flags = 0;
  result.head_method = result.method == METHOD_HEAD;
  set_path(target, scan, result);
  return true;
}

/// Absolute-form (TGT-3). The scheme decides first, then the authority.
std::uint16_t parse_absolute_form(const TargetScan& scan, RequestLine& line) {
  const auto length = static_cast<std::size_t>(line.target_end - line.target);
  if (length >= 8 && equals_ignoring_case(line.target, 8, "https://")) return MISDIRECTED_REQUEST;
  if (length < 7 || !equals_ignoring_case(line.target, 7, "http://")) return BAD_REQUEST;
  const std::uint8_t* const authority = line.target + 7;
  const std::uint8_t* authority_end = authority;
  while (authority_end < line.target_end && *authority_end != '/' && *authority_end != '?')
    ++authority_end;
  if (!valid_host(authority, static_cast<std::size_t>(authority_end - authority)))
    return BAD_REQUEST;
  line.flags |= REQUEST_FLAG_ABSOLUTE_FORM;
  set_path(authority_end, scan, line);
  return 0;
}

std::uint16_t parse_target(RequestLine& line) {
  const TargetScan scan = scan_target(line.target, line.target_end);
  if (scan.end < line.target_end) return BAD_REQUEST;  // TGT-1
  if (*line.target == '/') {
    set_path(line.target, scan, line);
    return 0;
  }
  if (line.target_end - line.target == 1 && *line.target == '*') {
    if (line.method != METHOD_OPTIONS) return BAD_REQUEST;  // TGT-4
    set_path(line.target, scan, line);
    return 0;
  }
  return parse_absolute_form(scan, line);
}

std::uint16_t parse_method(const std::uint8_t* method, std::size_t length, RequestLine& line) {
  for (std::size_t index = 0; index < length; ++index)
    if (!is_token(method[index])) return BAD_REQUEST;  // MET-1
  if (length > METHOD_BYTES_MAX) return NOT_IMPLEMENTED;
  if (length == 7 && starts_with(method, "CONNECT", 7)) return NOT_IMPLEMENTED;  // MET-3
  line.method = METHOD_OTHER;
  for (const KnownMethod& known : KNOWN_METHODS)
    if (length == known.length && starts_with(method, known.name, length)) line.method = known.id;
  return 0;
}

/// First space, CR, LF or tab from `bytes` on, or `end`.
const std::uint8_t* find_delimiter(const std::uint8_t* bytes, const std::uint8_t* end) {
  while (bytes < end && *bytes != ' ' && *bytes != '\r' && *bytes != '\n' && *bytes != '\t')
    ++bytes;
  return bytes;
}

/// VER-1 and the CRLF behind it: complete, incomplete as far as it goes, or bad at the first byte
/// that does not fit.
ParseStatus match_version(const std::uint8_t* version, const std::uint8_t* end) {
  constexpr char PATTERN[] = "HTTP/0.0\r\n";  // 0 stands for a digit
  for (std::uint32_t index = 0; index < VERSION_BYTES + CRLF_BYTES; ++index) {
    if (version + index == end) return ParseStatus::incomplete;
    const std::uint8_t byte = version[index];
    const bool fits =
        PATTERN[index] == '0' ? is_digit(byte) : byte == static_cast<std::uint8_t>(PATTERN[index]);
    if (!fits) return ParseStatus::bad;
  }
  return ParseStatus::complete;
}

/// Line syntax byte by byte (RL-3, RL-4), then version, method and target, in this order.
ParseStatus parse_any_line(const std::uint8_t* line, const std::uint8_t* end, RequestLine& result,
                           std::uint16_t& error_status) {
  error_status = BAD_REQUEST;
  if (!is_token(*line)) return ParseStatus::bad;  // RL-2
  const std::uint8_t* const method_end = find_delimiter(line, end);
  if (method_end == end) return ParseStatus::incomplete;
  if (*method_end != ' ') return ParseStatus::bad;
  const auto method_length = static_cast<std::size_t>(method_end - line);
  result.head_method = method_length == 4 && starts_with(line, "HEAD", 4);

  result.target = method_end + 1;
  result.target_end = find_delimiter(result.target, end);
  if (result.target_end == end) return ParseStatus::incomplete;
  if (*result.target_end != ' ' || result.target_end == result.target) return ParseStatus::bad;

  const std::uint8_t* const version = result.target_end + 1;
  const ParseStatus version_status = match_version(version, end);
  if (version_status != ParseStatus::complete) return version_status;
  result.end = version + VERSION_BYTES + CRLF_BYTES;
  result.minor = version[7] == '0' ? 0 : 1;

  error_status = version[5] == '1' ? 0 : HTTP_VERSION_NOT_SUPPORTED;  // VER-2
  if (error_status == 0) error_status = parse_method(line, method_length, result);
  if (error_status == 0) error_status = parse_target(result);
  return error_status == 0 ? ParseStatus::complete : ParseStatus::bad;
}

}  // namespace

ParseStatus parse_request_line(const std::uint8_t* line, const std::uint8_t* end,
                               std::uint32_t line_bytes_max, RequestLine& result,
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
