// The one assertion of the test programs: it prints what failed and goes on.
#pragma once
#include <cstdio>

namespace celeris {

/// Failed expectations of this program; `main` returns 1 unless it is 0.
inline int failures = 0;

}  // namespace celeris

/// `EXPECT(condition, "format", arguments...)`
#define EXPECT(condition, ...)                                    \
  do {                                                            \
    if (!(condition)) {                                           \
      ++celeris::failures;                                        \
      std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      std::printf(__VA_ARGS__);                                   \
      std::printf("\n");                                          \
    }                                                             \
  } while (false)
