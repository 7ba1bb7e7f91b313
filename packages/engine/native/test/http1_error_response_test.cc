// sources: http1_error_response.cc
#include "celeris/http1_error_response.h"

#include <cstring>
#include <string>
#include <string_view>

#include "expect.h"

namespace {

using namespace celeris;

constexpr std::string_view DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::size_t OUT_BYTES = 320;

std::string write(std::uint16_t status, bool head_method) {
  std::uint8_t date[29];
  std::memcpy(date, DATE.data(), sizeof date);
  // On the heap, so that ASan sees a byte too many.
  std::string out(OUT_BYTES, '\xff');
  const std::uint32_t length = write_error_response(
      status, head_method, date, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  return out.substr(0, length);
}

void writes_a_complete_answer() {
  const std::string_view expected =
      "HTTP/1.1 431 Request Header Fields Too Large\r\n"
      "content-type: text/plain; charset=utf-8\r\n"
      "content-length: 31\r\n"
      "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
      "connection: close\r\n"
      "\r\n"
      "Request Header Fields Too Large";
  EXPECT(write(431, false) == expected, "%s", write(431, false).c_str());
}

void omits_the_body_for_head_but_not_its_length() {
  const std::string answer = write(400, true);
  EXPECT(answer.ends_with("\r\n\r\n"), "RES-4");
  EXPECT(answer.find("\r\ncontent-length: 11\r\n") != std::string::npos, "RES-4");
}

void leaves_the_phrase_of_unknown_codes_empty() {
  const std::string answer = write(499, false);
  EXPECT(answer.starts_with("HTTP/1.1 499 \r\n"), "RES-1");
  EXPECT(answer.find("\r\ncontent-length: 0\r\n") != std::string::npos, "RES-1");
  EXPECT(answer.ends_with("\r\n\r\n"), "RES-1");
}

void fits_its_buffer_for_every_status() {
  for (std::uint16_t status = 100; status < 600; ++status) {
    const std::string answer = write(status, false);
    EXPECT(answer.size() < OUT_BYTES, "%u", status);
    EXPECT(answer.ends_with(reason_phrase(status)), "%u", status);
    for (const char* phrase = reason_phrase(status); *phrase != 0; ++phrase)
      EXPECT(*phrase >= 0x20 && *phrase <= 0x7e, "%u", status);
  }
}

void knows_every_status_the_engine_answers_with() {
  for (const std::uint16_t status : {400, 408, 413, 414, 417, 421, 431, 501, 503, 505})
    EXPECT(*reason_phrase(status) != 0, "%u", status);
  EXPECT(std::string_view(reason_phrase(413)) == "Content Too Large", "RFC 9110 §15.5.14");
  EXPECT(*reason_phrase(418) == 0, "RFC 9110 §15.5.19: unused");
}

}  // namespace

int main() {
  writes_a_complete_answer();
  omits_the_body_for_head_but_not_its_length();
  leaves_the_phrase_of_unknown_codes_empty();
  fits_its_buffer_for_every_status();
  knows_every_status_the_engine_answers_with();
  return failures == 0 ? 0 : 1;
}
