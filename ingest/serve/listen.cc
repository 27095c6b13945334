#include "ingest/serve/listen.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "rules/config/server_text.h"

namespace winnow {

namespace {

constexpr std::array<std::string_view, 3> kNames{"milter", "http", "controller"};
constexpr std::string_view kOfSystemd = "systemd:";  // Rspamd's word for sockets of systemd
constexpr int kBacklog = 1024;                       // connections that wait while an engine starts

tl::unexpected<Error> cannot(const std::string& where, int error) {
  return fail(fmt::format("cannot listen at {}: {}", where, std::strerror(error)));
}

// Opens, binds and listens; -1 with errno.
int listen_at(const sockaddr* address, socklen_t size) {
  const int fd = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, address, size) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

struct TcpAddress {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  bool is_v6 = false;
};

Result<TcpAddress> tcp_address(const std::string& where) {
  const Result<ServerText> said = split_server(where, 0);
  if (!said || !said->port || said->more)
    return fail(
        fmt::format("\"{}\" is no address: write 127.0.0.1:11332, [::1]:11332, *:11332 or "
                    "/path mode=0660",
                    where));
  std::string host(said->host);
  if (host == "localhost") host = "127.0.0.1";
  if (host == "*") host = "0.0.0.0";
  TcpAddress to;
  if (::inet_pton(AF_INET, host.c_str(), &to.v4.sin_addr) == 1) {
    to.v4.sin_family = AF_INET;
    to.v4.sin_port = htons(*said->port);
  } else if (::inet_pton(AF_INET6, host.c_str(), &to.v6.sin6_addr) == 1) {
    to.is_v6 = true;
    to.v6.sin6_family = AF_INET6;
    to.v6.sin6_port = htons(*said->port);
  } else {
    return fail(fmt::format("\"{}\" is no IP address", host));
  }
  return to;
}

Result<Listening> listen_tcp(const std::string& where, Front front) {
  const Result<TcpAddress> to = tcp_address(where);
  if (!to) return fail(to.error());
  const int fd = to->is_v6 ? listen_at(reinterpret_cast<const sockaddr*>(&to->v6), sizeof to->v6)
                           : listen_at(reinterpret_cast<const sockaddr*>(&to->v4), sizeof to->v4);
  if (fd < 0) return cannot(where, errno);
  return adopt_listening(fd, front);
}

struct Permissions {
  mode_t mode = 0660;
  std::string owner, group;  // empty: whose the process is
};

Result<void> permission(const std::string& word, Permissions& to) {
  if (word.starts_with("mode=")) {
    unsigned value = 0;
    const char* const last = word.data() + word.size();
    if (std::from_chars(word.data() + 5, last, value, 8).ptr != last || value > 0777)
      return fail(fmt::format("\"{}\" is no file mode; write mode=0660", word));
    to.mode = static_cast<mode_t>(value);
  } else if (word.starts_with("owner=")) {
    to.owner = word.substr(6);
  } else if (word.starts_with("group=")) {
    to.group = word.substr(6);
  } else {
    return fail(fmt::format("\"{}\" after a socket's path: mode=, owner= or group=", word));
  }
  return {};
}

struct UnixAddress {
  sockaddr_un address{};
  Permissions permissions;
};

Result<UnixAddress> unix_address(const std::string& where) {
  std::string path;
  UnixAddress to;
  for (size_t at = 0; at < where.size();) {
    const size_t end = std::min(where.find(' ', at), where.size());
    const std::string word = where.substr(at, end - at);
    at = end + 1;
    if (path.empty())
      path = word.starts_with("unix:") ? word.substr(5) : word;
    else if (word.empty())
      continue;
    else if (Result<void> done = permission(word, to.permissions); !done)
      return fail(std::move(done.error()));
  }
  to.address.sun_family = AF_UNIX;
  if (path.size() >= sizeof to.address.sun_path)
    return fail(fmt::format("the path of a socket has {} bytes at most: {}",
                            sizeof to.address.sun_path - 1, path));
  std::memcpy(to.address.sun_path, path.data(), path.size());
  return to;
}

// Makes room for a socket at a path where an earlier process left one. What is no socket is not
// ours to remove, and nobody takes the place of a process that listens.
Result<void> clear_path(const sockaddr_un& address) {
  const char* const path = address.sun_path;
  struct stat status {};
  if (::lstat(path, &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode))
    return fail(fmt::format("cannot listen at {}: there is a file that is no socket", path));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool answers =
      fd >= 0 && (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
                  errno == EAGAIN);  // its queue is full
  if (fd >= 0) ::close(fd);
  if (answers) return fail(fmt::format("cannot listen at {}: another process listens there", path));
  ::unlink(path);
  return {};
}

Result<Listening> listen_unix(const std::string& where, Front front) {
  const Result<UnixAddress> to = unix_address(where);
  if (!to) return fail(to.error());
  const std::string path = to->address.sun_path;
  uid_t owner = static_cast<uid_t>(-1);
  gid_t group = static_cast<gid_t>(-1);
  if (const std::string& name = to->permissions.owner; !name.empty()) {
    const passwd* const found = ::getpwnam(name.c_str());
    if (!found) return fail(fmt::format("there is no user {}", name));
    owner = found->pw_uid;
  }
  if (const std::string& name = to->permissions.group; !name.empty()) {
    const ::group* const found = ::getgrnam(name.c_str());
    if (!found) return fail(fmt::format("there is no group {}", name));
    group = found->gr_gid;
  }
  if (Result<void> done = clear_path(to->address); !done) return fail(std::move(done.error()));
  const int fd = listen_at(reinterpret_cast<const sockaddr*>(&to->address), sizeof to->address);
  if (fd < 0) return cannot(where, errno);
  if (::chmod(path.c_str(), to->permissions.mode) != 0 ||
      ::chown(path.c_str(), owner, group) != 0) {
    const int error = errno;
    ::close(fd);
    return fail(fmt::format("cannot set mode or owner of {}: {}", path, std::strerror(error)));
  }
  return Listening{fd, front, path};
}

}  // namespace

std::string_view front_name(Front front) { return kNames[static_cast<size_t>(front)]; }

bool front_of_name(std::string_view name, Front& front) {
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) {
      front = static_cast<Front>(i);
      return true;
    }
  return false;
}

