#include "epoll_loop.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "celeris/answers.h"
#include "celeris/closing.h"
#include "celeris/receive.h"
#include "celeris/turn.h"

namespace celeris {

namespace {

constexpr std::uint64_t LISTENER = ~std::uint64_t{0};
constexpr std::uint64_t BACKEND = ~std::uint64_t{0} - 1;
constexpr std::uint32_t BACKOFF_MIN_MS = 10, BACKOFF_MAX_MS = 1000;
constexpr std::int32_t SPIN_SCORE_MAX = 8, SPIN_SCORE_MIN = 3;
constexpr std::uint64_t SPIN_CONNECTIONS_MAX = 8;
/// Batches taken from the queue of a listener that closes: as much as the largest backlog holds.
constexpr std::uint32_t ACCEPT_ROUNDS_MAX = 65'536 / ACCEPT_BATCH_MAX;
constexpr std::uint32_t TRIM_INTERVAL_MS = 10000, WARN_INTERVAL_MS = 10000;

std::uint64_t now_ns() {
  timespec time;
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1000000000u +
         static_cast<std::uint64_t>(time.tv_nsec);
}

/// IMF-fixdate of RFC 9110 §5.6.7, made once a second.
void refresh_date(Loop& loop) {
  timespec time;
  ::clock_gettime(CLOCK_REALTIME_COARSE, &time);
  loop.epoch_ms = static_cast<std::uint64_t>(time.tv_sec) * 1000u +
                  static_cast<std::uint64_t>(time.tv_nsec) / 1000000u;
  if (time.tv_sec == loop.date_second) return;
  loop.date_second = time.tv_sec;
  static constexpr char DAYS[] = "SunMonTueWedThuFriSat",
                        MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  tm parts;
  ::gmtime_r(&time.tv_sec, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                DAYS + 3 * parts.tm_wday, parts.tm_mday, MONTHS + 3 * parts.tm_mon,
                parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  std::memcpy(loop.date, text, sizeof loop.date);
}

/// Makes the wait hold the listener, or not, as the reasons to pause say. False: it cannot, errno
/// tells.
bool watch_listener(LoopIo& io) {
  const bool wanted = io.accept_pause == 0 && io.listener.fd.valid();
  if (wanted == io.listener_watched || !io.listener.fd.valid()) return true;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = LISTENER;
  if (::epoll_ctl(io.epoll.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, io.listener.fd.get(),
                  &event) != 0)
    return false;
  io.listener_watched = wanted;
  return true;
}

void warn_once(Loop& loop, const char* message) {
  LoopIo& io = *loop.io;
  if (io.warned && loop.now_ms - io.warned_ms < WARN_INTERVAL_MS) return;
  io.warned = true;
  io.warned_ms = loop.now_ms;
  if (io.warn != nullptr) io.warn(io.owner, message);
}

/// Stops asking for a while, longer each time.
void retry_later(Loop& loop) {
  LoopIo& io = *loop.io;
  loop.count(COUNTER_ACCEPT_BACKOFFS);
  if (io.accept_backoff_ms == 0) io.accept_failing_since_ms = loop.now_ms;
  io.accept_backoff_ms = std::clamp(io.accept_backoff_ms * 2, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
  io.accept_retry_ms = loop.now_ms + io.accept_backoff_ms;
  pause_accept(io, PAUSED_BY_DESCRIPTORS);
}

/// Out of descriptors or memory: stop asking, try again later or when we close a connection.
void back_off(Loop& loop) {
  LoopIo& io = *loop.io;
  retry_later(loop);
  warn_once(loop,
            "out of file descriptors: new connections wait; raise the limit (ulimit -n) or lower "
            "maxConnections");
  if (!io.reserve.valid()) io.reserve.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  // Nothing succeeded for a second: let the head of the queue fail fast instead of hanging.
  if (io.reserve.valid() && loop.now_ms - io.accept_failing_since_ms >= 1000) {
    io.reserve.reset();
    UniqueFd turned_away(
        ::accept4(io.listener.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (turned_away.valid()) loop.count(COUNTER_REJECTED);
    turned_away.reset();
    io.reserve.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
}

/// Who makes room first (BP-3): who never sent anything, though there was time for it, then who is
/// idle longest.
bool goes_before(const Loop& loop, const Connection& candidate, const Connection& best) {
  const auto silent = [&](const Connection& connection) {
    return connection.has(FRESH) && loop.now_ms - connection.idle_since >= SILENT_MS;
  };
  if (silent(candidate) != silent(best)) return silent(candidate);
  return static_cast<std::int32_t>(candidate.idle_since - best.idle_since) < 0;
}

/// At the cap the longest idle of a sample makes room (BP-3). False: none is idle.
bool evict_idle(Loop& loop) {
  LoopIo& io = *loop.io;
  const std::uint32_t touched = loop.table.touched();
  std::uint32_t best = NO_SLOT, sampled = 0;
  for (std::uint32_t step = 0; step < std::min(touched, 256u) && sampled < 16; step++) {
    io.evict_cursor = (io.evict_cursor + 1) % touched;
    const Connection& candidate = loop.table.at(io.evict_cursor);
    if (candidate.phase != Phase::open || candidate.has(RECEIVED) || candidate.body != nullptr ||
        candidate.owed() > 0 || candidate.input.length > 0 || candidate.unsent() > 0)
      continue;
    // Accepted this turn: its request may be here already, unread.
    if (candidate.has(FRESH) && candidate.mark == io.turn) continue;
    sampled++;
    if (best == NO_SLOT || goes_before(loop, candidate, loop.table.at(best)))
      best = io.evict_cursor;
  }
  if (best == NO_SLOT) return false;
  // Only this slot is recycled: a batch is being built, and what else has closed is told after it.
  Connection& evicted = loop.table.at(best);
  close_connection(loop, evicted, false);
  loop.closed.pop_back();
  if (loop.config.connection_events) add_event(loop, evicted, 0, EVENT_KIND_CLOSED, 0, 0, 0);
  loop.table.give(best);
  return true;
}

void store_peer(Connection& connection, const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(peer);
    std::memcpy(connection.peer_address, &six.sin6_addr, 16);
    connection.peer_port = ntohs(six.sin6_port);
    connection.peer_family = 6;
  } else if (peer.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(peer);
    std::memcpy(connection.peer_address, &four.sin_addr, 4);
    connection.peer_port = ntohs(four.sin_port);
    connection.peer_family = 4;
  }
}

void add_connection(Loop& loop, UniqueFd fd, const sockaddr_storage& peer) {
  LoopIo& io = *loop.io;
  if (loop.table.taken() >= loop.config.connections_max && !evict_idle(loop)) {
    loop.count(COUNTER_REJECTED);
    warn_once(loop,
              "connection limit reached: new connections are closed; raise maxConnections if the "
              "machine can take more");
    return;
  }
  const std::uint32_t slot = loop.table.take();
  if (slot == NO_SLOT) {
    loop.count(COUNTER_REJECTED);
    return;
  }
  Connection& connection = loop.table.at(slot);
  connection.fd = fd.get();
  connection.idle_since = loop.now_ms;
  connection.mark = io.turn;
  connection.set(FRESH);
  store_peer(connection, peer);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = std::uint64_t{connection.generation} << 32 | slot;
  if (::epoll_ctl(io.epoll.get(), EPOLL_CTL_ADD, connection.fd, &event) != 0) {
    loop.count(COUNTER_ERRORS);
    connection.fd = -1;
    loop.table.give(slot);
    return;
  }
  (void)fd.release();
  loop.count(COUNTER_ACCEPTED);
  loop.count(COUNTER_ACTIVE);
  if (loop.config.connection_events) add_event(loop, connection, 0, EVENT_KIND_OPENED, 0, 0, 0);
  file_deadline(loop, connection);
}

/// False: nothing waits any more, or nothing more can be had now.
bool accept_batch(Loop& loop) {
  LoopIo& io = *loop.io;
  bool any = false;
  for (std::uint32_t tried = 0; tried < ACCEPT_BATCH_MAX; tried++) {
    if (!has_room(loop)) run_turn(loop);
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    UniqueFd fd(::accept4(io.listener.fd.get(), reinterpret_cast<sockaddr*>(&peer), &length,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno == EAGAIN) return false;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        back_off(loop);
        return false;
      }
      continue;  // the connection failed while it waited (ECONNABORTED, EPROTO, EPERM, EINTR): the
                 // next one
    }
    any = true;
    io.accept_backoff_ms = 0;
    add_connection(loop, std::move(fd), peer);
  }
  // Whoever refuses them (a firewall's hook) may leave them in the queue, to be reported for ever.
  if (!any) retry_later(loop);
  return any;
}

void handle_event(Loop& loop, const epoll_event& event) {
  const std::uint32_t slot = static_cast<std::uint32_t>(event.data.u64);
  Connection& connection = loop.table.at(slot);
  if (connection.generation != event.data.u64 >> 32) return;
  if ((event.events & EPOLLERR) != 0) {
    loop.count(COUNTER_RESETS);
    close_connection(loop, connection, false);
    return;
  }
  if ((event.events & EPOLLRDHUP) != 0) connection.set(FIN_SEEN);
  if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0) {
    connection.set(READABLE);
    receive(loop, connection);
  }
  if ((event.events & EPOLLOUT) != 0 && connection.has(WRITE_BLOCKED) &&
      connection.phase == Phase::open) {
    flush_output(loop, connection);
  }
}

/// Spins while that recently paid off: a blocking wait shorter than the window raises the score.
int wait_for_events(Loop& loop, std::int32_t timeout_ms, std::uint64_t before) {
  LoopIo& io = *loop.io;
  const int max = static_cast<int>(io.events.size());
  const bool can_block = timeout_ms != 0;
  const bool few =
      loop.counters[COUNTER_ACTIVE] > 0 && loop.counters[COUNTER_ACTIVE] <= SPIN_CONNECTIONS_MAX;
  const std::uint64_t window = std::uint64_t{io.spin_us} * 1000;
  if (can_block && few && io.spin_us > 0 && io.spin_score >= SPIN_SCORE_MIN) {
    loop.count(COUNTER_SPINS);
    do {
      const int ready = ::epoll_wait(io.epoll.get(), io.events.data(), max, 0);
      if (ready != 0) {
        io.spin_score = std::min(io.spin_score + 1, SPIN_SCORE_MAX);
        loop.count(COUNTER_SPIN_HITS);
        return ready;
      }
    } while (now_ns() - before < window);
    io.spin_score = std::max(io.spin_score - 2, 0);
  }
  int ready = ::epoll_wait(io.epoll.get(), io.events.data(), max, timeout_ms);
  // Interrupted: whoever was stopped for long must see what came before anything counts as expired.
  while (ready < 0 && errno == EINTR)
    ready = ::epoll_wait(io.epoll.get(), io.events.data(), max, 0);
  if (can_block && few && io.spin_us > 0) {
    const bool short_wait = ready > 0 && now_ns() - before < window;
    io.spin_score = std::clamp(io.spin_score + (short_wait ? 1 : -1), 0, SPIN_SCORE_MAX);
  }
  return ready;
}

}  // namespace

void io_read_clock(Loop& loop) {
  loop.now_ms = static_cast<std::uint32_t>((now_ns() - loop.io->clock_start_ns) / 1000000u);
  refresh_date(loop);
}

bool open_epoll(Loop& loop, LoopIo& io, std::int32_t backend_fd, std::uint32_t events_max) {
  io.epoll.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!io.epoll.valid()) return false;
  io.events.resize(std::clamp(events_max, 16u, EVENTS_ARRAY_MAX));
  io.reserve.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  io.backend_fd = backend_fd;
  if (backend_fd >= 0) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = BACKEND;
    if (::epoll_ctl(io.epoll.get(), EPOLL_CTL_ADD, backend_fd, &event) != 0) return false;
  }
  io.clock_start_ns = io.woke_ns = now_ns();
  io_read_clock(loop);
  return watch_listener(io);
}

void pause_accept(LoopIo& io, std::uint8_t reason) {
  io.accept_pause |= reason;
  (void)watch_listener(io);
}

void resume_accept(Loop& loop, std::uint8_t reason) {
  LoopIo& io = *loop.io;
  io.accept_pause &= static_cast<std::uint8_t>(~reason);
  if (!watch_listener(io)) retry_later(loop);
}

void io_stop_accepting(Loop& loop) {
  LoopIo& io = *loop.io;
  if (!io.listener.fd.valid()) return;
  for (std::uint32_t round = 0; round < ACCEPT_ROUNDS_MAX && accept_batch(loop); round++) {
  }
  pause_accept(io, PAUSED_BY_DRAIN);
  close_listener(io.listener);
}

void abandon_connections(Loop& loop) {
  for (std::uint32_t slot = 0; slot < loop.table.touched(); slot++)
    close_connection(loop, loop.table.at(slot), true);
  close_listener(loop.io->listener);
  loop.io->epoll.reset();
  loop.io->reserve.reset();
}

bool io_turn(Loop& loop, std::int32_t timeout_ms) {
  LoopIo& io = *loop.io;
  io.turn++;
  const std::uint64_t slept_ns = now_ns();
  loop.turn_us = static_cast<std::uint32_t>((slept_ns - io.woke_ns) / 1000);
  loop.count(COUNTER_BUSY_MICROSECONDS, loop.turn_us);
  const int ready = wait_for_events(loop, timeout_ms, slept_ns);
  io.woke_ns = now_ns();
  loop.count(COUNTER_IDLE_MICROSECONDS, (io.woke_ns - slept_ns) / 1000);
  loop.now_ms = static_cast<std::uint32_t>((io.woke_ns - io.clock_start_ns) / 1000000u);
  refresh_date(loop);
  // Newcomers come last: those accepted a turn ago are read before one of them makes room.
  bool libuv_ready = false, accept_ready = false;
  if (ready == static_cast<int>(io.events.size())) loop.count(COUNTER_EVENTS_ARRAY_FULL);
  for (int index = 0; index < ready; index++) {
    const epoll_event event = io.events[static_cast<std::size_t>(index)];
    if (event.data.u64 == BACKEND) {
      libuv_ready = true;
    } else if (event.data.u64 == LISTENER) {
      accept_ready = true;
    } else {
      if (!has_room(loop)) run_turn(loop);
      handle_event(loop, event);
    }
  }
  if (accept_ready) (void)accept_batch(loop);
  // A turn for libuv's sake alone is none of the engine's wake-ups.
  if (ready > (libuv_ready ? 1 : 0) || (ready == 0 && timeout_ms != 0)) loop.count(COUNTER_WAKEUPS);
  if ((io.accept_pause & PAUSED_BY_DESCRIPTORS) != 0 &&
      static_cast<std::int32_t>(loop.now_ms - io.accept_retry_ms) >= 0) {
    resume_accept(loop, PAUSED_BY_DESCRIPTORS);
  }
  if (loop.now_ms - io.trimmed_ms >= TRIM_INTERVAL_MS) {
    io.trimmed_ms = loop.now_ms;
    loop.pool.trim();
  }
  return libuv_ready;
}

std::int32_t io_next_due_ms(Loop& loop) {
  const LoopIo& io = *loop.io;
  std::int32_t due_ms = -1;
  if ((io.accept_pause & PAUSED_BY_DESCRIPTORS) != 0) {
    due_ms = std::max(0, static_cast<std::int32_t>(io.accept_retry_ms - loop.now_ms));
  }
  if (loop.pool.pooled_bytes() > 0) {
    const std::int32_t trim_ms =
        std::max(0, static_cast<std::int32_t>(io.trimmed_ms + TRIM_INTERVAL_MS - loop.now_ms));
    due_ms = due_ms < 0 ? trim_ms : std::min(due_ms, trim_ms);
  }
  return due_ms;
}

// The C library makes recv and send cancellation points, which costs two locked operations each
// once a process has threads; Node always has some. We never cancel threads.
IoResult io_receive(Loop&, Connection& connection, std::uint8_t* into, std::uint32_t room) {
  for (;;) {
    const long got = ::syscall(SYS_recvfrom, connection.fd, into, std::size_t{room}, MSG_DONTWAIT,
                               nullptr, nullptr);
    if (got > 0) return {IoStatus::done, static_cast<std::uint32_t>(got)};
    if (got == 0) return {IoStatus::end, 0};
    if (errno == EINTR) continue;
    return {errno == EAGAIN || errno == EWOULDBLOCK ? IoStatus::would_block : IoStatus::error, 0};
  }
}

IoResult io_send(Loop&, Connection& connection, const iovec* parts, std::uint32_t count) {
  for (;;) {
    long sent;
    if (count == 1) {
      sent = ::syscall(SYS_sendto, connection.fd, parts[0].iov_base, parts[0].iov_len,
                       MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(parts);
      message.msg_iovlen = count;
      sent = ::sendmsg(connection.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (sent >= 0) return {IoStatus::done, static_cast<std::uint32_t>(sent)};
    if (errno == EINTR) continue;
    return {errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? IoStatus::would_block
                                                                        : IoStatus::error,
            0};
  }
}

std::uint32_t io_unacknowledged(Loop&, Connection& connection) {
  int bytes = 0;
  return ::ioctl(connection.fd, SIOCOUTQ, &bytes) == 0 && bytes > 0
             ? static_cast<std::uint32_t>(bytes)
             : 0;
}

void io_shutdown(Loop&, Connection& connection) { ::shutdown(connection.fd, SHUT_WR); }

int io_release(Loop& loop, Connection& connection) {
  (void)::epoll_ctl(loop.io->epoll.get(), EPOLL_CTL_DEL, connection.fd, nullptr);
  return std::exchange(connection.fd, -1);
}

void io_close(Loop& loop, Connection& connection, bool reset) {
  if (connection.fd < 0) return;
  if (reset) {
    const linger now{1, 0};
    (void)::setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  ::close(connection.fd);
  connection.fd = -1;
  if ((loop.io->accept_pause & PAUSED_BY_DESCRIPTORS) != 0) loop.io->accept_retry_ms = loop.now_ms;
}

}  // namespace celeris
