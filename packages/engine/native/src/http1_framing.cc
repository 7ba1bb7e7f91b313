// What the fields say about host, body and connection (RFC 9110 §§7.2, 7.6.1, 8.6, 10.1.1;
// RFC 9112 §§3.2, 6, 9; rules HOST, CL, TE, EXP, CON of http1.md).
#include <cstring>

#include "http1_internal.h"

namespace celeris::http1 {

namespace {

constexpr std::uint32_t PORT_DIGITS_MAX = 5;
constexpr std::uint32_t PORT_MAX = 65535;

bool valid_port(const std::uint8_t* digits, std::size_t length) {
  if (length > PORT_DIGITS_MAX) return false;
  std::uint32_t port = 0;
  for (std::size_t index = 0; index < length; ++index) {
    if (!is_digit(digits[index])) return false;
    port = port * 10 + (digits[index] - '0');
  }
  return port <= PORT_MAX;
}

/// Dotted decimal of RFC 3986 §3.2.2: four numbers up to 255 without leading zeros.
bool valid_ipv4(const std::uint8_t* bytes, const std::uint8_t* end) {
  for (unsigned part = 0; part < 4; ++part) {
    if (part > 0 && (bytes == end || *bytes++ != '.')) return false;
    std::uint32_t number = 0;
    const std::uint8_t* const digits = bytes;
    while (bytes < end && is_digit(*bytes) && bytes - digits < 3)
      number = number * 10 + (*bytes++ - '0');
    const auto length = bytes - digits;
    if (length == 0 || number > 255 || (length > 1 && *digits == '0')) return false;
  }
  return bytes == end;
}

/// IPv6address of RFC 3986 §3.2.2: eight groups, one run of them may be "::", the last two groups
/// may be dotted decimal. No zone.
bool valid_ipv6(const std::uint8_t* bytes, const std::uint8_t* end) {
  unsigned groups = 0;
  bool elided = false;
  if (end - bytes >= 2 && bytes[0] == ':' && bytes[1] == ':') {
    elided = true;
    bytes += 2;
    if (bytes == end) return true;
  }
  for (;;) {
    const std::uint8_t* const group = bytes;
    while (bytes < end && (BYTE_CLASSES[*bytes] & CLASS_HEX) != 0 && bytes - group < 4) ++bytes;
    if (bytes == group) return false;
    if (bytes < end && *bytes == '.') {
      groups += 2;
      return valid_ipv4(group, end) && (elided ? groups < 8 : groups == 8);
    }
    if (++groups > 8) return false;
    if (bytes == end) return elided ? groups < 8 : groups == 8;
    if (*bytes++ != ':') return false;
    if (bytes < end && *bytes == ':') {
      if (elided) return false;
      elided = true;
      if (++bytes == end) return groups < 8;
    }
  }
}

bool valid_reg_name(const std::uint8_t* name, const std::uint8_t* end) {
  while (name < end) {
    if ((BYTE_CLASSES[*name] & CLASS_REG_NAME) != 0) {
      ++name;
    } else {
      if (*name != '%' || end - name < 3) return false;
      if ((BYTE_CLASSES[name[1]] & BYTE_CLASSES[name[2]] & CLASS_HEX) == 0) return false;
      name += 3;
    }
  }
  return true;
}

/// CL-1. False when not all digits; the value saturates, and `overflow` says that it did.
bool parse_content_length(const std::uint8_t* digits, std::uint32_t length, std::uint64_t& value,
                          bool& overflow) {
  value = 0;
  overflow = false;
  if (length == 0) return false;
  for (std::uint32_t index = 0; index < length; ++index) {
    if (!is_digit(digits[index])) return false;
    const std::uint64_t digit = digits[index] - '0';
    if (value > (UINT64_MAX - digit) / 10) overflow = true;
    value = overflow ? UINT64_MAX : value * 10 + digit;
  }
  return true;
}

/// A transfer coding other than plain chunked: a token, then nothing or parameters.
bool valid_coding(Slice coding, Slice& name) {
  std::size_t length = 0;
  while (length < coding.length && is_token(coding.data[length])) ++length;
  name = {coding.data, length};
  if (length == 0) return false;
  while (length < coding.length && is_blank(coding.data[length])) ++length;
  return length == coding.length || coding.data[length] == ';';
}

/// TE-1: 0 for exactly `chunked`, else the status.
std::uint16_t check_transfer_encoding(const std::uint8_t* value, std::uint32_t length) {
  if (equals_ignoring_case(value, length, "chunked")) return 0;
  bool valid = true;
  bool chunked_before = false;
  bool chunked_last = false;
  each_member({value, length}, [&](Slice member) {
    chunked_before |= chunked_last;
    chunked_last = equals_ignoring_case(member.data, member.length, "chunked");
    Slice name;
    valid = valid_coding(member, name);
    if (!chunked_last && equals_ignoring_case(name.data, name.length, "chunked")) valid = false;
    return valid;
  });
  return valid && chunked_last && !chunked_before ? NOT_IMPLEMENTED : BAD_REQUEST;
}

std::uint16_t check_host(const FramingFields& framing, std::uint8_t minor) {
  if (framing.host_lines > 1) return BAD_REQUEST;
  if (framing.host_lines == 0) return minor == 0 ? 0 : BAD_REQUEST;
  if (framing.host_length == 0) return minor == 0 ? 0 : BAD_REQUEST;
  return valid_host(framing.host, framing.host_length) ? 0 : BAD_REQUEST;
}

}  // namespace

bool valid_host(const std::uint8_t* host, std::size_t length) {
  const std::uint8_t* const end = host + length;
  const std::uint8_t* name_end = host;
  if (length == 0) return false;
  if (*host == '[') {
    const void* bracket = std::memchr(host, ']', length);
    if (bracket == nullptr) return false;
    name_end = static_cast<const std::uint8_t*>(bracket);
    if (!valid_ipv6(host + 1, name_end)) return false;
    ++name_end;
  } else {
    // Names and IPv4 addresses of letters, digits, dots and dashes are passed 16 bytes at a time.
    while (name_end < end) {
      const Block block = load_block(name_end);
      const Block plain =
          any(is_letter_block(block), without(in_range(block, '-', '9' - '-'), equal(block, '/')));
      const Mask other = mask_of_not(plain);
      name_end += other != 0 ? first_index(other) : BLOCK_BYTES;
      if (other != 0) break;
    }
    if (name_end >= end) return true;
    if (*name_end != ':') {
      const void* colon = std::memchr(name_end, ':', static_cast<std::size_t>(end - name_end));
      const std::uint8_t* const rest = name_end;
      name_end = colon != nullptr ? static_cast<const std::uint8_t*>(colon) : end;
      if (!valid_reg_name(rest, name_end)) return false;
    }
    if (name_end == host) return false;
  }
  if (name_end == end) return true;
  return *name_end == ':' && valid_port(name_end + 1, static_cast<std::size_t>(end - name_end - 1));
}

std::uint16_t check_framing(const RequestLine& line, const FramingFields& framing,
                            std::uint64_t body_bytes_max, Head& head) {
  if (const std::uint16_t host_status = check_host(framing, line.minor); host_status != 0)
    return host_status;

  std::uint16_t flags = line.flags;
  bool overflow = false;
  if (framing.content_length_lines != 0) {
    if (framing.content_length_lines > 1) return BAD_REQUEST;      // CL-2
    if (framing.transfer_encoding_lines != 0) return BAD_REQUEST;  // TE-2
    if (!parse_content_length(framing.content_length, framing.content_length_length,
                              head.content_length, overflow))
      return BAD_REQUEST;
    head.has_content_length = true;
  }
  if (framing.transfer_encoding_lines != 0) {
    if (framing.transfer_encoding_lines > 1 || line.minor == 0) return BAD_REQUEST;  // TE-1, TE-2
    const std::uint16_t coding_status =
        check_transfer_encoding(framing.transfer_encoding, framing.transfer_encoding_length);
    if (coding_status != 0) return coding_status;
    flags |= REQUEST_FLAG_CHUNKED;
  }
  const bool body = head.content_length != 0 || (flags & REQUEST_FLAG_CHUNKED) != 0;
  if (body && line.method == METHOD_TRACE) return BAD_REQUEST;  // MET-4
  if (!body) flags |= REQUEST_FLAG_BODY_COMPLETE;

  if (line.minor == 1) {
    if (framing.expect_other) return EXPECTATION_FAILED;  // EXP-2; 1.0 must ignore Expect
    if (framing.expect_continue && body) flags |= REQUEST_FLAG_EXPECT_CONTINUE;
    if (framing.upgrade && framing.connection_upgrade) flags |= REQUEST_FLAG_UPGRADE;
  }
  if (overflow || head.content_length > body_bytes_max) return CONTENT_TOO_LARGE;  // BODY-2

  if (framing.connection_close || (line.minor == 0 && !framing.connection_keep_alive))
    flags |= REQUEST_FLAG_CLOSE;  // CON-1, CON-2
  else if (line.minor == 0)
    flags |= REQUEST_FLAG_KEEP_ALIVE_1_0;
  head.flags = flags;
  return 0;
}

}  // namespace celeris::http1
