// sources: http1_parser.cc http1_request_line.cc http1_fields.cc http1_framing.cc
// Every case of requests.mjs whole and cut at every position, then what the table cannot say.
#include "celeris/http1_parser.h"

#include <string>
#include <string_view>
#include <vector>

#include "celeris/name_hash.h"
#include "expect.h"
#include "guarded_input.h"
#include "http1_internal.h"
#include "request_cases.generated.h"

namespace {

using namespace celeris;

constexpr HeadLimits CASE_LIMITS{.head_bytes_max = CASE_HEAD_BYTES_MAX,
                                 .fields_max = CASE_FIELDS_MAX,
                                 .body_bytes_max = CASE_BODY_BYTES_MAX};
constexpr std::uint32_t OFFSET_BASE = 983360;
constexpr std::size_t CASE_BYTES_MAX = 1 << 17;

/// A parsed head with its records; 0, 200 or the status of the refusal in `outcome`.
struct Parsed {
  int outcome = 0;
  Head head;
  std::vector<FieldRecord> fields;
};

Parsed parse(std::span<const std::uint8_t> input, const HeadLimits& limits = CASE_LIMITS) {
  Parsed parsed;
  parsed.fields.resize(limits.fields_max + 1);
  switch (parse_head(input, OFFSET_BASE, limits, parsed.fields, parsed.head)) {
    case ParseStatus::complete:
      parsed.outcome = 200;
      break;
    case ParseStatus::incomplete:
      EXPECT(parsed.head.fields_count == 0, "incomplete for want of bytes counts no fields");
      break;
    case ParseStatus::bad:
      parsed.outcome = parsed.head.error_status;
      break;
  }
  return parsed;
}

GuardedInput& memory() {
  static GuardedInput input(CASE_BYTES_MAX);
  return input;
}

Parsed parse_text(std::string_view text, const HeadLimits& limits = CASE_LIMITS) {
  return parse(memory().place(text), limits);
}

std::string_view slice(std::string_view text, std::uint32_t offset, std::uint32_t length) {
  return text.substr(offset - OFFSET_BASE, length);
}

void expect_fields(const RequestCase& expected, std::string_view text, const Parsed& parsed) {
  const char* name = expected.name.data();
  EXPECT(parsed.head.fields_count == expected.fields.size(), "%s", name);
  if (parsed.head.fields_count != expected.fields.size()) return;
  for (std::size_t index = 0; index < expected.fields.size(); ++index) {
    const FieldRecord& field = parsed.fields[index];
    const auto lengths = static_cast<std::uint32_t>(field.lengths);
    const auto field_name =
        slice(text, static_cast<std::uint32_t>(field.name_offset), lengths & 0xffff);
    const auto value = slice(text, static_cast<std::uint32_t>(field.value_offset), lengths >> 16);
    EXPECT(field_name == expected.fields[index].name, "%s: field %zu", name, index);
    EXPECT(value == expected.fields[index].value, "%s: field %zu", name, index);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(field_name.data());
    EXPECT(field.name_hash == name_hash(bytes, static_cast<std::uint32_t>(field_name.size())),
           "%s: field %zu", name, index);
  }
}

void expect_head(const RequestCase& expected, std::string_view text, const Parsed& parsed) {
  const char* name = expected.name.data();
  const Head& head = parsed.head;
  const std::string_view target = slice(text, head.target_offset, head.target_length);
  const std::size_t line = text.find_first_not_of("\r\n");
  EXPECT(head.start == OFFSET_BASE + line, "%s", name);
  EXPECT(head.consumed == line + head.length, "%s", name);
  EXPECT(text.substr(head.consumed - 4, 4) == "\r\n\r\n", "%s", name);
  EXPECT(text.substr(line, expected.method.size()) == expected.method, "%s", name);
  EXPECT(head.target_offset == OFFSET_BASE + line + expected.method.size() + 1, "%s", name);
  EXPECT(target == text_of(expected.target), "%s", name);
  EXPECT(slice(text, head.path_offset, head.path_length) == text_of(expected.path), "%s", name);
  EXPECT(head.minor == expected.minor, "%s", name);
  EXPECT(head.head_method == (expected.method == "HEAD"), "%s", name);
  if (expected.flags_stated)
    EXPECT(head.flags == expected.flags, "%s: %x, not %x", name, head.flags, expected.flags);
  if (expected.fields_stated) expect_fields(expected, text, parsed);
  const bool chunked = (head.flags & REQUEST_FLAG_CHUNKED) != 0;
  if (!chunked) {
    EXPECT(head.content_length == expected.body.size(), "%s", name);
    EXPECT(text.substr(head.consumed, expected.body.size()) == expected.body, "%s", name);
    EXPECT(text.substr(head.consumed + expected.body.size()) == PROBE_REQUEST, "%s", name);
  }
  const bool complete = (head.flags & REQUEST_FLAG_BODY_COMPLETE) != 0;
  EXPECT(complete == (!chunked && head.content_length == 0), "%s", name);
}

/// Growing input: incomplete until decided, and then for ever the same. Neither the bytes in the
/// padding nor those behind the cut may matter.
void expect_same_when_cut(const RequestCase& expected, std::string_view text, int outcome) {
  const char* name = expected.name.data();
  int decided = 0;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const Parsed parsed = parse(memory().place(text.substr(0, cut), text.substr(cut)));
    if (decided != 0 || parsed.outcome != 0) {
      EXPECT(parsed.outcome == outcome, "%s: %d at %zu", name, parsed.outcome, cut);
    }
    if (decided == 0 && parsed.outcome != 0) {
      decided = parsed.outcome;
      const bool by_head = outcome != 200 && outcome == expected.status;
      if (by_head && expected.decided_at != 0)
        EXPECT(cut == expected.decided_at, "%s: decided at %zu", name, cut);
      if (outcome == 200) EXPECT(cut == parsed.head.consumed, "%s: complete at %zu", name, cut);
    }
    const Parsed other = parse(memory().place(text.substr(0, cut)));
    EXPECT(other.outcome == parsed.outcome, "%s: the padding matters at %zu", name, cut);
    if (decided != 0 && cut > 4096 && cut % 512 != 0) cut += 511 - cut % 512;
  }
}

