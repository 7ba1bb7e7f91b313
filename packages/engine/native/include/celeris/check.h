#pragma once
#include <cstdio>
#include <cstdlib>

/// Guards our own invariants and memory safety; nothing a peer sends may reach a failing one.
/// Always compiled in.
#define CHECK(condition)                                                                          \
  do {                                                                                            \
    if (__builtin_expect(!(condition), 0)) {                                                      \
      std::fprintf(stderr, "celeris: %s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                               \
    }                                                                                             \
  } while (false)

/// The same for inner loops: debug, sanitizer and fuzz builds only.
#ifdef CELERIS_DEBUG
#define DCHECK(condition) CHECK(condition)
#else
#define DCHECK(condition) \
  do {                    \
  } while (false)
#endif
