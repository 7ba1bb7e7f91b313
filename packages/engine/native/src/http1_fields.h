// Field lines up to the blank line (RFC 9112 §5; rules RL-3 and FLD of http1.md). A header, for the
// loop belongs into the parser's one function: the calls would cost as much as the short fields.
#pragma once
#include "http1_internal.h"

namespace celeris::http1 {

/// The fields of one head, up to and with the blank line.
struct FieldsResult {
  ParseStatus status;
  std::uint16_t error_status = 0;
  bool records_full = false;  ///< incomplete because there is no room for another record
  std::uint32_t count = 0;
  const std::uint8_t* end = nullptr;  ///< first byte behind the blank line
};

/// End of a run of letters and dashes, which is what nearly all names are made of. A result at or
/// behind `end` means the run reaches the end of the input.
inline const std::uint8_t* skip_letters(const std::uint8_t* bytes, const std::uint8_t* end) {
  while (bytes < end) {
    const Block block = load_block(bytes);
    const Mask other = mask_of_not(any(is_letter_block(block), equal(block, '-')));
    if (other != 0) return bytes + first_index(other);
    bytes += BLOCK_BYTES;
  }
  return bytes;
}

/// First byte a value may not hold, tabs excepted (FLD-2). At or behind `end`: none.
inline const std::uint8_t* skip_value(const std::uint8_t* bytes, const std::uint8_t* end) {
  while (bytes < end) {
    const Block block = load_block(bytes);
    const Mask stop = mask_of(any(in_range(block, 0, 0x1f), equal(block, 0x7f)));
    if (stop == 0) {
      bytes += BLOCK_BYTES;
      continue;
    }
    bytes += first_index(stop);
    if (bytes >= end || *bytes != '\t') return bytes;
    ++bytes;
  }
  return bytes;
}

inline FieldsResult bad_fields(std::uint16_t error_status) {
  return {.status = ParseStatus::bad, .error_status = error_status};
}

inline constexpr FieldsResult FIELDS_INCOMPLETE{.status = ParseStatus::incomplete};

/// Parses field lines from `first` to the blank line. Offsets count from `input`, plus the base.
[[gnu::always_inline]] inline FieldsResult parse_fields(
    const std::uint8_t* first, const std::uint8_t* end, const std::uint8_t* input,
    std::uint32_t offset_base, std::uint32_t fields_max, std::span<FieldRecord> records,
    FramingFields& framing) {
  const auto offset_of = [&](const std::uint8_t* byte) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(byte - input) + offset_base);
  };
  std::uint32_t count = 0;
  const std::uint8_t* name = first;
  for (;;) {
    if (name >= end) return FIELDS_INCOMPLETE;
    if (*name <= ' ') {
      if (*name != '\r') return bad_fields(BAD_REQUEST);  // FLD-3, FLD-1
      if (end - name < 2) return FIELDS_INCOMPLETE;
      if (name[1] != '\n') return bad_fields(BAD_REQUEST);  // RL-3
      return {.status = ParseStatus::complete, .count = count, .end = name + 2};
    }
    if (count == fields_max) return bad_fields(HEADER_FIELDS_TOO_LARGE);
    if (count == records.size())
      return {.status = ParseStatus::incomplete, .records_full = true, .count = count};

    // The end of the line is sought from its first byte, not from the value: so the next line does
    // not wait for this one's colon.
    const std::uint8_t* const line_end = skip_value(name, end);
    const std::uint8_t* name_end = skip_letters(name, end);
    if (*name_end != ':') [[unlikely]]
      while (name_end < end && is_token(*name_end)) ++name_end;
    if (name_end >= end) return FIELDS_INCOMPLETE;
    if (*name_end != ':' || name_end == name) return bad_fields(BAD_REQUEST);  // FLD-1

    const std::uint8_t* value = name_end + 1;
    while (value < end && is_blank(*value)) ++value;
    if (line_end >= end) return FIELDS_INCOMPLETE;
    if (*line_end != '\r') return bad_fields(BAD_REQUEST);  // RL-3, FLD-2
    if (end - line_end < 2) return FIELDS_INCOMPLETE;
    if (line_end[1] != '\n') return bad_fields(BAD_REQUEST);
    const std::uint8_t* value_end = line_end;
    while (value_end > value && is_blank(value_end[-1])) --value_end;

    const auto name_length = static_cast<std::uint32_t>(name_end - name);
    const auto value_length = static_cast<std::uint32_t>(value_end - value);
    const std::int32_t hash = name_hash(name, name_length);
    records[count++] = {.name_hash = hash,
                        .name_offset = offset_of(name),
                        .value_offset = offset_of(value),
                        .lengths = static_cast<std::int32_t>(name_length | value_length << 16)};
    if ((FRAMING_HASH_BITS & hash_bit(hash)) != 0)
      note_framing_field(hash, name, name_length, value, value_length, framing);
    name = line_end + 2;
  }
}

}  // namespace celeris::http1