void run_cases() {
  for (const RequestCase& expected : REQUEST_CASES) {
    const std::string text = text_of(expected.bytes) + std::string(PROBE_REQUEST);
    const Parsed whole = parse_text(text);
    // A body that is refused stands behind a head that is not.
    const bool chunked = whole.outcome == 200 && (whole.head.flags & REQUEST_FLAG_CHUNKED) != 0;
    const int outcome = expected.status == 0 || chunked ? 200 : expected.status;
    EXPECT(whole.outcome == outcome, "%s: %d", expected.name.data(), whole.outcome);
    if (expected.status == 0 && whole.outcome == 200) expect_head(expected, text, whole);
    expect_same_when_cut(expected, text, outcome);
  }
}

constexpr std::string_view THREE_FIELDS = "GET / HTTP/1.1\r\nHost: a\r\nB: 1\r\nC: 2\r\n\r\n";

void asks_for_room_when_records_are_full() {
  const std::span<const std::uint8_t> input = memory().place(THREE_FIELDS);
  for (std::uint32_t room = 1; room < 3; ++room) {
    std::vector<FieldRecord> fields(room);
    Head head;
    EXPECT(parse_head(input, 0, CASE_LIMITS, fields, head) == ParseStatus::incomplete, "%u", room);
    EXPECT(head.fields_count == room, "%u", room);
  }
  std::vector<FieldRecord> fields(3);
  Head head;
  EXPECT(parse_head(input, 0, CASE_LIMITS, fields, head) == ParseStatus::complete, "exact fit");
  EXPECT(head.fields_count == 3, "exact fit");
}

