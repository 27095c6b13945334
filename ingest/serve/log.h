// The service's log: console, a file, syslog or the journal. Thread-safe; whole lines are written,
// so that those of threads and processes do not mix.
//
// Two kinds of lines. A message's is never left out. An event's (started, reloaded, wrong
// configuration …) is left out while it repeats the event before it; how often is said with the
// next one. Warnings and errors are kept in a ring of their own for /errors.
//
// A log that cannot be written stops no mail.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace winnow {

enum class LogLevel : uint8_t { kError, kWarning, kNotice, kInfo, kDebug };
enum class LogType : uint8_t { kConsole, kFile, kSyslog, kJournal };

struct LogOptions {
  LogType type = LogType::kConsole;
  std::string path;  // of the file; of the socket where it is not the system's
  int facility = 3;  // of syslog (RFC 5424 6.2.1): 3 is daemon
  LogLevel level = LogLevel::kInfo;
  bool stamps = true;             // date and time before each line of console and file
  size_t errors_max = 10;         // kept for /errors
  size_t error_bytes_max = 1000;  // of each

  bool operator==(const LogOptions&) const = default;
};

// "syslog", "journal", "console" (each with ":/path" where it is not the system's), else a file.
LogOptions log_options(std::string_view text);
// "mail", "LOG_LOCAL0" …; -1 where there is none of that name.
int log_facility(std::string_view name);

class Log {
 public:
  explicit Log(LogOptions options = {});
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Opens it, or opens it again under its name (rotation). Where that fails the old one stays.
  Result<void> open();
  // Takes other options over and opens; where that fails all stays as it was.
  Result<void> use(LogOptions options);

  // `tag` tells lines of one message or session apart.
  void message(std::string_view tag, std::string_view line);
  // As message(), but a console's or file's line may be kept back for flush(), behind other lines
  // of its kind and before any other: a batch of messages then costs one system call.
  void message_later(std::string_view tag, std::string_view line);
  // What `debug_modules` asks for of a message: written whatever the level is. Kept back as above.
  void debug_later(std::string_view tag, std::string_view module, std::string_view text);
  // Writes what was kept back.
  void flush();
  void event(LogLevel level, std::string_view module, std::string_view text);

  // Appends [{"ts":…,"pid":…,"type":…,"id":…,"module":…,"message":…},…], newest first.
  void append_errors(std::string& out) const;

 private:
  struct Error {
    int64_t time_ms;
    std::string module, text;
  };
  Result<int> open_target(const LogOptions& options) const;
  // REQUIRED of these: the mutex is held.
  void write(LogLevel level, std::string_view module, std::string_view tag, std::string_view text,
             bool later = false);
  void write_kept(size_t bytes);
  void tell_repeats();
  void keep_error(std::string_view module, std::string_view text);

  mutable std::mutex mutex_;  // guards what follows
  LogOptions options_;
  int fd_;
  const pid_t pid_;   // a system call a line would be too many
  std::string kept_;  // whole lines of a console or file
  std::deque<Error> errors_;
  std::string last_event_;
  uint64_t repeats_ = 0;
};

}  // namespace winnow
