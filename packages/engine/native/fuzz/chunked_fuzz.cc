// sources: http1_chunked.cc
// A chunked body decoded whole, byte by byte and in two pieces: one result.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "celeris/check.h"
#include "celeris/http1_chunked.h"

namespace {

using namespace celeris;

constexpr ChunkedLimits DEFAULTS{
    .body_bytes_max = 100u << 20, .trailer_bytes_max = 32768, .trailer_fields_max = 200};
constexpr ChunkedLimits TIGHT{
    .body_bytes_max = 9, .trailer_bytes_max = 12, .trailer_fields_max = 2};
constexpr std::size_t CUTS_MAX = 50;

struct Decoding {
  ChunkedState state;
  ChunkedLimits limits;
  ParseStatus status = ParseStatus::incomplete;
  std::uint16_t error_status = 0;
  std::size_t consumed = 0;
  std::string body;

  /// Decodes a copy of its own, so that ASan sees any access outside of it.
  void feed(std::span<const std::uint8_t> piece) {
    const std::unique_ptr<std::uint8_t[]> copy(new std::uint8_t[piece.size()]);
    if (!piece.empty()) std::memcpy(copy.get(), piece.data(), piece.size());
    const ChunkedResult result = decode_chunked({copy.get(), piece.size()}, state, limits);
    CHECK(result.decoded <= result.consumed);
    CHECK(result.consumed <= piece.size());
    if (result.status == ParseStatus::incomplete) CHECK(result.consumed == piece.size());
    // Bytes behind the body belong to the next request.
    if (result.status == ParseStatus::complete)
      CHECK(std::equal(piece.begin() + result.consumed, piece.end(), copy.get() + result.consumed));
    body.append(reinterpret_cast<const char*>(copy.get()), result.decoded);
    consumed += result.consumed;
    status = result.status;
    error_status = result.error_status;
  }
};

void check_same(const Decoding& one, const Decoding& other) {
  CHECK(one.status == other.status);
  CHECK(one.error_status == other.error_status);
  CHECK(one.consumed == other.consumed);
  CHECK(one.body == other.body);
  CHECK(one.limits.body_bytes_max == other.limits.body_bytes_max);
}

void run(std::span<const std::uint8_t> bytes, const ChunkedLimits& limits) {
  Decoding whole{.state = {}, .limits = limits};
  whole.feed(bytes);
  CHECK(whole.body.size() <= limits.body_bytes_max);
  CHECK(whole.body.size() + whole.limits.body_bytes_max <= limits.body_bytes_max);
  if (whole.status == ParseStatus::complete) {
    CHECK(whole.consumed >= 5);
    CHECK(std::memcmp(&bytes[whole.consumed - 4], "\r\n\r\n", 4) == 0);
    CHECK(whole.body.size() + whole.limits.body_bytes_max == limits.body_bytes_max);
  }

  Decoding single{.state = {}, .limits = limits};
  single.feed({});
  for (std::size_t at = 0; at < bytes.size() && single.status == ParseStatus::incomplete; ++at)
    single.feed(bytes.subspan(at, 1));
  check_same(single, whole);

  const std::size_t step = std::max<std::size_t>(1, bytes.size() / CUTS_MAX);
  for (std::size_t cut = 0; cut <= bytes.size(); cut += step) {
    Decoding halves{.state = {}, .limits = limits};
    halves.feed(bytes.first(cut));
    if (halves.status == ParseStatus::incomplete) halves.feed(bytes.subspan(cut));
    check_same(halves, whole);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  run({data, size}, DEFAULTS);
  run({data, size}, TIGHT);
  return 0;
}