void names_the_limit_that_was_passed() {
  HeadLimits limits = CASE_LIMITS;
  limits.fields_max = 3;
  EXPECT(parse_text(THREE_FIELDS, limits).outcome == 200, "FLD-4: as many fields as allowed");
  limits.fields_max = 2;
  EXPECT(parse_text(THREE_FIELDS, limits).outcome == 431, "FLD-4: one field more");

  limits = CASE_LIMITS;
  limits.head_bytes_max = 4096;
  const std::string line_end = " HTTP/1.1\r\n";
  const auto line_of = [&](std::size_t bytes) {
    return "GET /" + std::string(bytes - 5 - 9, 'a') + line_end;
  };
  const auto decided_at = [&](const std::string& text) {
    std::size_t cut = 0;
    while (cut < text.size() && parse_text(text.substr(0, cut), limits).outcome == 0) ++cut;
    return cut;
  };
  // RL-5: the line may be as long as the head, but then the head is too large.
  EXPECT(parse_text(line_of(4096), limits).outcome == 431, "RL-5");
  EXPECT(parse_text(line_of(4097), limits).outcome == 414, "RL-5");
  EXPECT(decided_at(line_of(4097)) == 4097, "RL-5: CRLF seen or not");
  EXPECT(parse_text(line_of(4096).substr(0, 4097), limits).outcome == 0, "RL-5: CR alone");
  const std::string fitting = line_of(4096 - 13) + "Host: a\r\n\r\n";
  EXPECT(fitting.size() == 4096, "the test itself");
  EXPECT(parse_text(fitting, limits).outcome == 200, "FLD-4: a head as large as allowed");
  const std::string larger = line_of(4096 - 12) + "Host: a\r\n\r\n";
  EXPECT(parse_text(larger, limits).outcome == 431, "FLD-4: one byte more");
  EXPECT(decided_at(larger) == 4096, "FLD-4: known one byte before");
  EXPECT(parse_text("\r\n\r\n" + fitting, limits).outcome == 200, "RL-1: pairs do not count");

  limits = CASE_LIMITS;
  limits.head_bytes_max = UINT32_MAX;
  const std::string huge = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(HEAD_BYTES_MAX, 'a');
  EXPECT(parse_text(huge, limits).outcome == 431, "lengths are 16-bit whatever the limit");
}

void limits_content_length() {
  const auto outcome = [](const char* digits, std::uint64_t body_bytes_max) {
    HeadLimits limits = CASE_LIMITS;
    limits.body_bytes_max = body_bytes_max;
    const std::string text =
        std::string("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ") + digits + "\r\n\r\n";
    return parse_text(text, limits);
  };
  EXPECT(outcome("5", 5).outcome == 200, "BODY-2: as long as allowed");
  EXPECT(outcome("6", 5).outcome == 413, "BODY-2: one byte more");
  EXPECT(outcome("0", 0).outcome == 200, "BODY-2: nothing allowed, nothing sent");
  const Parsed largest = outcome("18446744073709551615", UINT64_MAX);
  EXPECT(largest.outcome == 200, "CL-1: the largest number");
  EXPECT(largest.head.content_length == UINT64_MAX, "CL-1: the largest number");
  EXPECT(largest.head.has_content_length, "CL-1");
  EXPECT(outcome("18446744073709551616", UINT64_MAX).outcome == 413, "CL-1: without a limit too");
  EXPECT(!parse_text(THREE_FIELDS).head.has_content_length, "BODY-1");
}

void tells_head_also_when_bad() {
  EXPECT(parse_text("HEAD / HTTP/2.0\r\n").head.head_method, "VER-2");
  EXPECT(parse_text("HEAD / HTTP/1.1\r\n\r\n").head.head_method, "HOST-1");
  EXPECT(parse_text("HEAD  ").head.head_method, "RL-4");
  EXPECT(!parse_text("HEAD\t").head.head_method, "RL-4");
  EXPECT(!parse_text("HEADS / HTTP/1.1\r\n\r\n").head.head_method, "HOST-1");
  EXPECT(!parse_text("GET / HTTP/1.1\r\n\r\n").head.head_method, "HOST-1");
}

void names_methods() {
  constexpr std::pair<std::string_view, std::uint8_t> METHODS[] = {
      {"GET", METHOD_GET},         {"HEAD", METHOD_HEAD},     {"POST", METHOD_POST},
      {"PUT", METHOD_PUT},         {"PATCH", METHOD_PATCH},   {"DELETE", METHOD_DELETE},
      {"OPTIONS", METHOD_OPTIONS}, {"TRACE", METHOD_TRACE},   {"get", METHOD_OTHER},
      {"GETX", METHOD_OTHER},      {"PATCHES", METHOD_OTHER}, {"X", METHOD_OTHER},
      {"OPTION", METHOD_OTHER},    {"OPTIONSX", METHOD_OTHER}};
  for (const auto& [name, id] : METHODS) {
    // Once on the usual way, once on the careful one (absolute-form).
    for (const char* target : {"/", "http://a/"}) {
      const std::string text = std::string(name) + " " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
      const Parsed parsed = parse_text(text);
      EXPECT(parsed.outcome == 200, "%s", text.c_str());
      EXPECT(parsed.head.method == id, "%s", text.c_str());
    }
  }
}

