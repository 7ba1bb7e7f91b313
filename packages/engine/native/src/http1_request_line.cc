// Request lines as the RFC allows them: method, target, version (RFC 9112 §3; rules RL, VER, MET,
// TGT of http1.md).
#include "http1_request_line.h"

namespace celeris::http1 {

namespace {

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
  const KnownMethod* const known = match_method(method);
  line.method = known != nullptr ? known->id : METHOD_OTHER;
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

}  // namespace

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

}  // namespace celeris::http1
