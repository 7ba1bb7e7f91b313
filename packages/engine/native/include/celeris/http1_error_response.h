// Fixed answers of the engine itself (http1.md "Engine errors").
#pragma once
#include <cstdint>
#include <span>

namespace celeris {

/// Reason phrase of RFC 9110 §15 and the IANA table; empty for unknown codes.
const char* reason_phrase(std::uint16_t status);

/// Writes a complete error answer: text/plain, the reason as body (none for HEAD, but its length),
/// date, close. `date` is the 29 bytes of an IMF-fixdate. `out` holds at least 320 bytes. Returns
/// the bytes written.
std::uint32_t write_error_response(std::uint16_t status, bool head_method,
                                   std::span<const std::uint8_t, 29> date,
                                   std::span<std::uint8_t> out);

}  // namespace celeris
