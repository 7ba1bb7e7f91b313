// One slice: drive one server, closed loop, until the goal is reached and the last answer is in.
#include "generator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

static struct epoll_event events[CONNECTIONS_MAX];

static void sleep_until(uint64_t at_ns) {
  struct timespec at = {.tv_sec = (time_t)(at_ns / 1000000000ull),
                        .tv_nsec = (long)(at_ns % 1000000000ull)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) {
  }
}

typedef struct {
  uint64_t end_ns, issued, requests;
  Goal goal;
} Progress;

static bool wants_more(const Progress* progress, uint64_t now) {
  return progress->goal.requests ? progress->issued < progress->goal.requests
                                 : now < progress->end_ns;
}

static void issue(Server* server, Connection* connection, int depth, Progress* progress) {
  progress->issued += (uint64_t)depth;
  send_batch(server, connection, depth);
}

// Books the answers of a connection whose batch is complete and sends its next batch. Returns false
// when it rests.
static bool next_batch(Server* server, Connection* connection, int depth, Progress* progress) {
  uint64_t now = now_ns();
  latency_add(now - connection->sent_at_ns);
  progress->requests += (uint64_t)depth;
  if (progress->goal.gap_ns) {
    sleep_until(connection->sent_at_ns + progress->goal.gap_ns);
    now = now_ns();
  }
  if (!wants_more(progress, now)) return false;
  issue(server, connection, depth, progress);
  return true;
}

Slice run_slice(Server* server, int depth, Goal goal) {
  latency_reset();
  Accounting before = read_accounting(server);
  uint64_t own_before = own_cpu_ns(), begin = now_ns();
  Progress progress = {.end_ns = begin + goal.duration_ns, .goal = goal};
  int busy = 0;
  for (int i = 0; i < server->connection_count && wants_more(&progress, begin); i++, busy++)
    issue(server, &server->connections[i], depth, &progress);
  while (busy > 0) {
    int ready = epoll_wait(server->epoll_fd, events, CONNECTIONS_MAX, STALL_MS);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) fail(server->name, "epoll_wait: %s", strerror(errno));
    if (ready == 0)
      fail(server->name, "no answer for %d s on %d connections", STALL_MS / 1000, busy);
    for (int i = 0; i < ready; i++) {
      Connection* connection = &server->connections[events[i].data.u32];
      if (receive_answers(server, connection) == 0 || connection->answers_due > 0) continue;
      if (!next_batch(server, connection, depth, &progress)) busy--;
    }
  }
  uint64_t finished = now_ns(), own_after = own_cpu_ns();
  Accounting after = read_accounting(server);
  latency_sort();
  return (Slice){
      .requests = progress.requests,
      .wall_ns = finished - begin,
      .generator_cpu_ns = own_after - own_before,
      .used = {after.cpu_ns - before.cpu_ns, after.wait_ns - before.wait_ns,
               after.user_ticks - before.user_ticks, after.system_ticks - before.system_ticks},
      .p50_us = latency_quantile_us(0.5),
      .p90_us = latency_quantile_us(0.9),
      .p99_us = latency_quantile_us(0.99),
      .p999_us = latency_quantile_us(0.999),
  };
}

void print_slice(const Server* server, int index, int cycle, const Slice* slice) {
  printf(
      "{\"type\":\"slice\",\"cycle\":%d,\"index\":%d,\"server\":\"%s\",\"requests\":%llu,"
      "\"wallNs\":%llu,"
      "\"cpuNs\":%llu,\"waitNs\":%llu,\"userTicks\":%llu,\"systemTicks\":%llu,\"generatorCpuNs\":%"
      "llu,"
      "\"p50Us\":%.2f,\"p90Us\":%.2f,\"p99Us\":%.2f,\"p999Us\":%.2f}\n",
      cycle, index, server->name, (unsigned long long)slice->requests,
      (unsigned long long)slice->wall_ns, (unsigned long long)slice->used.cpu_ns,
      (unsigned long long)slice->used.wait_ns, (unsigned long long)slice->used.user_ticks,
      (unsigned long long)slice->used.system_ticks, (unsigned long long)slice->generator_cpu_ns,
      slice->p50_us, slice->p90_us, slice->p99_us, slice->p999_us);
}
