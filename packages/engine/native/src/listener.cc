#include "celeris/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace celeris {

namespace {

void fail(Listener& listener, const char* syscall) {
  listener.error = errno;
  listener.syscall = syscall;
  if (listener.path.empty()) {
    listener.fd.reset();
  } else {
    close_listener(listener);
  }
}

/// What stands at a path, without following a link; `stat` itself would need a newer C library than
/// we may ask for.
bool look_at(const char* path, struct statx& found) {
  return ::statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO, &found) == 0;
}

std::uint64_t device_of(const struct statx& found) {
  return std::uint64_t{found.stx_dev_major} << 32 | found.stx_dev_minor;
}

void set_option(int fd, int level, int name, int value) {
  (void)::setsockopt(fd, level, name, &value, sizeof value);
}

/// Options that accepted sockets inherit: one system call here saves one per connection.
void set_inherited_options(int fd, const ListenerOptions& options, bool tcp) {
  if (tcp) set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.recv_buffer > 0) set_option(fd, SOL_SOCKET, SO_RCVBUF, options.recv_buffer);
  if (options.send_buffer > 0) set_option(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer);
}

void read_address(Listener& listener) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(listener.fd.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) return;
  char text[INET6_ADDRSTRLEN] = {};
  if (bound.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(bound);
    ::inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
    listener.port = ntohs(six.sin6_port);
    listener.address = text;
  } else if (bound.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(bound);
    ::inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    listener.port = ntohs(four.sin_port);
    listener.address = text;
  } else if (bound.ss_family == AF_UNIX) {
    listener.address = reinterpret_cast<const sockaddr_un&>(bound).sun_path;
  }
}

/// A socket file nobody accepts on is stale and makes room; any other file is never touched.
bool make_room(const sockaddr_un& address) {
  struct statx found {};
  if (!look_at(address.sun_path, found)) return errno == ENOENT;
  if (!S_ISSOCK(found.stx_mode)) {
    errno = EADDRINUSE;
    return false;
  }
  UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.valid()) return false;
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno != ECONNREFUSED) {
    errno = EADDRINUSE;
    return false;
  }
  return ::unlink(address.sun_path) == 0 || errno == ENOENT;
}

void open_unix(Listener& listener, const ListenerOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return fail(listener, "bind");
  }
  std::memcpy(address.sun_path, options.path.data(), options.path.size());
  if (!make_room(address)) return fail(listener, "bind");
  listener.fd.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.fd.valid()) return fail(listener, "socket");
  const auto mode = static_cast<mode_t>(options.mode);
  // Bits set before the bind are those the file is made with, less the umask: it is never open
  // wider.
  if (options.mode >= 0) (void)::fchmod(listener.fd.get(), mode);
  if (::bind(listener.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(listener, "bind");
  struct statx made {};
  if (look_at(address.sun_path, made)) {
    listener.path = options.path;
    listener.inode = made.stx_ino;
    listener.device = device_of(made);
  }
  if (options.mode >= 0 && ::chmod(address.sun_path, mode) != 0) return fail(listener, "chmod");
  set_inherited_options(listener.fd.get(), options, false);
  if (::listen(listener.fd.get(), options.backlog) != 0) fail(listener, "listen");
}

void open_tcp(Listener& listener, const ListenerOptions& options) {
  sockaddr_storage address{};
  socklen_t length = 0;
  auto& six = reinterpret_cast<sockaddr_in6&>(address);
  auto& four = reinterpret_cast<sockaddr_in&>(address);
  if (::inet_pton(AF_INET6, options.host.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(options.port);
    length = sizeof six;
  } else if (::inet_pton(AF_INET, options.host.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(options.port);
    length = sizeof four;
  } else {
    errno = EINVAL;
    return fail(listener, "bind");
  }
  listener.fd.reset(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.fd.valid()) return fail(listener, "socket");
  const int fd = listener.fd.get();
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.reuse_port) set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.ss_family == AF_INET6)
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.host == "::" ? 0 : 1);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return fail(listener, "bind");
  set_inherited_options(fd, options, true);
  if (::listen(fd, options.backlog) != 0) fail(listener, "listen");
}

/// Listening on an unbound socket would take a random port in silence.
bool is_bound(const sockaddr_storage& bound) {
  if (bound.ss_family == AF_INET6)
    return reinterpret_cast<const sockaddr_in6&>(bound).sin6_port != 0;
  if (bound.ss_family == AF_INET) return reinterpret_cast<const sockaddr_in&>(bound).sin_port != 0;
  return bound.ss_family == AF_UNIX;
}

void inherit(Listener& listener, const ListenerOptions& options) {
  const int fd = options.inherited_fd;
  int type = 0;
  socklen_t length = sizeof type;
  sockaddr_storage bound{};
  socklen_t bound_length = sizeof bound;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &bound_length) != 0) {
    if (errno == 0 || type != SOCK_STREAM) errno = EINVAL;
    return fail(listener, "listen");
  }
  if (!is_bound(bound)) {
    errno = EINVAL;
    return fail(listener, "listen");
  }
  listener.fd.reset(fd);
  (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
  set_inherited_options(fd, options, bound.ss_family == AF_INET || bound.ss_family == AF_INET6);
  if (::listen(fd, options.backlog) != 0) {
    (void)listener.fd.release();  // still the caller's, who may try again
    fail(listener, "listen");
  }
}

}  // namespace

Listener open_listener(const ListenerOptions& options) {
  Listener listener;
  errno = 0;
  if (options.inherited_fd >= 0) {
    inherit(listener, options);
  } else if (!options.path.empty()) {
    open_unix(listener, options);
  } else {
    open_tcp(listener, options);
  }
  if (listener.error == 0) read_address(listener);
  return listener;
}

void close_listener(Listener& listener) {
  listener.fd.reset();
  if (listener.path.empty()) return;
  struct statx found {};
  if (look_at(listener.path.c_str(), found) && found.stx_ino == listener.inode &&
      device_of(found) == listener.device) {
    ::unlink(listener.path.c_str());
  }
  listener.path.clear();
}

std::string address_text(std::uint8_t family, const std::uint8_t (&bytes)[16]) {
  static constexpr std::uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  char text[INET6_ADDRSTRLEN] = {};
  if (family == 4) {
    ::inet_ntop(AF_INET, bytes, text, sizeof text);
  } else if (family == 6) {
    const bool mapped = std::memcmp(bytes, MAPPED, sizeof MAPPED) == 0;
    ::inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? bytes + 12 : bytes, text, sizeof text);
  }
  return text;
}

}  // namespace celeris
