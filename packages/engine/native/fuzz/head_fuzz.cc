// sources: http1_parser.cc http1_request_line.cc http1_fields.cc http1_framing.cc
// A head parsed whole and growing: one result, and everything it names lies inside the head.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "celeris/check.h"
#include "celeris/http1_parser.h"
#include "celeris/name_hash.h"

namespace {

using namespace celeris;

constexpr HeadLimits DEFAULTS{
    .head_bytes_max = 32768, .fields_max = 200, .body_bytes_max = 100u << 20};
constexpr HeadLimits TIGHT{.head_bytes_max = 64, .fields_max = 2, .body_bytes_max = 9};
constexpr std::uint32_t OFFSET_BASE = 1000;
constexpr std::size_t CUTS_MAX = 50;

struct Parsed {
  ParseStatus status;
  Head head;
  std::vector<FieldRecord> fields;
};

/// A copy of its own for every parse, so that ASan sees a read behind the padding.
Parsed parse(std::span<const std::uint8_t> bytes, std::uint8_t padding, const HeadLimits& limits) {
  const std::size_t size = bytes.size() + ARENA_PADDING_BYTES;
  const std::unique_ptr<std::uint8_t[]> copy(new std::uint8_t[size]);
  std::memset(copy.get(), padding, size);
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  Parsed parsed;
  parsed.fields.resize(limits.fields_max + 1);
  parsed.status =
      parse_head({copy.get(), bytes.size()}, OFFSET_BASE, limits, parsed.fields, parsed.head);
  return parsed;
}

bool lies_in(std::uint32_t offset, std::uint32_t length, const Head& head) {
  return offset >= head.start && length <= head.length &&
         offset - head.start <= head.length - length;
}

void check_complete(const Parsed& parsed, std::span<const std::uint8_t> bytes,
                    const HeadLimits& limits) {
  const Head& head = parsed.head;
  CHECK(head.consumed <= bytes.size());
  CHECK(head.length <= limits.head_bytes_max);
  CHECK(head.start - OFFSET_BASE + head.length == head.consumed);
  CHECK(head.start - OFFSET_BASE <= 2 * LEADING_CRLF_MAX);
  CHECK(head.consumed >= 4);
  CHECK(std::memcmp(&bytes[head.consumed - 4], "\r\n\r\n", 4) == 0);
  CHECK(lies_in(head.target_offset, head.target_length, head));
  CHECK(lies_in(head.path_offset, head.path_length, head));
  CHECK(head.path_offset >= head.target_offset);
  CHECK(head.path_offset + head.path_length <= head.target_offset + head.target_length);
  CHECK(head.fields_count <= limits.fields_max);
  CHECK(head.minor <= 1);
  CHECK(head.method <= METHOD_TRACE);
  CHECK(head.content_length <= limits.body_bytes_max);
  const bool chunked = (head.flags & REQUEST_FLAG_CHUNKED) != 0;
  const bool body = chunked || head.content_length != 0;
  CHECK(!(chunked && head.has_content_length));
  CHECK(((head.flags & REQUEST_FLAG_BODY_COMPLETE) == 0) == body);
  CHECK((head.flags & REQUEST_FLAG_EXPECT_CONTINUE) == 0 || body);
  std::uint32_t end = head.target_offset + head.target_length;
  for (std::uint32_t index = 0; index < head.fields_count; ++index) {
    const FieldRecord& field = parsed.fields[index];
    const auto name_offset = static_cast<std::uint32_t>(field.name_offset);
    const auto value_offset = static_cast<std::uint32_t>(field.value_offset);
    const std::uint32_t name_length = static_cast<std::uint32_t>(field.lengths) & 0xffff;
    const std::uint32_t value_length = static_cast<std::uint32_t>(field.lengths) >> 16;
    CHECK(name_offset > end);
    CHECK(name_length > 0);
    CHECK(value_offset > name_offset + name_length);
    CHECK(lies_in(value_offset, value_length, head));
    CHECK(bytes[name_offset + name_length - OFFSET_BASE] == ':');
    CHECK(field.name_hash == name_hash(&bytes[name_offset - OFFSET_BASE], name_length));
    end = value_offset + value_length;
  }
}

void check_same(const Parsed& one, const Parsed& other) {
  CHECK(one.status == other.status);
  CHECK(one.head.error_status == other.head.error_status);
  CHECK(one.head.head_method == other.head.head_method);
  if (one.status != ParseStatus::complete) return;
  CHECK(one.head.consumed == other.head.consumed);
  CHECK(one.head.flags == other.head.flags);
  CHECK(one.head.method == other.head.method);
  CHECK(one.head.content_length == other.head.content_length);
  CHECK(one.head.path_offset == other.head.path_offset);
  CHECK(one.head.path_length == other.head.path_length);
  CHECK(one.head.fields_count == other.head.fields_count);
  CHECK(std::memcmp(one.fields.data(), other.fields.data(),
                    one.head.fields_count * sizeof(FieldRecord)) == 0);
}

void run(std::span<const std::uint8_t> bytes, const HeadLimits& limits) {
  const Parsed whole = parse(bytes, '\n', limits);
  if (whole.status == ParseStatus::complete) check_complete(whole, bytes, limits);
  if (whole.status == ParseStatus::bad) CHECK(whole.head.error_status >= 400);
  const std::size_t step = std::max<std::size_t>(1, bytes.size() / CUTS_MAX);
  bool decided = false;
  for (std::size_t cut = 0; cut <= bytes.size(); cut += step) {
    const Parsed growing = parse(bytes.first(cut), 'A', limits);
    if (decided || growing.status != ParseStatus::incomplete) check_same(growing, whole);
    decided |= growing.status != ParseStatus::incomplete;
    if (whole.status == ParseStatus::complete)
      CHECK((growing.status == ParseStatus::complete) == (cut >= whole.head.consumed));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  run({data, size}, DEFAULTS);
  run({data, size}, TIGHT);
  return 0;
}
