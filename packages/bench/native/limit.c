// The limit: the least an HTTP/1.1 server on epoll can do. No router, no parser: the end of a
// request is its CRLFCRLF, the answer is fixed, all requests of one recv are answered with one
// send. Edge-triggered, one thread.
//
//   limit CONTENT_TYPE BODY     prints {"port":…,"pid":…} when it listens on 127.0.0.1
//
// It is a yardstick on loopback, not a server: requests have no body, and an answer must fit into
// the socket's buffer.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 1024, INPUT_BYTES = 65536, ANSWERS_MAX = 1024, DESCRIPTORS_MAX = 65536 };

static char input[INPUT_BYTES];
static char* answers;  // the answer, ANSWERS_MAX times in a row
static size_t answer_bytes;
static uint8_t
    matched[DESCRIPTORS_MAX];  // per connection: how much of CRLFCRLF its last input ended with

static _Noreturn void die(const char* what) {
  fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void make_answers(const char* type, const char* body) {
  char date[64];
  time_t now = time(NULL);
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
  char* one;
  int bytes = asprintf(
      &one, "HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %zu\r\ndate: %s\r\n\r\n%s",
      type, strlen(body), date, body);
  if (bytes < 0 || !(answers = malloc((size_t)bytes * ANSWERS_MAX))) die("answers");
  answer_bytes = (size_t)bytes;
  for (size_t i = 0; i < ANSWERS_MAX; i++) memcpy(answers + i * answer_bytes, one, answer_bytes);
  free(one);
}

// One step of matching CRLFCRLF: the state counts the bytes of it seen so far.
static inline int step(int state, char c) {
  if (c == '\n') return state == 1 ? 2 : state == 3 ? 4 : 0;
  if (c == '\r') return state == 2 ? 3 : 1;
  return 0;
}

typedef char Bytes __attribute__((vector_size(16)));
typedef uint64_t Words __attribute__((vector_size(16)));

static inline Bytes load(const char* at) {
  Bytes bytes;
  memcpy(&bytes, at, sizeof bytes);
  return bytes;
}

// Counts CRLFCRLF between `at` and `end`, 16 positions at a time: a limit must not lose time to
// memmem.
static size_t count_ends(const char* at, const char* end) {
  size_t count = 0;
  for (; end - at >= 19; at += 16) {
    Bytes found = (load(at) == '\r') & (load(at + 1) == '\n') & (load(at + 2) == '\r') &
                  (load(at + 3) == '\n');
    Words words = (Words)found;
    if (words[0] | words[1])
      count += (size_t)(__builtin_popcountll(words[0]) + __builtin_popcountll(words[1])) / 8;
  }
  for (; end - at >= 4; at++) count += !memcmp(at, "\r\n\r\n", 4);
  return count;
}

// Counts the requests that end in the first `bytes` of the input. Only a request cut in two is
// walked byte by byte.
static size_t count_requests(int fd, size_t bytes) {
  size_t count = 0;
  const char *at = input, *end = input + bytes;
  int state = matched[fd];
  while (state && state < 4 && at < end) state = step(state, *at++);
  if (state == 4) count++, state = 0;
  count += count_ends(at, end);
  // The last three bytes may start a CRLFCRLF, unless they end one.
  bool ended = end - at >= 4 && !memcmp(end - 4, "\r\n\r\n", 4);
  for (at = end - at > 3 ? end - 3 : at; at < end && !ended; at++) state = step(state, *at);
  matched[fd] = (uint8_t)state;
  return count;
}

static void serve(int fd) {
  for (;;) {
    ssize_t got = recv(fd, input, INPUT_BYTES, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      close(fd);
      return;
    }
    for (size_t due = count_requests(fd, (size_t)got); due > 0;) {
      size_t now = due < ANSWERS_MAX ? due : ANSWERS_MAX;
      ssize_t sent = send(fd, answers, now * answer_bytes, MSG_NOSIGNAL);
      if (sent != (ssize_t)(now * answer_bytes)) {
        fprintf(stderr, "limit: an answer did not fit into the socket; the connection is closed\n");
        close(fd);
        return;
      }
      due -= now;
    }
    if (got < INPUT_BYTES) return;  // edge-triggered: a short read means drained
  }
}

static void accept_all(int listener, int epoll_fd) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    if (fd >= DESCRIPTORS_MAX) {
      close(fd);
      continue;
    }
    matched[fd] = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event)) close(fd);
  }
}

static int listen_on_loopback(uint16_t* port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t bytes = sizeof at;
  if (fd < 0 || bind(fd, (struct sockaddr*)&at, bytes) || listen(fd, 4096)) die("listen");
  if (getsockname(fd, (struct sockaddr*)&at, &bytes)) die("getsockname");
  *port = ntohs(at.sin_port);
  return fd;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: limit CONTENT_TYPE BODY\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM);  // a bench that is killed leaves no server behind
  struct rlimit limit;
  if (!getrlimit(RLIMIT_NOFILE, &limit))
    limit.rlim_cur = limit.rlim_max, setrlimit(RLIMIT_NOFILE, &limit);
  make_answers(argv[1], argv[2]);
  uint16_t port;
  int listener = listen_on_loopback(&port), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event accepting = {.events = EPOLLIN | EPOLLET, .data.fd = listener};
  if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &accepting)) die("epoll");
  printf("{\"port\":%u,\"pid\":%d}\n", port, getpid());
  fflush(stdout);
  static struct epoll_event events[EVENTS_MAX];
  for (;;) {
    int ready = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
    if (ready < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < ready; i++) {
      if (events[i].data.fd == listener)
        accept_all(listener, epoll_fd);
      else
        serve(events[i].data.fd);
    }
  }
}
