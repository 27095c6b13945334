// winnow reload: asks a running service to load its configuration again (SIGHUP).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>

#include "ingest/commands/command.h"
#include "ingest/commands/scan_options.h"

namespace winnow {

namespace {

Result<void> reload(const std::string& pid_file) {
  std::ifstream in(pid_file);
  std::string text;
  if (!std::getline(in, text))
    return fail(
        fmt::format("{} cannot be read: is winnow serve running, with this --pid-file?", pid_file));
  pid_t pid = 0;
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data(), end, pid).ptr != end || pid <= 1)
    return fail(fmt::format("{} holds no process id", pid_file));
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
