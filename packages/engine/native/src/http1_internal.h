// What the parts of the HTTP/1 parser share: byte classes, 16-byte scans, results between phases.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "celeris/check.h"
#include "celeris/http1_parser.h"
#include "celeris/name_hash.h"

namespace celeris::http1 {

/// Status codes the parser decides on (http1.md "Engine errors").
inline constexpr std::uint16_t BAD_REQUEST = 400;
inline constexpr std::uint16_t CONTENT_TOO_LARGE = 413;
inline constexpr std::uint16_t URI_TOO_LONG = 414;
inline constexpr std::uint16_t EXPECTATION_FAILED = 417;
inline constexpr std::uint16_t MISDIRECTED_REQUEST = 421;
inline constexpr std::uint16_t HEADER_FIELDS_TOO_LARGE = 431;
inline constexpr std::uint16_t NOT_IMPLEMENTED = 501;
inline constexpr std::uint16_t HTTP_VERSION_NOT_SUPPORTED = 505;

/// Byte classes; several bits may be set for one byte.
inline constexpr std::uint8_t CLASS_TOKEN = 1;     ///< tchar (RFC 9110 §5.6.2)
inline constexpr std::uint8_t CLASS_TARGET = 2;    ///< allowed in a target (TGT-1)
inline constexpr std::uint8_t CLASS_VALUE = 4;     ///< allowed inside a field value (FLD-2)
inline constexpr std::uint8_t CLASS_REG_NAME = 8;  ///< unreserved or sub-delims (RFC 3986 §3.2.2)
inline constexpr std::uint8_t CLASS_HEX = 16;

constexpr bool is_digit(std::uint8_t byte) { return byte >= '0' && byte <= '9'; }
constexpr bool is_letter(std::uint8_t byte) { return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'; }
constexpr bool is_blank(std::uint8_t byte) { return byte == ' ' || byte == '\t'; }

constexpr bool is_one_of(std::uint8_t byte, const char* set) {
  for (; *set != 0; ++set)
    if (static_cast<std::uint8_t>(*set) == byte) return true;
  return false;
}

constexpr std::array<std::uint8_t, 256> byte_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<std::uint8_t>(byte);
    const bool alphanumeric = is_letter(c) || is_digit(c);
    if (alphanumeric || is_one_of(c, "!#$%&'*+-.^_`|~")) classes[c] |= CLASS_TOKEN;
    if (c > 0x20 && c < 0x7f && c != '#') classes[c] |= CLASS_TARGET;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) classes[c] |= CLASS_VALUE;
    if (alphanumeric || is_one_of(c, "-._~!$&'()*+,;=")) classes[c] |= CLASS_REG_NAME;
    if (is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')) classes[c] |= CLASS_HEX;
  }
  return classes;
}

inline constexpr std::array<std::uint8_t, 256> BYTE_CLASSES = byte_classes();

inline bool is_token(std::uint8_t byte) { return (BYTE_CLASSES[byte] & CLASS_TOKEN) != 0; }

/// Whether the bytes of a word are those of a lower-case literal, ASCII case ignored.
template <typename Word>
inline bool word_equals_ignoring_case(const std::uint8_t* bytes, const char* lower) {
  Word word;
  Word expected;
  std::memcpy(&word, bytes, sizeof word);
  std::memcpy(&expected, lower, sizeof expected);
  // Of the bytes in our literals only letters have bit 0x40, and only letters fold.
  const Word letters = expected & (static_cast<Word>(~Word{0}) / 0xff * 0x40);
  return (word | letters >> 1) == expected;
}

/// Compares with a lower-case literal of 4 to 24 bytes, ASCII case ignored; only letters fold.
template <std::size_t SIZE>
inline bool equals_ignoring_case(const std::uint8_t* bytes, std::size_t length,
                                 const char (&lower)[SIZE]) {
  constexpr std::size_t LENGTH = SIZE - 1;
  static_assert(LENGTH >= 4 && LENGTH <= 24);
  using Word = std::conditional_t<(LENGTH >= 8), std::uint64_t, std::uint32_t>;
  if (length != LENGTH) return false;
  // Words overlap, so that the last one ends with the literal.
  constexpr std::size_t LAST = LENGTH - sizeof(Word);
  bool equal = word_equals_ignoring_case<Word>(bytes, lower);
  if constexpr (LENGTH > 2 * sizeof(Word))
    equal = equal && word_equals_ignoring_case<Word>(bytes + sizeof(Word), lower + sizeof(Word));
  if constexpr (LAST > 0)
    equal = equal && word_equals_ignoring_case<Word>(bytes + LAST, lower + LAST);
  return equal;
}

// ---- 16 bytes at a time -------------------------------------------------------------------------
// A mask has MASK_BITS bits per byte, lowest byte first. Loads may start at any byte of the input
// and overrun it into the padding; a hit at or behind the end means "not found".

using Mask = std::uint64_t;
inline constexpr std::uint32_t BLOCK_BYTES = 16;

