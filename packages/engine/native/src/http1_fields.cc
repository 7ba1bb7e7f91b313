// Field lines up to the blank line (RFC 9112 §5; rules RL-3 and FLD of http1.md).
#include "http1_internal.h"

namespace celeris::http1 {

namespace {

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

FieldsResult bad_fields(std::uint16_t error_status) {
  return {.status = ParseStatus::bad, .error_status = error_status};
}

constexpr FieldsResult INCOMPLETE{.status = ParseStatus::incomplete};

}  // namespace

FieldsResult parse_fields(const std::uint8_t* first, const std::uint8_t* end,
                          const std::uint8_t* input, std::uint32_t offset_base,
                          std::uint32_t fields_max, std::span<FieldRecord> records,
                          FramingFields& framing) {
  const auto offset_of = [&](const std::uint8_t* byte) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(byte - input) + offset_base);
  };
  std::uint32_t count = 0;
  const std::uint8_t* name = first;
  for (;;) {
    if (name >= end) return INCOMPLETE;
    if (*name == '\r') {
      if (end - name < 2) return INCOMPLETE;
      if (name[1] != '\n') return bad_fields(BAD_REQUEST);  // RL-3
      return {.status = ParseStatus::complete, .count = count, .end = name + 2};
    }
    if (is_blank(*name)) return bad_fields(BAD_REQUEST);  // FLD-3
    if (count == fields_max) return bad_fields(HEADER_FIELDS_TOO_LARGE);
    if (count == records.size())
      return {.status = ParseStatus::incomplete, .records_full = true, .count = count};

    const std::uint8_t* name_end = skip_letters(name, end);
    while (name_end < end && is_token(*name_end)) ++name_end;
    if (name_end >= end) return INCOMPLETE;
    if (*name_end != ':' || name_end == name) return bad_fields(BAD_REQUEST);  // FLD-1

    const std::uint8_t* value = name_end + 1;
    while (value < end && is_blank(*value)) ++value;
    const std::uint8_t* const line_end = skip_value(value, end);
    if (line_end >= end) return INCOMPLETE;
    if (*line_end != '\r') return bad_fields(BAD_REQUEST);  // RL-3, FLD-2
    if (end - line_end < 2) return INCOMPLETE;
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
