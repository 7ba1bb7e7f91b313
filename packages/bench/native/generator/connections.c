// Connections to one server: open, send a batch, receive and check, close.
#include "generator.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char input[ANSWER_BYTES_MAX + 1];

static int connect_once(const Server* server) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0)
    fail(server->name, "socket: %s (raise `ulimit -n` for more connections)", strerror(errno));
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)server->port),
                           .sin_addr = {htonl(INADDR_LOOPBACK)}};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, (struct sockaddr*)&to, sizeof to))
    fail(server->name, "connect to port %d: %s", server->port, strerror(errno));
  if (fcntl(fd, F_SETFL, O_NONBLOCK)) fail(server->name, "fcntl: %s", strerror(errno));
  return fd;
}

void open_connections(Server* server, int count) {
  if (!server->connections) {
    server->connections = calloc(CONNECTIONS_MAX, sizeof *server->connections);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!server->connections || server->epoll_fd < 0)
      fail(server->name, "no memory or descriptor for the connections");
  }
  for (; server->connection_count < count; server->connection_count++) {
    Connection* connection = &server->connections[server->connection_count];
    connection->fd = connect_once(server);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET,
                                .data.u32 = (uint32_t)server->connection_count};
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event))
      fail(server->name, "epoll_ctl: %s", strerror(errno));
  }
}

void close_connections(Server* server) {
  for (int i = 0; i < server->connection_count; i++) {
    close(server->connections[i].fd);
    free(server->connections[i].carry);
  }
  server->connection_count = 0;
}

void send_batch(Server* server, Connection* connection, int depth) {
  connection->answers_due = depth;
  connection->sent_at_ns = now_ns();
  ssize_t sent = send(connection->fd, server->batch, server->batch_bytes, MSG_NOSIGNAL);
  if (sent < 0) fail(server->name, "send: %s", strerror(errno));
  if ((size_t)sent != server->batch_bytes)
    fail(server->name, "a batch of %zu bytes did not fit into the socket: use a smaller --depth",
         server->batch_bytes);
}

static void keep_rest(const Server* server, Connection* connection, const char* rest,
                      size_t bytes) {
  if (bytes == 0) {
    free(connection->carry);
    connection->carry = NULL;
  } else {
    char* grown = realloc(connection->carry, bytes);
    if (!grown) fail(server->name, "out of memory");
    memcpy(grown, rest, bytes);
    connection->carry = grown;
  }
  connection->carry_bytes = bytes;
}

// Checks all complete answers in the first `bytes` of the input and keeps the piece behind them.
static int take_answers(Server* server, Connection* connection, size_t bytes) {
  size_t offset = 0;
  int complete = 0;
  while (offset < bytes) {
    size_t used = 0;
    const char* why = NULL;
    AnswerVerdict verdict = check_answer(server, input + offset, bytes - offset, &used, &why);
    if (verdict == ANSWER_INCOMPLETE) break;
    if (verdict == ANSWER_WRONG) {
      input[bytes < 400 ? bytes : offset + 400 < bytes ? offset + 400 : bytes] = 0;
      fail(server->name, "wrong answer: %s. It began: %.200s", why, input + offset);
    }
    if (complete == connection->answers_due)
      fail(server->name, "more answers than requests on one connection");
    complete++;
    offset += used;
  }
  if (offset < bytes || connection->carry)
    keep_rest(server, connection, input + offset, bytes - offset);
  return complete;
}

int receive_answers(Server* server, Connection* connection) {
  int complete = 0;
  for (;;) {
    size_t carried = connection->carry_bytes, room = ANSWER_BYTES_MAX - carried;
    if (carried) memcpy(input, connection->carry, carried);
    ssize_t got = recv(connection->fd, input + carried, room, 0);
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) fail(server->name, "recv: %s", strerror(errno));
    if (got == 0) fail(server->name, "it closed a connection");
    int taken = take_answers(server, connection, carried + (size_t)got);
    complete += taken;
    connection->answers_due -= taken;
    if ((size_t)got < room) break;  // edge-triggered: a short read means drained
  }
  return complete;
}
