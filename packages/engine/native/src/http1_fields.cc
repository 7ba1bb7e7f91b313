// What the fields that concern the parser say, line by line; http1_framing.cc judges the whole
// (RFC 9110 §§7.6.1, 10.1.1; rules CON and EXP of http1.md).
#include "http1_fields.h"

namespace celeris::http1 {

namespace {

/// CON-1: tokens compared whole and without case.
void note_connection(const std::uint8_t* value, std::uint32_t length, FramingFields& framing) {
  each_member({value, length}, [&](Slice member) {
    if (equals_ignoring_case(member.data, member.length, "close")) framing.connection_close = true;
    if (equals_ignoring_case(member.data, member.length, "keep-alive"))
      framing.connection_keep_alive = true;
    if (equals_ignoring_case(member.data, member.length, "upgrade"))
      framing.connection_upgrade = true;
    return true;
  });
}

void note_line(const std::uint8_t* value, std::uint32_t length, const std::uint8_t*& kept,
               std::uint32_t& kept_length, std::uint8_t& lines) {
  kept = value;
  kept_length = length;
  if (lines < 2) ++lines;
}

}  // namespace

void note_framing_field(std::int32_t hash, const std::uint8_t* name, std::uint32_t name_length,
                        const std::uint8_t* value, std::uint32_t value_length,
                        FramingFields& framing) {
  switch (hash) {
    case HASH_HOST:
      if (equals_ignoring_case(name, name_length, "host"))
        note_line(value, value_length, framing.host, framing.host_length, framing.host_lines);
      return;
    case HASH_CONTENT_LENGTH:
      if (equals_ignoring_case(name, name_length, "content-length"))
        note_line(value, value_length, framing.content_length, framing.content_length_length,
                  framing.content_length_lines);
      return;
    case HASH_TRANSFER_ENCODING:
      if (equals_ignoring_case(name, name_length, "transfer-encoding"))
        note_line(value, value_length, framing.transfer_encoding, framing.transfer_encoding_length,
                  framing.transfer_encoding_lines);
      return;
    case HASH_CONNECTION:
      if (equals_ignoring_case(name, name_length, "connection"))
        note_connection(value, value_length, framing);
      return;
    case HASH_EXPECT:
      if (equals_ignoring_case(name, name_length, "expect")) {
        const bool known = equals_ignoring_case(value, value_length, "100-continue");
        (known ? framing.expect_continue : framing.expect_other) = true;
      }
      return;
    case HASH_UPGRADE:
      if (equals_ignoring_case(name, name_length, "upgrade")) framing.upgrade = true;
      return;
    default:
      return;
  }
}

}  // namespace celeris::http1
