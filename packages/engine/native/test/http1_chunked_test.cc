// sources: http1_chunked.cc http1_parser.cc http1_request_line.cc http1_fields.cc http1_framing.cc
// The chunked bodies of requests.mjs whole, byte by byte and cut at every position, then limits.
#include "celeris/http1_chunked.h"

#include <string>
#include <string_view>
#include <vector>

#include "expect.h"
#include "guarded_input.h"
#include "request_cases.generated.h"

namespace {

using namespace celeris;

static_assert(sizeof(ChunkedState) == 24);

constexpr ChunkedLimits CASE_LIMITS{.body_bytes_max = CASE_BODY_BYTES_MAX,
                                    .trailer_bytes_max = CASE_HEAD_BYTES_MAX,
                                    .trailer_fields_max = CASE_FIELDS_MAX};

/// One body, fed in pieces; `outcome` is 0, 200 or the status of the refusal.
struct Decoding {
  ChunkedState state;
  ChunkedLimits limits = CASE_LIMITS;
  int outcome = 0;
  std::size_t consumed = 0;
  std::string body;

  void feed(std::string_view piece) {
    static GuardedInput memory(1 << 17);
    const std::span<std::uint8_t> input = memory.place(piece);
    const ChunkedResult result = decode_chunked(input, state, limits);
    EXPECT(result.decoded <= result.consumed && result.consumed <= piece.size(), "bounds");
    body.append(reinterpret_cast<const char*>(input.data()), result.decoded);
    consumed += result.consumed;
    switch (result.status) {
      case ParseStatus::complete:
        outcome = 200;
        break;
      case ParseStatus::incomplete:
        EXPECT(result.consumed == piece.size(), "incomplete uses everything");
        break;
      case ParseStatus::bad:
        outcome = result.error_status;
        break;
    }
  }
};

Decoding decode(std::string_view text) {
  Decoding decoding;
  decoding.feed(text);
  return decoding;
}

/// `decided_at` counts from the start of the body here.
void run_case(const char* name, std::string_view text, int outcome, std::string_view body,
              std::size_t decided_at) {
  const Decoding whole = decode(text);
  EXPECT(whole.outcome == outcome, "%s: %d", name, whole.outcome);
  if (outcome == 200) {
    EXPECT(whole.body == body, "%s", name);
    EXPECT(text.substr(whole.consumed) == PROBE_REQUEST, "%s: CHK-4", name);
  } else if (decided_at != 0) {
    // A refused byte is not consumed.
    EXPECT(whole.consumed + 1 == decided_at, "%s: decided at %zu", name, whole.consumed + 1);
  }

  Decoding bytes;
  for (std::size_t at = 0; at < text.size() && bytes.outcome == 0; ++at)
    bytes.feed(text.substr(at, 1));
  EXPECT(bytes.outcome == whole.outcome && bytes.consumed == whole.consumed, "%s: bytes", name);
  EXPECT(bytes.body == whole.body, "%s: bytes", name);

  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Decoding halves;
    halves.feed(text.substr(0, cut));
    if (halves.outcome == 0) halves.feed(text.substr(cut));
    EXPECT(halves.outcome == whole.outcome && halves.consumed == whole.consumed, "%s: %zu", name,
           cut);
    EXPECT(halves.body == whole.body, "%s: %zu", name, cut);
    if (text.size() > 4096 && cut % 64 == 63) cut += 997;
  }
}

