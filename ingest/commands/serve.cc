// winnow serve: answers mail servers over milter and HTTP until TERM. HUP swaps the rule set under
// load; what does not load leaves the old one running. USR1 reopens the log.
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>
#include <thread>

#include "ingest/commands/command.h"
#include "ingest/commands/scan_options.h"
#include "ingest/serve/server.h"
#include "pipeline/lookup/answers.h"

namespace winnow {

namespace {

struct ServeCommand {
  RulesOptions load;
  ServiceOptions service;
  ServerOptions server;
  std::string user, pid_file, log_file;
};

void add_options(CLI::App& app, ServeCommand& options) {
  options.service.threads = default_threads();
  options.server.milter = {"127.0.0.1:11332"};
  options.server.http = {"127.0.0.1:11333"};
  app.add_option("-c,--config", options.load.config, "site configuration (default: none)");
  app.add_option("--policy", options.load.policy, "directory of the shipped policy");
  app.add_option("--cache", options.load.cache, "directory of compiled pattern databases");
  add_variables(app, options.load);
  app.add_flag("--strict", options.load.strict, "any warning about the configuration is an error");
  app.add_option("--milter", options.server.milter,
                 "where milter is spoken: HOST:PORT or \"/path mode=0660\"")
      ->capture_default_str();
  app.add_option("--http", options.server.http, "where HTTP, RSPAMC and SPAMC are spoken")
      ->capture_default_str();
  app.add_option("--threads", options.service.threads, "scanning threads")
      ->check(CLI::Range(1u, 1024u))
      ->capture_default_str();
  app.add_option("--memory", options.service.byte_budget, "bytes of mail being scanned at most")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  app.add_option("--message-max", options.server.http_limits.body_max, "bytes of a message at most")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  app.add_option("--connections", options.server.connections_max, "open connections at most")
      ->capture_default_str();
  app.add_option("--user", options.user, "user to become once the sockets are open");
  app.add_option("--pid-file", options.pid_file, "file that holds the process id while it runs");
  app.add_option("--log", options.log_file, "file of the log (default: standard error)");
}

// One line a write, so that lines of threads and processes do not mix.
class Log {
 public:
  explicit Log(std::string path) : path_(std::move(path)) {}
  ~Log() {
    if (fd_ != STDERR_FILENO) ::close(fd_);
  }
  Result<void> open() {
    if (path_.empty()) return {};
    const int fresh = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fresh < 0)
      return fail(fmt::format("the log {} cannot be opened: {}", path_, std::strerror(errno)));
    const std::lock_guard lock(mutex_);
    if (fd_ != STDERR_FILENO) ::close(fd_);
    fd_ = fresh;
    return {};
  }
  void line(std::string_view text) {
    const int64_t now = clock_ms();
    const std::time_t seconds = now / 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char stamp[32];
    const size_t length = std::strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &utc);
    std::string out(stamp, length);
    out += fmt::format(".{:03} #{}(serve) {}\n", now % 1000, getpid(), text);
    const std::lock_guard lock(mutex_);
    // A log that cannot be written stops no mail.
    if (::write(fd_, out.data(), out.size()) < 0) return;
  }

 private:
  const std::string path_;
  std::mutex mutex_;
  int fd_ = STDERR_FILENO;
};

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// Loads rule sets beside the running one, one after the other.
class Reloader {
 public:
  Reloader(const RulesOptions& options, Log& log) : options_(options), log_(log) {}
  ~Reloader() { stop(); }

  Result<std::shared_ptr<LiveRules>> load() {
    Result<Loaded> loaded = load_rules(options_);
    if (!loaded) return fail(std::move(loaded.error()));
    for (const ConfigWarning& warning : loaded->rules->warnings) log_.line(warning.text());
    build_ = std::move(loaded->build_databases);
    return std::make_shared<LiveRules>(loaded->rules,
                                       std::make_unique<TableAnswers>(*loaded->rules), host_name());
  }
  void start(Service& service) {
    thread_ = std::thread([this, &service] { work(service); });
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  void request() {
    {
      const std::lock_guard lock(mutex_);
      wanted_ = true;
    }
    wake_.notify_all();
  }

 private:
  void work(Service& service) {
    for (;;) {
      // Mail flows before fast databases are there.
      if (build_) service.live()->run.use(std::exchange(build_, {})());
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || wanted_; });
        if (stop_) return;
        wanted_ = false;
      }
      Result<std::shared_ptr<LiveRules>> fresh = load();
      if (fresh) {
        service.use(std::move(*fresh));
        log_.line("rules reloaded");
      } else {
        log_.line("rules not reloaded, the old ones stay: " + fresh.error().text());
      }
    }
  }

  const RulesOptions options_;
  Log& log_;
  std::function<std::shared_ptr<const MatchPlan>()> build_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false, stop_ = false;
  std::thread thread_;
};

Result<void> become(const std::string& user) {
  if (user.empty()) return {};
  const passwd* const found = getpwnam(user.c_str());
  if (!found) return fail(fmt::format("there is no user {}", user));
  if (initgroups(user.c_str(), found->pw_gid) != 0 || setgid(found->pw_gid) != 0 ||
      setuid(found->pw_uid) != 0)
    return fail(fmt::format("cannot become {}: {}", user, std::strerror(errno)));
  return {};
}

Result<void> write_pid(const std::string& path) {
  if (path.empty()) return {};
  std::FILE* const file = std::fopen(path.c_str(), "we");
  if (!file)
    return fail(fmt::format("the pid file {} cannot be written: {}", path, std::strerror(errno)));
  fmt::print(file, "{}\n", getpid());
  std::fclose(file);
  return {};
}

Result<void> serve(ServeCommand& options) {
  std::signal(SIGPIPE, SIG_IGN);
  options.server.milter_limits.body_max = options.server.http_limits.body_max;
  Log log(options.log_file);
  if (Result<void> done = log.open(); !done) return done;
  Reloader reloader(options.load, log);
  ServerHooks hooks{
      .log = [&](std::string_view line) { log.line(line); },
      .reload = [&] { reloader.request(); },
      .reopen_logs =
          [&] {
            if (Result<void> done = log.open(); !done) log.line(done.error().text());
          },
  };
  Server server(options.server, std::move(hooks));
  if (Result<void> done = server.bind(); !done) return done;
  if (Result<void> done = write_pid(options.pid_file); !done) return done;
  if (Result<void> done = become(options.user); !done) return done;
  Result<std::shared_ptr<LiveRules>> live = reloader.load();
  if (!live) return fail(std::move(live.error()));
  {
    Service service(std::move(*live), options.service);
    reloader.start(service);
    server.run(service);
    reloader.stop();
  }
  if (!options.pid_file.empty()) ::unlink(options.pid_file.c_str());
  log.line("stopped");
  return {};
}

}  // namespace

int serve_command(const std::vector<std::string>& arguments) {
  CLI::App app("Scans mail for mail servers: milter and HTTP, with Rspamd's protocols.",
               "winnow serve");
  ServeCommand options;
  add_options(app, options);
  if (const std::optional<int> over = parse_arguments(app, arguments)) return *over;
  if (Result<void> done = serve(options); !done) {
    complain("serve", done.error().text());
    return kExitUsage;
  }
  return kExitGood;
}

}  // namespace winnow
