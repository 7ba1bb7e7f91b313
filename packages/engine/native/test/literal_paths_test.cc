// The table of literal routes against std::unordered_map: random paths, near misses, collisions.
#include "celeris/literal_paths.h"

#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "expect.h"

namespace {

using namespace celeris;

constexpr std::size_t LENGTH_MAX = 200;

/// The table and its model. Lookups read from memory of exactly the path's length.
struct Routes {
  LiteralPaths table;
  std::unordered_map<std::string, std::int32_t> model;

  bool add(const std::string& path) {
    const auto id = static_cast<std::int32_t>(model.size() + 1);
    if (!model.emplace(path, id).second) return false;
    table.add(path, id);
    return true;
  }
  std::int32_t found(const std::string& path) const {
    const auto exact = std::make_unique<std::uint8_t[]>(path.size());
    std::copy(path.begin(), path.end(), exact.get());
    return table.find(exact.get(), static_cast<std::uint32_t>(path.size()));
  }
  void check(const std::string& path) const {
    const auto entry = model.find(path);
    const std::int32_t expected = entry == model.end() ? 0 : entry->second;
    EXPECT(found(path) == expected, "%zu bytes %.80s: %d, not %d", path.size(), path.c_str(),
           found(path), expected);
  }
  /// The path, what is one byte shorter, longer or different anywhere, and other cases.
  void check_around(const std::string& path, std::mt19937& random) const {
    check(path);
    check(path.substr(0, path.size() - 1));
    check(path + "/");
    check(path + '\0');
    for (int k = 0; k < 4; ++k) {
      std::string changed = path;
      changed[random() % changed.size()] ^= static_cast<char>(1 << random() % 7);
      check(changed);
    }
  }
};

std::string random_path(std::mt19937& random, std::size_t length) {
  constexpr char BYTES[] = "abcdeXYZ019-._~%/";
  std::string path = "/";
  while (path.size() < length) path += BYTES[random() % (sizeof BYTES - 1)];
  return path;
}

void an_empty_table_finds_nothing() {
  Routes unsealed;
  unsealed.check("/");
  Routes sealed;
  sealed.table.seal();
  sealed.check("/");
  sealed.check("");
}

void finds_every_length() {
  std::mt19937 random(3);
  Routes routes;
  std::vector<std::string> paths;
  for (std::size_t length = 1; length <= LENGTH_MAX; ++length) {
    paths.push_back(random_path(random, length));
    EXPECT(routes.add(paths.back()), "%zu", length);
  }
  routes.table.seal();
  for (const std::string& path : paths) routes.check_around(path, random);
}

void finds_thousands_of_random_paths() {
  std::mt19937 random(4);
  Routes routes;
  std::vector<std::string> paths;
  while (paths.size() < 8000) {
    const std::string path = random_path(random, 1 + random() % (random() % 4 == 0 ? 200 : 24));
    if (routes.add(path)) paths.push_back(path);
  }
  routes.table.seal();
  for (const std::string& path : paths) routes.check_around(path, random);
  for (int k = 0; k < 20'000; ++k) routes.check(random_path(random, 1 + random() % LENGTH_MAX));
}

/// Routes that are prefixes of each other, down to `/`.
void prefixes_are_not_matches() {
  std::mt19937 random(5);
  Routes routes;
  const std::string whole = random_path(random, LENGTH_MAX);
  for (std::size_t length = 1; length <= LENGTH_MAX; length += 3)
    routes.add(whole.substr(0, length));
  routes.table.seal();
  for (std::size_t length = 0; length <= LENGTH_MAX; ++length)
    routes.check(whole.substr(0, length));
}

/// The same length, first and last eight bytes: one hash for all. The bytes decide.
void collisions_are_told_apart() {
  std::mt19937 random(6);
  Routes routes;
  std::vector<std::string> paths;
  while (paths.size() < 1000) {
    std::string path = "/api/v1/" + random_path(random, 9) + "/settings";
    if (routes.add(path)) paths.push_back(std::move(path));
  }
  routes.table.seal();
  for (const std::string& path : paths) routes.check(path);
  for (int k = 0; k < 1000; ++k) routes.check("/api/v1/" + random_path(random, 9) + "/settings");
}

void bytes_above_ascii_are_bytes() {
  Routes routes;
  routes.add("/caf\xc3\xa9");
  routes.add("/caf\xc3\xa8");
  routes.table.seal();
  for (const char* path : {"/caf\xc3\xa9", "/caf\xc3\xa8", "/caf\xc3", "/cafe", "/caf%C3%A9"})
    routes.check(path);
}

}  // namespace

int main() {
  an_empty_table_finds_nothing();
  finds_every_length();
  finds_thousands_of_random_paths();
  prefixes_are_not_matches();
  collisions_are_told_apart();
  bytes_above_ascii_are_bytes();
  return failures == 0 ? 0 : 1;
}