#if defined(__SSE2__)

inline constexpr unsigned MASK_BITS = 1;
using Block = __m128i;

inline Block load_block(const std::uint8_t* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}
inline Block any(Block a, Block b) { return _mm_or_si128(a, b); }
inline Block both(Block a, Block b) { return _mm_and_si128(a, b); }
inline Block without(Block a, Block b) { return _mm_andnot_si128(b, a); }
inline Block equal(Block a, char byte) { return _mm_cmpeq_epi8(a, _mm_set1_epi8(byte)); }
inline Block with_bit(Block a, std::uint8_t bit) {
  return _mm_or_si128(a, _mm_set1_epi8(static_cast<char>(bit)));
}
/// first <= byte <= first + span
inline Block in_range(Block a, std::uint8_t first, std::uint8_t span) {
  const Block moved = _mm_sub_epi8(a, _mm_set1_epi8(static_cast<char>(first)));
  return _mm_cmpeq_epi8(_mm_min_epu8(moved, _mm_set1_epi8(static_cast<char>(span))), moved);
}
inline Mask mask_of(Block a) { return static_cast<std::uint32_t>(_mm_movemask_epi8(a)); }
inline Mask mask_of_not(Block a) { return mask_of(a) ^ 0xffffu; }

#elif defined(__ARM_NEON) && defined(__aarch64__)

inline constexpr unsigned MASK_BITS = 4;
using Block = uint8x16_t;

inline Block load_block(const std::uint8_t* bytes) { return vld1q_u8(bytes); }
inline Block any(Block a, Block b) { return vorrq_u8(a, b); }
inline Block both(Block a, Block b) { return vandq_u8(a, b); }
inline Block without(Block a, Block b) { return vbicq_u8(a, b); }
inline Block equal(Block a, char byte) {
  return vceqq_u8(a, vdupq_n_u8(static_cast<std::uint8_t>(byte)));
}
inline Block with_bit(Block a, std::uint8_t bit) { return vorrq_u8(a, vdupq_n_u8(bit)); }
inline Block in_range(Block a, std::uint8_t first, std::uint8_t span) {
  return vcleq_u8(vsubq_u8(a, vdupq_n_u8(first)), vdupq_n_u8(span));
}
inline Mask mask_of(Block a) {
  return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(a), 4)), 0);
}
inline Mask mask_of_not(Block a) { return ~mask_of(a); }

#else

inline constexpr unsigned MASK_BITS = 1;
struct Block {
  std::uint8_t bytes[BLOCK_BYTES];
};

template <typename Operation>
inline Block each(Operation operation) {
  Block result;
  for (unsigned index = 0; index < BLOCK_BYTES; ++index)
    result.bytes[index] = static_cast<std::uint8_t>(operation(index));
  return result;
}
inline Block load_block(const std::uint8_t* bytes) {
  Block result;
  std::memcpy(result.bytes, bytes, BLOCK_BYTES);
  return result;
}
inline Block any(Block a, Block b) {
  return each([&](unsigned i) { return a.bytes[i] | b.bytes[i]; });
}
inline Block both(Block a, Block b) {
  return each([&](unsigned i) { return a.bytes[i] & b.bytes[i]; });
}
inline Block without(Block a, Block b) {
  return each([&](unsigned i) { return a.bytes[i] & ~b.bytes[i]; });
}
inline Block equal(Block a, char byte) {
  return each([&](unsigned i) { return a.bytes[i] == static_cast<std::uint8_t>(byte) ? 0xff : 0; });
}
inline Block with_bit(Block a, std::uint8_t bit) {
  return each([&](unsigned i) { return a.bytes[i] | bit; });
}
inline Block in_range(Block a, std::uint8_t first, std::uint8_t span) {
  return each(
      [&](unsigned i) { return static_cast<std::uint8_t>(a.bytes[i] - first) <= span ? 0xff : 0; });
}
inline Mask mask_of(Block a) {
  Mask mask = 0;
  for (unsigned index = 0; index < BLOCK_BYTES; ++index)
    mask |= static_cast<Mask>(a.bytes[index] >> 7) << index;
  return mask;
}
inline Mask mask_of_not(Block a) { return mask_of(a) ^ 0xffffu; }

#endif

inline std::uint32_t first_index(Mask mask) {
  return static_cast<std::uint32_t>(std::countr_zero(mask)) / MASK_BITS;
}
/// The bits of all bytes before `index`, which is less than BLOCK_BYTES.
inline Mask before(std::uint32_t index) { return (Mask{1} << (index * MASK_BITS)) - 1; }

inline Block is_letter_block(Block block) { return in_range(with_bit(block, 0x20), 'a', 25); }

// ---- results between phases ---------------------------------------------------------------------

