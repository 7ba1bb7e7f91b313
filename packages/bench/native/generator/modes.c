// The four things the generator does: pair (interleaved slices), count (a number of requests on
// demand), hold (idle connections) and ramp (a growing number of loaded connections).
#include "generator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void open_all(Server* servers, int count, int connections) {
  for (int i = 0; i < count; i++) open_connections(&servers[i], connections);
}

// A neighbour took the core: the server was ready to run, yet waited for more than the given share
// of the slice.
static bool was_disturbed(const Slice* slice, double share) {
  return (double)slice->used.wait_ns > share * (double)slice->wall_ns;
}

void run_pair(Server* servers, int count, const Plan* plan) {
  open_all(servers, count, plan->connections);
  for (int cycle = -plan->warmup; cycle < 0; cycle++)
    for (int i = 0; i < count; i++) run_slice(&servers[i], plan->depth, plan->goal);
  int cycles = plan->cycles, extra = plan->extra_cycles;
  Slice slices[SERVERS_MAX];
  for (int cycle = 0; cycle < cycles; cycle++) {
    bool disturbed = false;
    for (int i = 0; i < count; i++) {
      int index = (i + cycle) % count;
      slices[index] = run_slice(&servers[index], plan->depth, plan->goal);
      disturbed |= was_disturbed(&slices[index], plan->disturbed_share);
    }
    for (int i = 0; i < count; i++) print_slice(&servers[i], i, cycle, &slices[i]);
    printf("{\"type\":\"cycle\",\"cycle\":%d,\"disturbed\":%s}\n", cycle,
           disturbed ? "true" : "false");
    fflush(stdout);
    if (disturbed && extra > 0) cycles++, extra--;
  }
}

void run_count(Server* servers, int count, const Plan* plan) {
  open_all(servers, count, plan->connections);
  printf("{\"type\":\"ready\"}\n");
  fflush(stdout);
  unsigned long long requests;
  for (int cycle = 0; scanf("%llu", &requests) == 1; cycle++) {
    Goal goal = {.requests = requests};
    for (int i = 0; i < count; i++) {
      Slice slice = run_slice(&servers[i], plan->depth, goal);
      print_slice(&servers[i], i, cycle, &slice);
    }
    fflush(stdout);
  }
}

// Each connection makes one request before it rests: an idle keep-alive connection, as a server
// meets it.
void run_hold(Server* servers, int count, const Plan* plan) {
  open_all(servers, count, plan->connections);
  for (int i = 0; i < count; i++) {
    Goal once = {.requests = (uint64_t)plan->connections};
    run_slice(&servers[i], 1, once);
  }
  printf("{\"type\":\"ready\"}\n");
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

// Opens connections evenly over ramp_ms, each loaded from its first moment, then keeps all loaded
// for hold_ms.
void run_ramp(Server* server, const Plan* plan) {
  static struct epoll_event events[CONNECTIONS_MAX];
  Accounting before = read_accounting(server);
  uint64_t begin = now_ns(), ramp_ns = (uint64_t)plan->ramp_ms * 1000000ull, requests = 0;
  uint64_t end = begin + ramp_ns + (uint64_t)plan->hold_ms * 1000000ull;
  for (int busy = 0;;) {
    uint64_t now = now_ns();
    bool over = now >= end;
    int due = now - begin >= ramp_ns
                  ? plan->connections
                  : (int)((double)plan->connections * (double)(now - begin) / (double)ramp_ns);
    while (!over && server->connection_count < due) {
      open_connections(server, server->connection_count + 1);
      send_batch(server, &server->connections[server->connection_count - 1], plan->depth);
      busy++;
    }
    if (over && busy == 0) break;
    if (server->connection_count == 0) {
      usleep(100);
      continue;
    }
    int ready = epoll_wait(server->epoll_fd, events, CONNECTIONS_MAX, over ? STALL_MS : 10);
    if (ready < 0 && errno != EINTR) fail(server->name, "epoll_wait: %s", strerror(errno));
    if (ready == 0 && over)
      fail(server->name, "no answer for %d s on %d connections", STALL_MS / 1000, busy);
    for (int i = 0; i < ready; i++) {
      Connection* connection = &server->connections[events[i].data.u32];
      if (receive_answers(server, connection) == 0 || connection->answers_due > 0) continue;
      requests += (uint64_t)plan->depth;
      if (over)
        busy--;
      else
        send_batch(server, connection, plan->depth);
    }
  }
  Accounting after = read_accounting(server);
  printf("{\"type\":\"ramp\",\"requests\":%llu,\"wallNs\":%llu,\"cpuNs\":%llu}\n",
         (unsigned long long)requests, (unsigned long long)(now_ns() - begin),
         (unsigned long long)(after.cpu_ns - before.cpu_ns));
  fflush(stdout);
}
