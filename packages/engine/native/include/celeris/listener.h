// Listening sockets: bound, inherited or unix (engines.md §2.2).
#pragma once
#include <cstdint>
#include <string>

#include "celeris/unique_fd.h"

namespace celeris {

struct ListenerOptions {
  std::string host;        ///< numeric address
  std::string path;        ///< unix socket instead, when not empty
  std::int32_t mode = -1;  ///< permission bits of the unix socket; -1 leaves them to the umask
  std::uint16_t port = 0;
  std::int32_t inherited_fd = -1;
  std::int32_t backlog = 4096;
  std::int32_t recv_buffer = 0;
  std::int32_t send_buffer = 0;
  bool reuse_port = false;
};

/// A listening socket with its address, or errno and the system call that set it.
struct Listener {
  UniqueFd fd;
  std::string address;
  std::uint16_t port = 0;
  std::string path;  ///< to unlink at the end, when `inode` is still the one made here
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  int error = 0;
  const char* syscall = "";
};

[[nodiscard]] Listener open_listener(const ListenerOptions& options);
/// Closes the socket, and removes the path of a unix socket made by open_listener.
void close_listener(Listener& listener);
/// Text form of a stored peer address; v4-mapped addresses as IPv4.
[[nodiscard]] std::string address_text(std::uint8_t family, const std::uint8_t (&bytes)[16]);

}  // namespace celeris
