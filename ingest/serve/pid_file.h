// The file that holds a service's process id. It is believed while the service holds a lock on it
// (F_OFD_SETLK of fcntl(2)), which ends with the process whatever becomes of the file: what a dead
// service left names nobody, though its number may be somebody else's by now.
#pragma once

#include <sys/types.h>

#include <string>

#include "engine/result.h"

namespace winnow {

// Writes our process id and holds the file: its descriptor, closed to other programs. Errors: it
// cannot be written; a service that lives holds it.
Result<int> hold_pid_file(const std::string& path);

// Takes the file away; where its folder does not let us, it is left empty. Closes `fd`.
void drop_pid_file(int fd, const std::string& path);

// The service that holds the file. Errors: there is no file, nobody holds it, it holds no id.
Result<pid_t> read_pid_file(const std::string& path);

}  // namespace winnow