void run_cases() {
  std::vector<FieldRecord> fields(CASE_FIELDS_MAX + 1);
  const HeadLimits head_limits{.head_bytes_max = CASE_HEAD_BYTES_MAX,
                               .fields_max = CASE_FIELDS_MAX,
                               .body_bytes_max = CASE_BODY_BYTES_MAX};
  GuardedInput memory(1 << 17);
  int bodies = 0;
  for (const RequestCase& expected : REQUEST_CASES) {
    const std::string text = text_of(expected.bytes) + std::string(PROBE_REQUEST);
    Head head;
    const ParseStatus status = parse_head(memory.place(text), 0, head_limits, fields, head);
    if (status != ParseStatus::complete || (head.flags & REQUEST_FLAG_CHUNKED) == 0) continue;
    ++bodies;
    const std::size_t decided_at =
        expected.decided_at == 0 ? 0 : expected.decided_at - head.consumed;
    run_case(expected.name.data(), std::string_view(text).substr(head.consumed),
             expected.status == 0 ? 200 : expected.status, expected.body, decided_at);
  }
  EXPECT(bodies > 60, "only %d chunked bodies in the table", bodies);
}

void lowers_what_is_allowed_by_each_chunk() {
  Decoding decoding;
  decoding.limits.body_bytes_max = 5;
  decoding.feed("3\r\na");
  EXPECT(decoding.limits.body_bytes_max == 2, "BODY-2");
  decoding.feed("bc\r\n2\r\nde\r\n");
  EXPECT(decoding.limits.body_bytes_max == 0 && decoding.outcome == 0, "BODY-2");
  decoding.feed("1");
  EXPECT(decoding.outcome == 0, "BODY-2: the size may still be read on");
  decoding.feed("\r");
  EXPECT(decoding.outcome == 413, "BODY-2");
}

void allows_a_body_as_long_as_the_limit() {
  Decoding decoding;
  decoding.limits.body_bytes_max = 5;
  decoding.feed("5\r\nabcde\r\n0\r\n\r\n");
  EXPECT(decoding.outcome == 200 && decoding.body == "abcde", "BODY-2");
}

void refuses_sizes_beyond_63_bits_without_a_limit() {
  for (const char* size : {"8000000000000000\r", "ffffffffffffffff\r"}) {
    Decoding decoding;
    decoding.limits.body_bytes_max = UINT64_MAX;
    decoding.feed(size);
    EXPECT(decoding.outcome == 413, "%s", size);
  }
  Decoding decoding;
  decoding.limits.body_bytes_max = UINT64_MAX;
  decoding.feed("7fffffffffffffff\r\nabc");
  EXPECT(decoding.outcome == 0 && decoding.body == "abc", "CHK-1");
}

void refuses_trailers_as_early_as_known() {
  Decoding decoding;
  decoding.limits.trailer_bytes_max = 8;
  decoding.feed("0\r\nX: y\r\n\r");
  EXPECT(decoding.outcome == 0, "CHK-3: LF may still make it complete");
  decoding.feed("\n");
  EXPECT(decoding.outcome == 200, "CHK-3: exactly as long as allowed");
  Decoding longer;
  longer.limits.trailer_bytes_max = 8;
  longer.feed("0\r\nX: yz\r\n\r");
  EXPECT(longer.outcome == 431, "CHK-3");
}

void moves_data_to_the_front() {
  GuardedInput memory(4096);
  const auto input = memory.place("5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\nGET");
  ChunkedState state;
  ChunkedLimits limits = CASE_LIMITS;
  const ChunkedResult result = decode_chunked(input, state, limits);
  EXPECT(result.status == ParseStatus::complete && result.decoded == 8, "in place");
  EXPECT(std::memcmp(input.data(), "abcdefgh", 8) == 0, "in place");
  EXPECT(std::memcmp(input.data() + result.consumed, "GET", 3) == 0,
         "CHK-4: the rest is untouched");
  EXPECT(result.consumed + 3 == input.size(), "CHK-4");
}

}  // namespace

int main() {
  run_cases();
  lowers_what_is_allowed_by_each_chunk();
  allows_a_body_as_long_as_the_limit();
  refuses_sizes_beyond_63_bits_without_a_limit();
  refuses_trailers_as_early_as_known();
  moves_data_to_the_front();
  return failures == 0 ? 0 : 1;
}
