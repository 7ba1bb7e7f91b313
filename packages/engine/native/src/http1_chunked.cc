// Chunked transfer coding, byte by byte except for the data (RFC 9112 §7.1; CHK in http1.md).
#include "celeris/http1_chunked.h"

#include <algorithm>
#include <cstring>

#include "http1_internal.h"

namespace celeris {

namespace {

/// Where in the coding the next byte stands; kept in ChunkedState::phase, so `size` must be 0.
enum class ChunkedPhase : std::uint8_t {
  size,        ///< hex digits
  size_blank,  ///< BWS between size and ';'
  extension,   ///< from ';' to CR
  size_line_feed,
  data,
  data_return,  ///< CR behind the data
  data_line_feed,
  trailer_start,  ///< first byte of a trailer line, or CR of the blank line
  trailer_name,
  trailer_value,
  trailer_line_feed,
  last_line_feed,  ///< LF of the blank line
  complete,
};

// The functions below return 0 or the status to refuse with.

/// A chunk that counts below zero in 64 bits is refused whatever the limit.
constexpr std::uint64_t CHUNK_BYTES_MAX = INT64_MAX;

std::uint8_t hex_value(std::uint8_t byte) {
  return static_cast<std::uint8_t>(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
}

bool is_hex(std::uint8_t byte) { return (http1::BYTE_CLASSES[byte] & http1::CLASS_HEX) != 0; }
bool is_value(std::uint8_t byte) { return (http1::BYTE_CLASSES[byte] & http1::CLASS_VALUE) != 0; }

ChunkedPhase phase_of(const ChunkedState& state) { return static_cast<ChunkedPhase>(state.phase); }
void enter(ChunkedState& state, ChunkedPhase phase) {
  state.phase = static_cast<std::uint8_t>(phase);
}

/// The size is known: it is taken off what the body may still have (BODY-2).
std::uint16_t announce_chunk(const ChunkedState& state, ChunkedLimits& limits) {
  if (state.chunk_left > CHUNK_BYTES_MAX || state.chunk_left > limits.body_bytes_max)
    return http1::CONTENT_TOO_LARGE;
  limits.body_bytes_max -= state.chunk_left;
  return 0;
}

std::uint16_t decode_size(std::uint8_t byte, ChunkedState& state, ChunkedLimits& limits) {
  if (is_hex(byte)) {
    if (state.digits == CHUNK_SIZE_DIGITS_MAX) return http1::BAD_REQUEST;  // CHK-1
    state.chunk_left = state.chunk_left << 4 | hex_value(byte);
    ++state.digits;
    return 0;
  }
  if (state.digits == 0) return http1::BAD_REQUEST;
  if (byte == '\r') {
    enter(state, ChunkedPhase::size_line_feed);
  } else if (byte == ';' || http1::is_blank(byte)) {
    if (++state.extension_bytes > CHUNK_EXTENSION_BYTES_MAX) return http1::CONTENT_TOO_LARGE;
    enter(state, byte == ';' ? ChunkedPhase::extension : ChunkedPhase::size_blank);
  } else {
    return http1::BAD_REQUEST;
  }
  return announce_chunk(state, limits);
}

std::uint16_t decode_extension(std::uint8_t byte, ChunkedState& state) {
  const bool blank_phase = phase_of(state) == ChunkedPhase::size_blank;
  if (!blank_phase && byte == '\r') {
    enter(state, ChunkedPhase::size_line_feed);
    return 0;
  }
  // BWS is allowed only before ';': "3 " followed by CRLF is refused.
  if (blank_phase ? byte != ';' && !http1::is_blank(byte) : !is_value(byte))
    return http1::BAD_REQUEST;
  if (++state.extension_bytes > CHUNK_EXTENSION_BYTES_MAX)
    return http1::CONTENT_TOO_LARGE;  // CHK-2
  if (byte == ';') enter(state, ChunkedPhase::extension);
  return 0;
}

std::uint16_t expect_byte(std::uint8_t byte, std::uint8_t expected, ChunkedState& state,
                          ChunkedPhase next) {
  if (byte != expected) return http1::BAD_REQUEST;  // RL-3
  enter(state, next);
  return 0;
}

std::uint16_t decode_size_line_feed(std::uint8_t byte, ChunkedState& state) {
  state.digits = 0;
  return expect_byte(byte, '\n', state,
                     state.chunk_left != 0 ? ChunkedPhase::data : ChunkedPhase::trailer_start);
}

/// One byte of the trailer section under the field rules.
std::uint16_t decode_trailer_byte(std::uint8_t byte, ChunkedState& state,
                                  const ChunkedLimits& limits) {
  switch (phase_of(state)) {
    case ChunkedPhase::trailer_start:
      if (byte == '\r') {
        enter(state, ChunkedPhase::last_line_feed);
        return 0;
      }
      if (!http1::is_token(byte)) return http1::BAD_REQUEST;
      if (state.trailer_fields >= limits.trailer_fields_max) return http1::HEADER_FIELDS_TOO_LARGE;
      ++state.trailer_fields;
      enter(state, ChunkedPhase::trailer_name);
      return 0;
    case ChunkedPhase::trailer_name:
      if (byte == ':')
        enter(state, ChunkedPhase::trailer_value);
      else if (!http1::is_token(byte))
        return http1::BAD_REQUEST;
      return 0;
    case ChunkedPhase::trailer_value:
      if (byte == '\r')
        enter(state, ChunkedPhase::trailer_line_feed);
      else if (!is_value(byte))
        return http1::BAD_REQUEST;
      return 0;
    case ChunkedPhase::trailer_line_feed:
      return expect_byte(byte, '\n', state, ChunkedPhase::trailer_start);
    default:
      return expect_byte(byte, '\n', state, ChunkedPhase::complete);
  }
}

/// CHK-3: the section, blank line included, is refused by the byte that leaves no room for its end.
std::uint16_t decode_trailer(std::uint8_t byte, ChunkedState& state, const ChunkedLimits& limits) {
  const std::uint16_t error_status = decode_trailer_byte(byte, state, limits);
  if (error_status != 0) return error_status;
  const bool full = ++state.trailer_bytes >= limits.trailer_bytes_max;
  return full && phase_of(state) != ChunkedPhase::complete ? http1::HEADER_FIELDS_TOO_LARGE
                                                           : std::uint16_t{0};
}

/// Any byte that is not data.
std::uint16_t decode_byte(std::uint8_t byte, ChunkedState& state, ChunkedLimits& limits) {
  switch (phase_of(state)) {
    case ChunkedPhase::size:
      return decode_size(byte, state, limits);
    case ChunkedPhase::size_blank:
    case ChunkedPhase::extension:
      return decode_extension(byte, state);
    case ChunkedPhase::size_line_feed:
      return decode_size_line_feed(byte, state);
    case ChunkedPhase::data_return:
      return expect_byte(byte, '\r', state, ChunkedPhase::data_line_feed);
    case ChunkedPhase::data_line_feed:
      return expect_byte(byte, '\n', state, ChunkedPhase::size);
    default:
      return decode_trailer(byte, state, limits);
  }
}

}  // namespace

ChunkedResult decode_chunked(std::span<std::uint8_t> input, ChunkedState& state,
                             ChunkedLimits& limits) {
  CHECK(phase_of(state) <= ChunkedPhase::complete);
  ChunkedResult result{
      .status = ParseStatus::incomplete, .error_status = 0, .consumed = 0, .decoded = 0};
  while (phase_of(state) != ChunkedPhase::complete) {
    if (result.consumed == input.size()) return result;
    if (phase_of(state) == ChunkedPhase::data) {
      const std::uint64_t present = input.size() - result.consumed;
      const auto bytes = static_cast<std::uint32_t>(std::min(present, state.chunk_left));
      if (result.decoded != result.consumed)
        std::memmove(&input[result.decoded], &input[result.consumed], bytes);
      result.decoded += bytes;
      result.consumed += bytes;
      state.chunk_left -= bytes;
      if (state.chunk_left == 0) enter(state, ChunkedPhase::data_return);
      continue;
    }
    result.error_status = decode_byte(input[result.consumed], state, limits);
    if (result.error_status != 0) {
      result.status = ParseStatus::bad;
      return result;
    }
    ++result.consumed;
  }
  result.status = ParseStatus::complete;
  return result;
}

}  // namespace celeris