/// Where in a 16-byte block a byte stands must not matter, for any byte and either scan.
void judges_every_byte_at_every_place() {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<std::uint8_t>(byte);
    const bool in_target = (http1::BYTE_CLASSES[c] & http1::CLASS_TARGET) != 0;
    const bool in_value = (http1::BYTE_CLASSES[c] & http1::CLASS_VALUE) != 0;
    for (std::size_t place = 0; place < 40; ++place) {
      std::string filler(40, 'x');
      filler[place] = static_cast<char>(c);
      const Parsed target = parse_text("GET /" + filler + " HTTP/1.1\r\nHost: a\r\n\r\n");
      EXPECT((target.outcome == 200) == in_target, "target byte %u at %zu", byte, place);
      const Parsed value = parse_text("GET / HTTP/1.1\r\nHost: a\r\nX: y" + filler + "y\r\n\r\n");
      EXPECT((value.outcome == 200) == in_value, "value byte %u at %zu", byte, place);
      const bool in_name = http1::is_token(c) || c == ':';
      const Parsed name = parse_text("GET / HTTP/1.1\r\nHost: a\r\nX" + filler + ": y\r\n\r\n");
      EXPECT((name.outcome == 200) == in_name, "name byte %u at %zu", byte, place);
    }
  }
}

void hashes_literals_like_names() {
  const auto hash = [](std::string_view name) {
    return name_hash(reinterpret_cast<const std::uint8_t*>(name.data()),
                     static_cast<std::uint32_t>(name.size()));
  };
  EXPECT(http1::HASH_HOST == hash("host") && http1::HASH_HOST == hash("HOST"), "host");
  EXPECT(http1::HASH_CONTENT_LENGTH == hash("Content-Length"), "content-length");
  EXPECT(http1::HASH_TRANSFER_ENCODING == hash("Transfer-Encoding"), "transfer-encoding");
  EXPECT(http1::HASH_CONNECTION == hash("connection"), "connection");
  EXPECT(http1::HASH_EXPECT == hash("Expect"), "expect");
  EXPECT(http1::HASH_UPGRADE == hash("upgrade"), "upgrade");
}

/// Names that share length, first and last four bytes with a framing field are not that field.
void compares_framing_names_by_bytes() {
  const Parsed parsed = parse_text(
      "GET / HTTP/1.1\r\nHost: a\r\nContXXX-Length: x\r\nTranXXXXXXXXXding: x\r\n"
      "Content\rLength: 3\r\n\r\n");
  EXPECT(parsed.outcome == 400, "CR is no dash");
  EXPECT(parse_text("GET / HTTP/1.1\r\nHost: a\r\nContXXXXXXngth: x\r\nTranXXXXXXXXXding: x\r\n"
                    "ConnXXtion: close\r\n\r\n")
                 .head.flags == (REQUEST_FLAG_BODY_COMPLETE | REQUEST_FLAG_PATH_PLAIN),
         "look-alikes");
}

void takes_offsets_from_the_base() {
  std::vector<FieldRecord> fields(8);
  Head head;
  const auto input = memory().place(std::string("\r\n") + std::string(THREE_FIELDS));
  EXPECT(parse_head(input, 1000, CASE_LIMITS, fields, head) == ParseStatus::complete, "base");
  EXPECT(head.start == 1002 && head.target_offset == 1006 && head.path_offset == 1006, "base");
  EXPECT(fields[1].name_offset == 1002 + 25 && fields[1].value_offset == 1002 + 28, "base");
  EXPECT(head.consumed == 2 + THREE_FIELDS.size() && head.length == THREE_FIELDS.size(), "base");
}

void waits_on_nothing() {
  EXPECT(parse_text("").outcome == 0, "empty");
  const Parsed pairs = parse_text("\r\n\r\n");
  EXPECT(pairs.outcome == 0, "RL-1");
  EXPECT(pairs.head.start == OFFSET_BASE + 4, "RL-1: no byte of a request yet");
}

}  // namespace

int main() {
  run_cases();
  asks_for_room_when_records_are_full();
  names_the_limit_that_was_passed();
  limits_content_length();
  tells_head_also_when_bad();
  names_methods();
  judges_every_byte_at_every_place();
  hashes_literals_like_names();
  compares_framing_names_by_bytes();
  takes_offsets_from_the_base();
  waits_on_nothing();
  return failures == 0 ? 0 : 1;
}
