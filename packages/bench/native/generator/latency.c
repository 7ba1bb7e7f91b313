// Latencies of one slice. A slice of 50 ms has some ten thousand batches at most, so they are kept
// whole and sorted after the clock has stopped: exact, and no bins to choose.
#include "generator.h"

#include <stdlib.h>

static uint64_t* values;
static size_t count, capacity;

void latency_reset(void) { count = 0; }

void latency_add(uint64_t ns) {
  if (count == capacity) {
    capacity = capacity ? capacity * 2 : 1 << 16;
    values = realloc(values, capacity * sizeof *values);
    if (!values) fail(NULL, "out of memory for %zu latencies: shorten the slice", capacity);
  }
  values[count++] = ns;
}

static int ascending(const void* a, const void* b) {
  uint64_t x = *(const uint64_t*)a, y = *(const uint64_t*)b;
  return (x > y) - (x < y);
}

void latency_sort(void) { qsort(values, count, sizeof *values, ascending); }

double latency_quantile_us(double q) {
  if (count == 0) return 0;
  return (double)values[(size_t)(q * (double)(count - 1) + 0.5)] / 1e3;
}
