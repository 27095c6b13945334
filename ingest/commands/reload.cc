// winnow reload: asks a running service to load its configuration again (SIGHUP).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "ingest/commands/command.h"
#include "ingest/commands/scan_options.h"
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
  CLI::App app("Asks a running service to load its configuration again; its log says how it went.",
               "winnow reload");
  std::string pid_file = "/run/winnow/winnow.pid";
  app.add_option("--pid-file", pid_file, "what `winnow serve --pid-file` wrote")
      ->capture_default_str();
  if (const std::optional<int> over = parse_arguments(app, arguments)) return *over;
  if (const Result<void> done = reload(pid_file); !done) {
    complain("reload", done.error().text());
    return kExitUsage;
  }
  return kExitGood;
}

}  // namespace winnow