/// A request line that was accepted.
struct RequestLine {
  const std::uint8_t* target;
  const std::uint8_t* target_end;
  const std::uint8_t* path;
  const std::uint8_t* path_end;
  const std::uint8_t* end;  ///< first byte behind the CRLF
  std::uint16_t flags;      ///< REQUEST_FLAG_PATH_PLAIN, REQUEST_FLAG_ABSOLUTE_FORM
  std::uint8_t method;      ///< METHOD_*
  std::uint8_t minor;       ///< as served: 0 or 1
  bool head_method;         ///< valid as soon as the method was followed by a space
};

/// What the fields that decide about framing and persistence said; judged by `check_framing`.
struct FramingFields {
  const std::uint8_t* host;
  const std::uint8_t* content_length;
  const std::uint8_t* transfer_encoding;
  std::uint32_t host_length;
  std::uint32_t content_length_length;
  std::uint32_t transfer_encoding_length;
  std::uint8_t host_lines;  ///< counts stop at 2
  std::uint8_t content_length_lines;
  std::uint8_t transfer_encoding_lines;
  bool connection_close;
  bool connection_keep_alive;
  bool connection_upgrade;
  bool upgrade;
  bool expect_continue;
  bool expect_other;
};

/// Notes a field whose hash is that of a framing field; the name's bytes are compared here.
void note_framing_field(std::int32_t hash, const std::uint8_t* name, std::uint32_t name_length,
                        const std::uint8_t* value, std::uint32_t value_length,
                        FramingFields& framing);

/// Host, framing, Expect and body limits, in this order. 0 or the status to refuse with.
std::uint16_t check_framing(const RequestLine& line, const FramingFields& framing,
                            std::uint64_t body_bytes_max, Head& head);

/// HOST-2: reg-name, IPv4 or bracketed IPv6, then optionally a port. Empty is invalid.
bool valid_host(const std::uint8_t* host, std::size_t length);

// ---- lists --------------------------------------------------------------------------------------

/// Bytes inside the head.
struct Slice {
  const std::uint8_t* data;
  std::size_t length;
};

/// Without the spaces and tabs at both ends (OWS).
inline Slice trim(const std::uint8_t* first, const std::uint8_t* last) {
  while (first < last && is_blank(*first)) ++first;
  while (last > first && is_blank(last[-1])) --last;
  return {first, static_cast<std::size_t>(last - first)};
}

/// Calls `visit(member)` for each member of a comma separated list, empty ones included, until it
/// returns false.
template <typename Visit>
inline void each_member(Slice list, Visit visit) {
  const std::uint8_t* first = list.data;
  const std::uint8_t* const end = first + list.length;
  for (;;) {
    const void* found =
        first < end ? std::memchr(first, ',', static_cast<std::size_t>(end - first)) : nullptr;
    const auto* comma = static_cast<const std::uint8_t*>(found);
    if (!visit(trim(first, comma != nullptr ? comma : end)) || comma == nullptr) return;
    first = comma + 1;
  }
}

// ---- hashes of the framing fields ---------------------------------------------------------------

/// `name_hash` of a lower-case literal of at least four bytes, at compile time.
template <std::size_t SIZE>
consteval std::int32_t literal_hash(const char (&name)[SIZE]) {
  constexpr std::uint32_t length = SIZE - 1;
  static_assert(length >= 4);
  std::uint32_t words[2] = {0, 0};
  for (unsigned word = 0; word < 2; ++word) {
    for (unsigned index = 0; index < 4; ++index) {
      const unsigned place = std::endian::native == std::endian::little ? index : 3 - index;
      const auto byte = static_cast<std::uint8_t>(name[(word == 0 ? 0 : length - 4) + index]);
      words[word] |= static_cast<std::uint32_t>(byte | 0x20) << (8 * place);
    }
  }
  const std::uint32_t hash =
      ((words[0] ^ (length * 0x9e3779b1u)) * 0x85ebca6bu) ^ (words[1] * 0xc2b2ae35u);
  return static_cast<std::int32_t>(hash ^ (hash >> 15));
}

inline constexpr std::int32_t HASH_HOST = literal_hash("host");
inline constexpr std::int32_t HASH_CONTENT_LENGTH = literal_hash("content-length");
inline constexpr std::int32_t HASH_TRANSFER_ENCODING = literal_hash("transfer-encoding");
inline constexpr std::int32_t HASH_CONNECTION = literal_hash("connection");
inline constexpr std::int32_t HASH_EXPECT = literal_hash("expect");
inline constexpr std::int32_t HASH_UPGRADE = literal_hash("upgrade");

constexpr std::uint64_t hash_bit(std::int32_t hash) {
  return std::uint64_t{1} << (static_cast<std::uint32_t>(hash) >> 26);
}
/// Six bits of the hash are enough to pass most other names by.
inline constexpr std::uint64_t FRAMING_HASH_BITS =
    hash_bit(HASH_HOST) | hash_bit(HASH_CONTENT_LENGTH) | hash_bit(HASH_TRANSFER_ENCODING) |
    hash_bit(HASH_CONNECTION) | hash_bit(HASH_EXPECT) | hash_bit(HASH_UPGRADE);

}  // namespace celeris::http1
