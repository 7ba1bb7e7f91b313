// The hash of field names against values that src/name-hash.test.ts reads from here and checks too.
#include "celeris/name_hash.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "expect.h"

namespace {

using namespace celeris;

struct NameHash {
  std::string_view name;
  std::int32_t hash;
};

// clang-format off
constexpr NameHash NAME_HASHES[] = {
    {"a", -527709455},
    {"A", -527709455},
    {"Z", 1098420843},
    {"~", 1291589738},
    {"te", 355066981},
    {"TE", 355066981},
    {"Age", -2099511031},
    {"via", -172398040},
    {"Via", -172398040},
    {"DNT", -378840868},
    {"Host", 362260803},
    {"host", 362260803},
    {"HOST", 362260803},
    {"date", 1349349007},
    {"Vary", 757993556},
    {"Range", 709128048},
    {"range", 709128048},
    {"Cookie", 843775673},
    {"cookie", 843775673},
    {"Accept", -1504412296},
    {"accept", -1504412296},
    {"Origin", 227814678},
    {"Expect", -1400452802},
    {"Referer", -455567956},
    {"Upgrade", 511978788},
    {"upgrade", 511978788},
    {"if-match", -1610209520},
    {"connection", -1885418888},
    {"Connection", -1885418888},
    {"CONNECTION", -1885418888},
    {"user-agent", 1147470317},
    {"User-Agent", 1147470317},
    {"keep-alive", -1810963032},
    {"set-cookie", -525623716},
    {"content-type", -288583109},
    {"Content-Type", -288583109},
    {"x-request-id", -62215890},
    {"authorization", -1856000371},
    {"content-length", 1333009536},
    {"Content-Length", 1333009536},
    {"CONTENT-LENGTH", 1333009536},
    {"accept-encoding", -1058024574},
    {"accept-language", -367723271},
    {"x-forwarded-for", -2088280048},
    {"X-Forwarded-For", -2088280048},
    {"x-forwarded-host", 690216887},
    {"x-forwarded-proto", -1218053632},
    {"transfer-encoding", -328028427},
    {"Transfer-Encoding", -328028427},
    {"if-modified-since", -1198246737},
    {"if-none-match", -1060054677},
    {"if-unmodified-since", -623775501},
    {"proxy-authorization", 876698423},
    {"sec-websocket-key", -743466901},
    {"sec-websocket-version", 13988791},
    {"access-control-request-headers", -2139100292},
    {"strict-transport-security", -1576625493},
    {"!#$%&'*+-.^_`|~0123456789", -1807094585},
    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 1898289583},
    {"XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", -645558088},
    {"0", 858398031},
    {"-", -614136404},
    {"_", 95556149},
    {"a-very-long-name-with-content-in-the-middle", 445959043},
    {"a-very-long-name-WITH-CONTENT-in-the-middle", 445959043},
};
// clang-format on

/// Hashes a name that stands in memory of exactly its length.
std::int32_t hash_of(std::string_view name) {
  const auto exact = std::make_unique<std::uint8_t[]>(name.size());
  std::copy(name.begin(), name.end(), exact.get());
  return name_hash(exact.get(), static_cast<std::uint32_t>(name.size()));
}

void equals_the_typescript_hash() {
  for (const auto& [name, hash] : NAME_HASHES)
    EXPECT(hash_of(name) == hash, "%s: %d", std::string(name).c_str(), hash_of(name));
}

/// Every byte of a token, so that only letters fold onto each other.
void folds_ascii_case() {
  std::mt19937 random(9);
  for (int k = 0; k < 20'000; ++k) {
    std::string lower(1 + random() % 40, '\0');
    for (char& byte : lower) byte = "abcdefghijklmnopqrstuvwxyz0123456789-"[random() % 37];
    std::string upper = lower;
    for (char& byte : upper)
      byte = static_cast<char>(std::toupper(static_cast<unsigned char>(byte)));
    EXPECT(hash_of(lower) == hash_of(upper), "%s", lower.c_str());
  }
}

/// It filters well enough to be worth it: the well-known names do not collide.
void spreads_the_known_names() {
  for (const NameHash& one : NAME_HASHES) {
    for (const NameHash& other : NAME_HASHES) {
      std::string first(one.name), second(other.name);
      for (std::string* text : {&first, &second})
        for (char& byte : *text)
          byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
      if (first != second) EXPECT(one.hash != other.hash, "%s %s", first.c_str(), second.c_str());
    }
  }
}

}  // namespace

int main() {
  equals_the_typescript_hash();
  folds_ascii_case();
  spreads_the_known_names();
  return failures == 0 ? 0 : 1;
}
