#include "ingest/supervise/inheritance.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace winnow {

namespace {

constexpr const char* kVariable = "WINNOW_INHERIT";

std::string_view cut(std::string_view& text, char at) {
  const size_t end = std::min(text.find(at), text.size());
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return out;
}

bool number(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

constexpr std::string_view kKept = " kept";  // behind a socket that is systemd's

// Descriptors stay closed to programs that are not ours.
bool own(std::string_view text, int& fd) {
  return number(text, fd) && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

}  // namespace

std::string Inheritance::text() const {
  std::string out;
  for (const Listening& one : sockets)
    out += fmt::format("socket {} {}{}{}\n", one.fd, front_name(one.front), one.tls ? " ssl" : "",
                       one.kept ? kKept : "");
  if (marks >= 0) out += fmt::format("marks {} {}\n", marks, side);
  if (link >= 0) out += fmt::format("link {}\n", link);
  if (pid_file >= 0) out += fmt::format("pid-file {}\n", pid_file);
  if (engine.pid > 0) out += fmt::format("engine {} {} {}\n", engine.pid, engine.link, engine.side);
  for (const Engine& one : draining) out += fmt::format("draining {} {}\n", one.pid, one.side);
  return out;
}

Result<Inheritance> Inheritance::parse(std::string_view text) {
  Inheritance out;
  while (!text.empty()) {
    const std::string_view line = cut(text, '\n');
    std::string_view rest = line;
    const std::string_view word = cut(rest, ' ');
    const std::string_view first = cut(rest, ' ');
    bool good = true;
    int value = -1;
    if (word == "socket") {
      Front front{};
      std::string name(rest);
      const bool kept = name.ends_with(kKept);
      if (kept) name.resize(name.size() - kKept.size());
      const bool tls = take_ssl(name);
      good = number(first, value) && front_of_name(name, front);
      if (good) {
        Result<Listening> one = adopt_listening(value, front);
        if (!one) return fail(std::move(one.error()));
        one->tls = tls;
        one->kept = kept;
        out.sockets.push_back(std::move(*one));
      }
    } else if (word == "marks") {
      good = own(first, out.marks) && number(rest, out.side);
    } else if (word == "link") {
      good = own(first, out.link);
    } else if (word == "pid-file") {
      good = own(first, out.pid_file);
    } else if (word == "engine") {
      const std::string_view second = cut(rest, ' ');
      good = number(first, out.engine.pid) && own(second, out.engine.link) &&
             number(rest, out.engine.side);
    } else if (word == "draining") {
      Engine one;
      good = number(first, one.pid) && number(rest, one.side);
      out.draining.push_back(one);
    } else {
      good = false;
    }
    if (!good) return fail(fmt::format("{}: \"{}\" means nothing here", kVariable, line));
  }
  return out;
}

Result<Inheritance> Inheritance::take() {
  const char* const text = std::getenv(kVariable);
  const std::string kept = text ? text : "";
  ::unsetenv(kVariable);
  return parse(kept);
}

std::vector<int> Inheritance::descriptors() const {
  std::vector<int> out;
  for (const Listening& one : sockets) out.push_back(one.fd);
  for (const int fd : {marks, link, pid_file, engine.link})
    if (fd >= 0) out.push_back(fd);
  return out;
}

Result<std::vector<Listening>> sockets_of_systemd() {
  constexpr int kFirst = 3;
  constexpr int kMost = 64;
  std::vector<Listening> out;
  const auto take = [](const char* name) {
    const char* const value = std::getenv(name);
    std::string kept = value ? value : "";
    ::unsetenv(name);
    return kept;
  };
  const std::string pid = take("LISTEN_PID"), count = take("LISTEN_FDS");
  const std::string names = take("LISTEN_FDNAMES");
  int value = 0;
  if (!number(pid, value) || value != ::getpid() || !number(count, value)) return out;
  std::string_view rest = names;
  for (int i = 0; i < std::min(value, kMost); ++i) {
    const std::string_view name = cut(rest, ':');
    Front front = Front::kMilter;
    const bool named = front_of_name(name, front);
    Result<Listening> one = adopt_listening(kFirst + i, front);
    if (!one) return fail(std::move(one.error()));
    one->kept = true;
    if (!named) {
      if (one->name.ends_with(":11333"))
        one->front = Front::kHttp;
      else if (one->name.ends_with(":11334"))
        one->front = Front::kController;
      else if (!one->name.ends_with(":11332"))
        return fail(
            fmt::format("the socket {} from systemd is for nobody: write "
                        "FileDescriptorName=milter, http or controller in its unit",
                        one->name));
    }
    out.push_back(std::move(*one));
  }
  return out;
}

namespace {

// argv and envp of a program to be.
struct Words {
  Words(const std::vector<std::string>& arguments, const Inheritance& left) : kept(arguments) {
    for (char** one = environ; *one; ++one) lines.emplace_back(*one);
    lines.push_back(fmt::format("{}={}", kVariable, left.text()));
    for (std::string& one : kept) argv.push_back(one.data());
    for (std::string& one : lines) envp.push_back(one.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
  }
  std::vector<std::string> kept, lines;
  std::vector<char*> argv, envp;
};

}  // namespace

pid_t start_program(const std::string& path, const std::vector<std::string>& arguments,
                    const Inheritance& left) {
  Words words(arguments, left);
  posix_spawn_file_actions_t actions;
  if (::posix_spawn_file_actions_init(&actions) != 0) return -1;
  // Onto itself: it then stays open in the new program, and in no other that is started meanwhile.
  for (const int fd : left.descriptors()) ::posix_spawn_file_actions_adddup2(&actions, fd, fd);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, path.c_str(), &actions, nullptr, words.argv.data(), words.envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  errno = error;
  return error == 0 ? pid : -1;
}

void become_program(const std::string& path, const std::vector<std::string>& arguments,
                    const Inheritance& left) {
  Words words(arguments, left);
  for (const int fd : left.descriptors()) ::fcntl(fd, F_SETFD, 0);
  ::execve(path.c_str(), words.argv.data(), words.envp.data());
  const int error = errno;
  for (const int fd : left.descriptors()) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  errno = error;
}

}  // namespace winnow
