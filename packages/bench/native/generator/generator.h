// The load generator of @celeris/bench: what its parts share.
//
// One closed loop holds connections to all servers at once and drives one of them for a short
// slice, then the next, in rotating order. Both sides of a ratio are then taken within the same
// tens of milliseconds, so whatever else the machine does hits them alike. Statistics are done by
// the caller: every slice is one JSON line on stdout.
#pragma once
#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SERVERS_MAX = 16,
  CONNECTIONS_MAX = 10000,
  DEPTH_MAX = 64,
  ANSWER_BYTES_MAX = 1 << 20,
  STALL_MS = 5000,  // no answer for this long: the server hangs, and a figure would be a lie
};

typedef struct {
  int fd;
  int answers_due;      // of the batch under way; 0 when idle
  uint64_t sent_at_ns;  // when that batch left
  char* carry;  // start of an answer that came in pieces; owned, NULL for almost every connection
  size_t carry_bytes;
} Connection;

typedef struct {
  char name[64];
  int pid, port;
  int epoll_fd;
  Connection* connections;
  int connection_count;
  char* batch;  // `depth` requests, sent as one
  size_t batch_bytes;
  char* body;  // what every answer must carry
  size_t body_bytes;
  char* checked;  // the last answer that was checked field by field; its twins need one memcmp
  size_t checked_bytes;
} Server;

// What the kernel accounts to all threads of a process.
typedef struct {
  uint64_t cpu_ns;      // running, user and system (schedstat)
  uint64_t wait_ns;     // runnable, but another task had the core (schedstat)
  uint64_t user_ticks;  // of 1/sysconf(_SC_CLK_TCK) s: coarse, use the sum over many slices
  uint64_t system_ticks;
} Accounting;

typedef struct {
  uint64_t requests, wall_ns, generator_cpu_ns;
  Accounting used;
  double p50_us, p90_us, p99_us, p999_us;  // of whole batches, first byte out to last byte in
} Slice;

// When a slice ends: after a time, or after a number of requests where that is not 0.
typedef struct {
  uint64_t duration_ns, requests, gap_ns;
} Goal;

typedef enum { ANSWER_RIGHT, ANSWER_INCOMPLETE, ANSWER_WRONG } AnswerVerdict;

// answer.c: judges the answer that starts at `at`; on ANSWER_RIGHT `*used` is its length, on
// ANSWER_WRONG `*why` says what is wrong with it.
AnswerVerdict check_answer(Server* server, const char* at, size_t available, size_t* used,
                           const char** why);

// connections.c
void open_connections(Server* server, int count);
void close_connections(Server* server);
void send_batch(Server* server, Connection* connection, int depth);
// Receives what is there, checks each answer, and says how many were complete.
int receive_answers(Server* server, Connection* connection);

// accounting.c
Accounting read_accounting(const Server* server);
uint64_t now_ns(void);
uint64_t own_cpu_ns(void);

// latency.c: the latencies of one slice, kept whole because a slice has few.
void latency_reset(void);
void latency_add(uint64_t ns);
double latency_quantile_us(double q);
void latency_sort(void);

// slice.c
Slice run_slice(Server* server, int depth, Goal goal);
void print_slice(const Server* server, int index, int cycle, const Slice* slice);

// modes.c
typedef struct {
  int connections, depth, cycles, warmup, extra_cycles, ramp_ms, hold_ms;
  Goal goal;
  double disturbed_share;
} Plan;
void run_pair(Server* servers, int count, const Plan* plan);
void run_count(Server* servers, int count, const Plan* plan);
void run_hold(Server* servers, int count, const Plan* plan);
void run_ramp(Server* server, const Plan* plan);

// failure.c: one JSON line {"type":"error"} on stdout, then exit 1.
_Noreturn void fail(const char* server, const char* format, ...)
    __attribute__((format(printf, 2, 3)));
