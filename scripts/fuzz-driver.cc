// Stands in for libFuzzer where clang is missing: replays every file of the folders given, then
// feeds random mutations of them for -max_total_time seconds. Other options are ignored.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;
constexpr std::size_t INPUT_BYTES_MAX = 1 << 16;

// Kept where a debugger or a core dump finds it when an input fails.
Input current;

void try_input(const Input& input) {
  current = input;
  LLVMFuzzerTestOneInput(current.data(), current.size());
}

Input mutate(const std::vector<Input>& corpus, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return bound == 0 ? 0 : random() % bound; };
  Input input = corpus[below(corpus.size())];
  for (std::size_t changes = 1 + below(8); changes > 0; --changes) {
    const auto at = input.begin() + static_cast<std::ptrdiff_t>(below(input.size() + 1));
    switch (below(5)) {
      case 0:  // another byte
        if (at != input.end()) *at = static_cast<std::uint8_t>(random());
        break;
      case 1:  // one bit
        if (at != input.end()) *at ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 2:  // a byte more
        input.insert(at, static_cast<std::uint8_t>(random()));
        break;
      case 3:  // cut
        input.erase(at, at + static_cast<std::ptrdiff_t>(below(input.end() - at + 1)));
        break;
      default: {  // a piece of another input
        const Input& other = corpus[below(corpus.size())];
        const auto from = static_cast<std::ptrdiff_t>(below(other.size() + 1));
        const auto length = static_cast<std::ptrdiff_t>(below(other.size() - from + 1));
        input.insert(at, other.begin() + from, other.begin() + from + length);
      }
    }
  }
  if (input.size() > INPUT_BYTES_MAX) input.resize(INPUT_BYTES_MAX);
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Input> corpus{{}};
  std::chrono::seconds budget{0};
  for (int index = 1; index < argc; ++index) {
    const std::string argument = argv[index];
    const std::string option = "-max_total_time=";
    if (argument.starts_with(option)) {
      budget = std::chrono::seconds{std::atoi(argument.c_str() + option.size())};
    } else if (!argument.starts_with("-")) {
      for (const auto& file : std::filesystem::directory_iterator(argument)) {
        std::ifstream stream(file.path(), std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(stream),
                            std::istreambuf_iterator<char>());
      }
    }
  }
  for (const Input& input : corpus) try_input(input);

  const auto seed = std::random_device{}();
  std::fprintf(stderr, "seed %u\n", seed);
  std::mt19937_64 random(seed);
  std::uint64_t runs = 0;
  const auto end = std::chrono::steady_clock::now() + budget;
  while (std::chrono::steady_clock::now() < end) {
    for (int round = 0; round < 256; ++round, ++runs) try_input(mutate(corpus, random));
  }
  std::fprintf(stderr, "Done %llu runs without coverage\n", static_cast<unsigned long long>(runs));
  return 0;
}
