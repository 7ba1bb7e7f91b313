// The engine's own answers (http1.md "Engine errors"; RFC 9110 §15).
#include "celeris/http1_error_response.h"

#include <cstring>
#include <string_view>

#include "celeris/check.h"

namespace celeris {

namespace {

struct ReasonPhrase {
  std::uint16_t status;
  const char* phrase;
};

/// The IANA HTTP Status Code Registry, unused and temporary entries left out.
constexpr ReasonPhrase REASON_PHRASES[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {510, "Not Extended"},
    {511, "Network Authentication Required"},
};

/// Appends to a buffer whose size is checked at every step.
class ErrorResponseWriter {
 public:
  explicit ErrorResponseWriter(std::span<std::uint8_t> out) : out_(out) {}

  void append(std::string_view text) { append_bytes(text.data(), text.size()); }
  void append(std::span<const std::uint8_t> bytes) { append_bytes(bytes.data(), bytes.size()); }

  void append_number(std::uint32_t number) {
    std::uint8_t digits[10];
    std::size_t first = sizeof digits;
    do {
      digits[--first] = static_cast<std::uint8_t>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    append_bytes(digits + first, sizeof digits - first);
  }

  [[nodiscard]] std::uint32_t length() const { return static_cast<std::uint32_t>(length_); }

 private:
  void append_bytes(const void* bytes, std::size_t count) {
    CHECK(count <= out_.size() - length_);
    if (count != 0) std::memcpy(out_.data() + length_, bytes, count);
    length_ += count;
  }

  std::span<std::uint8_t> out_;
  std::size_t length_ = 0;
};

}  // namespace

const char* reason_phrase(std::uint16_t status) {
  for (const ReasonPhrase& reason : REASON_PHRASES) {
    if (reason.status == status) return reason.phrase;
  }
  return "";
}

std::uint32_t write_error_response(std::uint16_t status, bool head_method,
                                   std::span<const std::uint8_t, 29> date,
                                   std::span<std::uint8_t> out) {
  DCHECK(status >= 100 && status <= 599);
  const std::string_view reason = reason_phrase(status);
  ErrorResponseWriter writer(out);
  writer.append("HTTP/1.1 ");
  writer.append_number(status);
  writer.append(" ");
  writer.append(reason);
  writer.append("\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ");
  writer.append_number(static_cast<std::uint32_t>(reason.size()));
  writer.append("\r\ndate: ");
  writer.append(date);
  writer.append("\r\nconnection: close\r\n\r\n");
  if (!head_method) writer.append(reason);
  return writer.length();
}

}  // namespace celeris
