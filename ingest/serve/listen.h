// Sockets that `winnow serve` listens at: opened by the supervisor before privileges drop, handed
// to each engine by inheritance. No Asio here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace winnow {

// What a connection speaks.
enum class Front : uint8_t { kMilter, kHttp, kController };

std::string_view front_name(Front front);  // "milter"
// Nothing where no front has that name.
bool front_of_name(std::string_view name, Front& front);

struct Listening {
  int fd = -1;
  Front front = Front::kMilter;
  std::string name;  // "127.0.0.1:11332", "/run/winnow/milter.sock"
  bool tls = false;
  bool kept = false;  // its path is systemd's, which goes on to listen there
};

// Opens "127.0.0.1:11332", "[::1]:0", "*:11332" or "/path mode=0660 owner=name group=name" and
// listens; an address with " ssl" behind it speaks TLS, where its front has that. The descriptor is
// close-on-exec and the caller's.
Result<Listening> open_listening(const std::string& where, Front front);

// What open_listening() would say of an address before it opens anything.
Result<void> check_listening(const std::string& where, Front front);

// Takes over a socket that somebody else opened, and says where it listens. Errors: it is none.
Result<Listening> adopt_listening(int fd, Front front);

// As bind_socket has it: takes " ssl" off the end of an address. False where it is not there.
bool take_ssl(std::string& where);

}  // namespace winnow
