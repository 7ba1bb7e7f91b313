// What the kernel accounts to a process. Total time comes from schedstat (nanoseconds, exact once
// the threads sleep); the split into user and system comes from stat, in clock ticks, and is only
// meaningful summed over many slices.
#include "generator.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t clock_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
uint64_t own_cpu_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

static void add_schedstat(const char* path, Accounting* sum) {
  FILE* file = fopen(path, "r");
  if (!file) return;  // the thread ended between readdir and here
  unsigned long long cpu, wait;
  if (fscanf(file, "%llu %llu", &cpu, &wait) == 2) sum->cpu_ns += cpu, sum->wait_ns += wait;
  fclose(file);
}

static void add_stat(const char* path, Accounting* sum) {
  FILE* file = fopen(path, "r");
  if (!file) return;
  char line[1024];
  if (fgets(line, sizeof line, file)) {
    // The name in parentheses may hold anything; the fixed fields start behind its last ')'.
    const char* fields = strrchr(line, ')');
    unsigned long long user, system;
    if (fields && sscanf(fields + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                         &system) == 2)
      sum->user_ticks += user, sum->system_ticks += system;
  }
  fclose(file);
}

Accounting read_accounting(const Server* server) {
  Accounting sum = {0};
  char path[128];
  snprintf(path, sizeof path, "/proc/%d/task", server->pid);
  DIR* tasks = opendir(path);
  if (!tasks) fail(server->name, "its process %d is gone", server->pid);
  for (struct dirent* task; (task = readdir(tasks));) {
    if (task->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", server->pid, task->d_name);
    add_schedstat(path, &sum);
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", server->pid, task->d_name);
    add_stat(path, &sum);
  }
  closedir(tasks);
  return sum;
}