bool take_ssl(std::string& where) {
  constexpr std::string_view kWord = " ssl";
  if (!where.ends_with(kWord)) return false;
  where.resize(where.size() - kWord.size());
  return true;
}

Result<void> check_listening(const std::string& where, Front front) {
  if (where.starts_with('/') || where.starts_with("unix:")) {
    if (const Result<UnixAddress> to = unix_address(where); !to) return fail(to.error());
    return {};
  }
  if (where.starts_with(kOfSystemd)) return {};
  std::string address = where;
  if (take_ssl(address) && front == Front::kMilter)
    return fail(fmt::format("\"{}\": the milter protocol has no TLS", where));
  if (const Result<TcpAddress> to = tcp_address(address); !to) return fail(to.error());
  return {};
}

Result<Listening> open_listening(const std::string& where, Front front) {
  if (where.starts_with('/') || where.starts_with("unix:")) return listen_unix(where, front);
  if (where.starts_with(kOfSystemd))
    return fail(
        fmt::format("\"{0}\": systemd handed over no socket for {1}; its socket unit needs "
                    "FileDescriptorName={1}",
                    where, front_name(front)));
  std::string address = where;
  const bool tls = take_ssl(address);
  if (tls && front == Front::kMilter)
    return fail(fmt::format("\"{}\": the milter protocol has no TLS", where));
  Result<Listening> one = listen_tcp(address, front);
  if (one) one->tls = tls;
  return one;
}

Result<Listening> adopt_listening(int fd, Front front) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  int listens = 0;
  socklen_t listens_size = sizeof listens;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) != 0 || listens == 0)
    return fail(fmt::format("descriptor {} is no socket that listens", fd));
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return Listening{fd, front, server_text(text, ntohs(v4.sin_port))};
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return Listening{fd, front, server_text(text, ntohs(v6.sin6_port))};
  }
  if (address.ss_family == AF_UNIX)
    return Listening{fd, front, reinterpret_cast<const sockaddr_un&>(address).sun_path};
  return fail(fmt::format("descriptor {} is no TCP or unix socket", fd));
}

}  // namespace winnow
