// Reads the command line and starts one mode.
//
//   generator pair  --connections N --depth D --slice-ms MS --cycles C --server
//   name=a,pid=1,port=2,path=/,body=FILE ... generator pair  --connections 1 --gap-us 1000 ... one
//   request per millisecond on one connection generator count --connections N --server ... then one
//   number of requests per line on stdin generator hold  --connections N --server ...        then
//   hold until stdin ends generator ramp  --connections N --ramp-ms MS --hold-ms MS --server ...
#include "generator.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static long number(const char* option, const char* text, long least, long most) {
  char* end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno || *end || end == text || value < least || value > most)
    fail(NULL, "%s must be a whole number from %ld to %ld, not \"%s\"", option, least, most, text);
  return value;
}

static void read_body(Server* server, const char* path) {
  FILE* file = fopen(path, "rb");
  if (!file) fail(server->name, "cannot read the agreed body: %s", strerror(errno));
  server->body = malloc(ANSWER_BYTES_MAX);
  if (!server->body) fail(server->name, "out of memory");
  server->body_bytes = fread(server->body, 1, ANSWER_BYTES_MAX, file);
  if (!feof(file) && fgetc(file) != EOF) fail(server->name, "the agreed body is longer than 1 MiB");
  fclose(file);
}

static void make_batch(Server* server, const char* path, int depth) {
  char request[2048];
  int bytes = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
  if (bytes < 0 || (size_t)bytes >= sizeof request)
    fail(server->name, "the path is longer than 2 000 bytes");
  server->batch_bytes = (size_t)bytes * (size_t)depth;
  server->batch = malloc(server->batch_bytes);
  if (!server->batch) fail(server->name, "out of memory");
  for (int i = 0; i < depth; i++)
    memcpy(server->batch + (size_t)i * (size_t)bytes, request, (size_t)bytes);
}

static void read_server(Server* server, char* text, int depth) {
  enum { NAME, PID, PORT, PATH, BODY };
  char* const keys[] = {
      [NAME] = "name", [PID] = "pid", [PORT] = "port", [PATH] = "path", [BODY] = "body", NULL};
  const char *path = "/", *body = NULL;
  while (*text) {
    char *value = NULL, *at = text;
    int key = getsubopt(&text, keys, &value);
    if (key < 0 || !value)
      fail(NULL, "--server takes name=,pid=,port=,path=,body=; not understood: %s", at);
    if (key == NAME) snprintf(server->name, sizeof server->name, "%s", value);
    if (key == PID) server->pid = (int)number("pid", value, 1, 1 << 30);
    if (key == PORT) server->port = (int)number("port", value, 1, 65535);
    if (key == PATH) path = value;
    if (key == BODY) body = value;
  }
  if (!server->name[0] ||
      strspn(server->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
          strlen(server->name))
    fail(NULL, "a server's name has letters, digits, '.', '_' and '-' only: \"%s\"", server->name);
  if (!server->pid || !server->port || !body)
    fail(server->name, "--server needs name=, pid=, port= and body=");
  read_body(server, body);
  make_batch(server, path, depth);
}

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // when refused, socket() says so with its own message
}

int main(int argc, char** argv) {
  static const struct option options[] = {{"connections", required_argument, NULL, 'c'},
                                          {"depth", required_argument, NULL, 'd'},
                                          {"slice-ms", required_argument, NULL, 's'},
                                          {"cycles", required_argument, NULL, 'n'},
                                          {"warmup", required_argument, NULL, 'w'},
                                          {"extra-cycles", required_argument, NULL, 'x'},
                                          {"gap-us", required_argument, NULL, 'g'},
                                          {"ramp-ms", required_argument, NULL, 'r'},
                                          {"hold-ms", required_argument, NULL, 'h'},
                                          {"server", required_argument, NULL, 'S'},
                                          {"disturbed-percent", required_argument, NULL, 'D'},
                                          {NULL, 0, NULL, 0}};
  static Server servers[SERVERS_MAX];
  char* descriptions[SERVERS_MAX];
  int count = 0;
  Plan plan = {.connections = 64,
               .depth = 1,
               .cycles = 40,
               .warmup = 2,
               .extra_cycles = 0,
               .ramp_ms = 2000,
               .hold_ms = 1000,
               .goal = {.duration_ns = 50 * 1000000ull},
               .disturbed_share = 0.25};
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (option == 'c')
      plan.connections = (int)number("--connections", optarg, 1, CONNECTIONS_MAX);
    else if (option == 'd')
      plan.depth = (int)number("--depth", optarg, 1, DEPTH_MAX);
    else if (option == 's')
      plan.goal.duration_ns = (uint64_t)number("--slice-ms", optarg, 1, 60000) * 1000000ull;
    else if (option == 'n')
      plan.cycles = (int)number("--cycles", optarg, 1, 100000);
    else if (option == 'w')
      plan.warmup = (int)number("--warmup", optarg, 0, 1000);
    else if (option == 'x')
      plan.extra_cycles = (int)number("--extra-cycles", optarg, 0, 100000);
    else if (option == 'g')
      plan.goal.gap_ns = (uint64_t)number("--gap-us", optarg, 0, 1000000) * 1000ull;
    else if (option == 'r')
      plan.ramp_ms = (int)number("--ramp-ms", optarg, 1, 600000);
    else if (option == 'h')
      plan.hold_ms = (int)number("--hold-ms", optarg, 0, 600000);
    else if (option == 'D')
      plan.disturbed_share = (double)number("--disturbed-percent", optarg, 1, 10000) / 100;
    else if (option == 'S' && count == SERVERS_MAX)
      fail(NULL, "at most %d servers at once", SERVERS_MAX);
    else if (option == 'S')
      descriptions[count++] = optarg;
    else
      fail(NULL, "an option is unknown or lacks its value");
  }
  const char* mode = optind < argc ? argv[optind] : "";
  if (count == 0) fail(NULL, "no --server given");
  if (plan.goal.gap_ns && plan.connections > 1)
    fail(NULL, "--gap-us paces one connection: use --connections 1");
  for (int i = 0; i < count; i++) read_server(&servers[i], descriptions[i], plan.depth);
  raise_descriptor_limit();
  if (!strcmp(mode, "pair"))
    run_pair(servers, count, &plan);
  else if (!strcmp(mode, "count"))
    run_count(servers, count, &plan);
  else if (!strcmp(mode, "hold"))
    run_hold(servers, count, &plan);
  else if (!strcmp(mode, "ramp") && count == 1)
    run_ramp(servers, &plan);
  else if (!strcmp(mode, "ramp"))
    fail(NULL, "ramp takes one --server");
  else
    fail(NULL, "the mode is pair, count, hold or ramp, not \"%s\"", mode);
  printf("{\"type\":\"done\"}\n");
  return 0;
}
