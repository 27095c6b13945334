// Lines, by type:
//   console, file   2026-11-24 10:00:00.123 #PID(serve) <tag>; module; text
//   syslog          <PRI>Nov 24 10:00:00 winnow[PID]: <tag>; module; text     a datagram (RFC 3164)
//   journal         MESSAGE, PRIORITY, SYSLOG_IDENTIFIER … one field a line   a datagram (systemd's
//                   native protocol)
#include "ingest/serve/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "engine/ascii.h"
#include "engine/score/render.h"
#include "pipeline/load.h"

namespace winnow {

namespace {

constexpr std::string_view kFacilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "",       "",       "",       "",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
constexpr int kSeverities[] = {3, 4, 5, 6, 7};  // of LogLevel (RFC 5424 6.2.1)
constexpr uint64_t kRepeatsTold = 1000;         // a flood is told of from time to time
constexpr size_t kTextMax = 32 * 1024;
constexpr size_t kKeptMax = 4096;  // PIPE_BUF: lines of other processes stay out (pipe(7))

// Kept for the second that it is right for: lines come by the thousand.
std::string_view stamp(int64_t now_ms, const char* format) {
  static thread_local std::time_t said = -1;
  static thread_local const char* said_as = nullptr;
  static thread_local char out[32];
  static thread_local size_t size = 0;
  const std::time_t seconds = now_ms / 1000;
  if (seconds != said || format != said_as) {
    said = seconds;
    said_as = format;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    size = std::strftime(out, sizeof out, format, &utc);
  }
  return {out, size};
}

}  // namespace

int log_facility(std::string_view name) {
  std::string lower = lowered(name);
  if (lower.starts_with("log_")) lower.erase(0, 4);
  const auto found = std::ranges::find(kFacilities, lower);
  return lower.empty() || found == std::end(kFacilities)
             ? -1
             : static_cast<int>(found - std::begin(kFacilities));
}

LogOptions log_options(std::string_view text) {
  LogOptions options;
  if (text.empty()) return options;
  const std::string_view word = text.substr(0, text.find(':'));
  const bool has_path = word.size() < text.size();
  options.type = word == "syslog"                        ? LogType::kSyslog
                 : word == "journal"                     ? LogType::kJournal
                 : word == "console" || word == "stderr" ? LogType::kConsole
                                                         : LogType::kFile;
  if (options.type == LogType::kFile)
    options.path = text;
  else if (has_path)
    options.path = text.substr(word.size() + 1);
  return options;
}

Log::Log(LogOptions options) : options_(std::move(options)), fd_(STDERR_FILENO), pid_(::getpid()) {}

Log::~Log() {
  write_kept(kept_.size());
  tell_repeats();
  if (fd_ != STDERR_FILENO) ::close(fd_);
}

Result<int> Log::open_target(const LogOptions& options) const {
  if (options.type == LogType::kConsole) return STDERR_FILENO;
  if (options.type == LogType::kFile) {
    const int fd = ::open(options.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
      return fail(
          fmt::format("the log {} cannot be opened: {}", options.path, std::strerror(errno)));
    return fd;
  }
  const char* const system =
      options.type == LogType::kSyslog ? "/dev/log" : "/run/systemd/journal/socket";
  const std::string path = options.path.empty() ? system : options.path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(fmt::format("the path of the log's socket is too long: {}", path));
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return fd;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  return fail(fmt::format("the log socket {} cannot be opened: {}", path, std::strerror(error)));
}

Result<void> Log::open() {
  std::unique_lock lock(mutex_);
  LogOptions options = options_;
  lock.unlock();
  return use(std::move(options));
}

Result<void> Log::use(LogOptions options) {
  const Result<int> fresh = open_target(options);
  if (!fresh) return fail(fresh.error());
  const std::lock_guard lock(mutex_);
  write_kept(kept_.size());
  tell_repeats();
  options_ = std::move(options);
  if (fd_ != STDERR_FILENO) ::close(fd_);
  fd_ = *fresh;
  return {};
}

void Log::write(LogLevel level, std::string_view module, std::string_view tag,
                std::string_view text, bool later) {
  const int64_t now = clock_ms();
  const int severity = kSeverities[static_cast<size_t>(level)];
  const size_t begin = kept_.size();
  const auto to = std::back_inserter(kept_);
  const bool lines = options_.type == LogType::kConsole || options_.type == LogType::kFile;
  if (lines) {
    if (options_.stamps) {
      kept_ += stamp(now, "%Y-%m-%d %H:%M:%S");
      fmt::format_to(to, ".{:03} ", now % 1000);
    }
    fmt::format_to(to, "#{}(serve) ", pid_);
  } else if (options_.type == LogType::kSyslog) {
    fmt::format_to(to, "<{}>{} winnow[{}]: ", options_.facility * 8 + severity,
                   stamp(now, "%b %e %H:%M:%S"), pid_);
  } else {
    kept_ += "MESSAGE=";
  }
  const size_t body = kept_.size();
  if (!tag.empty()) kept_.append("<").append(tag).append(">; ");
  kept_.append(module).append("; ").append(text.substr(0, kTextMax));
  // What stands in a line is escaped where it comes from; here only its end is kept from being two.
  std::replace(kept_.begin() + static_cast<ptrdiff_t>(body), kept_.end(), '\n', ' ');
  if (lines)
    kept_ += '\n';
  else if (options_.type == LogType::kJournal)
    fmt::format_to(to, "\nPRIORITY={}\nSYSLOG_FACILITY={}\nSYSLOG_IDENTIFIER=winnow\n", severity,
                   options_.facility);
  if (begin > 0 && kept_.size() > kKeptMax) write_kept(begin);
  if (!later || !lines) write_kept(kept_.size());
}

void Log::write_kept(size_t bytes) {
  if (bytes > 0 && ::write(fd_, kept_.data(), bytes) < 0) {
    // A log that cannot be written stops no mail.
  }
  kept_.erase(0, bytes);
}

void Log::flush() {
  const std::lock_guard lock(mutex_);
  write_kept(kept_.size());
}

void Log::message(std::string_view tag, std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (options_.level >= LogLevel::kNotice) write(LogLevel::kNotice, "task", tag, line);
}

void Log::message_later(std::string_view tag, std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (options_.level >= LogLevel::kNotice) write(LogLevel::kNotice, "task", tag, line, true);
}

void Log::debug_later(std::string_view tag, std::string_view module, std::string_view text) {
  const std::lock_guard lock(mutex_);
  write(LogLevel::kDebug, module, tag, text, true);
}

void Log::event(LogLevel level, std::string_view module, std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (level <= LogLevel::kWarning && options_.errors_max > 0) keep_error(module, text);
  if (level > options_.level) return;
  std::string whole(module);
  whole += text;
  if (whole == last_event_) {
    if (++repeats_ == kRepeatsTold) tell_repeats();
    return;
  }
  tell_repeats();
  last_event_ = std::move(whole);
  write(level, module, "", text);
}

// One that repeats takes its own place, not that of others.
void Log::keep_error(std::string_view module, std::string_view text) {
  const std::string_view kept = text.substr(0, options_.error_bytes_max);
  if (!errors_.empty() && errors_.front().module == module && errors_.front().text == kept) {
    errors_.front().time_ms = clock_ms();
    return;
  }
  errors_.push_front({clock_ms(), std::string(module), std::string(kept)});
  while (errors_.size() > options_.errors_max) errors_.pop_back();
}

void Log::tell_repeats() {
  if (repeats_ > 0)
    write(LogLevel::kInfo, "log", "",
          fmt::format("the last event was there {} more times", repeats_));
  repeats_ = 0;
}

void Log::append_errors(std::string& out) const {
  const std::lock_guard lock(mutex_);
  out += '[';
  for (const Error& error : errors_) {
    if (out.back() != '[') out += ',';
    fmt::format_to(std::back_inserter(out),
                   "{{\"ts\":{}.{:03},\"pid\":{},\"type\":\"serve\",\"id\":\"\",\"module\":",
                   error.time_ms / 1000, error.time_ms % 1000, pid_);
    append_json_string(error.module, out);
    out += ",\"message\":";
    append_json_string(error.text, out);
    out += '}';
  }
  out += ']';
}

}  // namespace winnow
