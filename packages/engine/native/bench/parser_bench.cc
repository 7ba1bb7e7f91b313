// sources: http1_parser.cc http1_request_line.cc http1_fields.cc http1_framing.cc
// Nanoseconds per parsed head: the least of many rounds, for the machine may be shared.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "celeris/http1_parser.h"

namespace {

constexpr int ROUNDS = 60;
constexpr int HEADS_PER_ROUND = 20000;

constexpr std::string_view SHORT_GET = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

constexpr std::string_view BROWSER_GET =
    "GET /api/items?page=2 HTTP/1.1\r\n"
    "Host: example.test:8080\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko\r\n"
    "Accept: text/html,application/xml;q=0.9\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: sid=0123456789abcdef012\r\n"
    "\r\n";
static_assert(BROWSER_GET.size() == 273);

/// Heads lie one behind another, as in a pipelined batch, so that no parse starts at one address.
double nanoseconds_per_head(std::string_view text) {
  constexpr int COPIES = 256;
  std::vector<std::uint8_t> bytes(text.size() * COPIES + celeris::ARENA_PADDING_BYTES);
  for (int copy = 0; copy < COPIES; ++copy)
    std::memcpy(bytes.data() + text.size() * static_cast<std::size_t>(copy), text.data(),
                text.size());
  const celeris::HeadLimits limits{
      .head_bytes_max = 32768, .fields_max = 200, .body_bytes_max = 100u << 20};
  std::vector<celeris::FieldRecord> records(celeris::FIELDS_MAX);
  double least = 1e9;
  std::uint64_t sum = 0;
  for (int round = 0; round < ROUNDS; ++round) {
    std::size_t offset = 0;
    std::size_t record = 0;
    const auto start = std::chrono::steady_clock::now();
    for (int index = 0; index < HEADS_PER_ROUND; ++index) {
      celeris::Head head;
      const celeris::ParseStatus status = celeris::parse_head(
          {bytes.data() + offset, text.size() * COPIES - offset},
          static_cast<std::uint32_t>(offset), limits, std::span(records).subspan(record), head);
      if (status != celeris::ParseStatus::complete) return -1;
      sum += head.fields_count + head.path_offset + head.flags;
      offset += head.consumed;
      record += head.fields_count;
      if (offset == text.size() * COPIES) offset = record = 0;
    }
    const std::chrono::duration<double, std::nano> elapsed =
        std::chrono::steady_clock::now() - start;
    least = std::min(least, elapsed.count() / HEADS_PER_ROUND);
  }
  return sum == 0 ? -1 : least;
}

}  // namespace

int main() {
  std::printf("GET, 1 field, %zu bytes: %.1f ns\n", SHORT_GET.size(),
              nanoseconds_per_head(SHORT_GET));
  std::printf("GET, 7 fields, %zu bytes: %.1f ns\n", BROWSER_GET.size(),
              nanoseconds_per_head(BROWSER_GET));
}
