// Counts native allocations of the calling thread. Preloaded into the process of an in-process
// measurement, it sees those of Node, V8 and operator new too. glibc only: it calls what malloc is
// there.
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* block, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);

// Reading it must not allocate, so no lazily made storage.
static __thread uint64_t allocated __attribute__((tls_model("initial-exec")));

uint64_t celeris_bench_allocations(void) { return allocated; }

void* malloc(size_t bytes) {
  allocated++;
  return __libc_malloc(bytes);
}

void* calloc(size_t count, size_t bytes) {
  allocated++;
  return __libc_calloc(count, bytes);
}

void* realloc(void* block, size_t bytes) {
  allocated++;
  return __libc_realloc(block, bytes);
}

void* memalign(size_t alignment, size_t bytes) {
  allocated++;
  return __libc_memalign(alignment, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void** block, size_t alignment, size_t bytes) {
  void* found = memalign(alignment, bytes);
  if (!found) return ENOMEM;
  *block = found;
  return 0;
}
