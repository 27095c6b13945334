// winnow reload: asks a running service to load its configuration again (SIGHUP).
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/serve/pid_file.h"

namespace winnow {

namespace {

Result<void> reload(const std::string& pid_file) {
  const Result<pid_t> found = read_pid_file(pid_file);
  if (!found) return fail(found.error());
  const pid_t pid = *found;
  if (::kill(pid, SIGHUP) != 0)
    return fail(
        fmt::format("process {} of {} cannot be asked: {}", pid, pid_file, std::strerror(errno)));
  return {};
}

}  // namespace

int reload_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser(
      "Asks a running service to load its configuration again; its log says how it went.",
      "winnow reload");
  std::string pid_file = "/run/winnow/winnow.pid";
  parser.add_option("--pid-file", pid_file, "what `winnow serve --pid-file` wrote").show_default();
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  if (const Result<void> done = reload(pid_file); !done) {
    complain("reload", done.error().text());
    return kExitUsage;
  }
  return kExitGood;
}

}  // namespace winnow
