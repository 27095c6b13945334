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
  app.add_option("-c,--config", options.load.config, "site configuration (default: none)");
  app.add_option("--policy", options.load.policy, "directory of the shipped policy");
  app.add_option("--cache", options.load.cache, "directory of compiled pattern databases");
  add_variables(app, options.load);
  app.add_flag("--strict", options.load.strict, "any warning about the configuration is an error");
  app.add_option("--milter", options.server.milter,
                 "where milter is spoken: HOST:PORT or \"/path mode=0660\" (default: what the "
                 "configuration binds, else 127.0.0.1:11332)");
  app.add_option("--http", options.server.http,
                 "where HTTP, RSPAMC and SPAMC are spoken (default: the same, 127.0.0.1:11333)");
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
  app.add_option(
      "--log", options.log_file,
      "a file, syslog or journal, each with \":/path\" of its socket where it is not the "
      "system's (default: what the configuration says, else standard error)");
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// Loads rule sets beside the running one, one after the other.
class Reloader {
 public:
  Reloader(const RulesOptions& options, Log& log,
           std::function<void(std::shared_ptr<const ServeSettings>)> settings)
      : options_(options), log_(log), settings_(std::move(settings)) {}
  ~Reloader() { stop(); }

  Result<std::shared_ptr<LiveRules>> load() {
    Result<Loaded> loaded = load_rules(options_);
    if (!loaded) return fail(std::move(loaded.error()));
    auto settings = std::make_shared<ServeSettings>(read_serve_settings(loaded->config.root()));
    for (const ConfigWarning& warning : loaded->rules->warnings)
      log_.event(LogLevel::kWarning, "cfg", warning.text());
    for (const Warning& warning : settings->warnings)
      log_.event(LogLevel::kWarning, "cfg", warning.text());
    settings_(std::move(settings));
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
        log_.event(LogLevel::kInfo, "cfg", fmt::format("rules reloaded, set {}", ++sets_));
      } else {
        log_.event(LogLevel::kError, "cfg",
                   "rules not reloaded, the old ones stay: " + fresh.error().text());
      }
    }
  }

  const RulesOptions options_;
  Log& log_;
  const std::function<void(std::shared_ptr<const ServeSettings>)> settings_;
  std::function<std::shared_ptr<const MatchPlan>()> build_;
  std::mutex mutex_;
  std::condition_variable wake_;
  uint64_t sets_ = 1;
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

void listen_where(const ServeSettings& settings, ServeCommand& options) {
  const auto choose = [](std::vector<std::string>& given,
                         const std::vector<std::string>& configured, bool off,
                         const char* otherwise) {
    if (!given.empty()) return;
    given = configured;
    if (given.empty() && !off) given = {otherwise};
  };
  choose(options.server.milter, settings.milter, settings.milter_off, "127.0.0.1:11332");
  choose(options.server.http, settings.http, settings.http_off, "127.0.0.1:11333");
}

Result<void> serve(ServeCommand& options) {
  std::signal(SIGPIPE, SIG_IGN);
  options.server.milter_limits.body_max = options.server.http_limits.body_max;
  // Where to listen and to log: the command line, else the configuration, else the defaults.
  Result<Config> config = load_configuration(options.load);
  if (!config) return fail(std::move(config.error()));
  const ServeSettings first = read_serve_settings(config->root());
  listen_where(first, options);
  Log log(options.log_file.empty() && first.logs_here ? first.log : log_options(options.log_file));
  if (Result<void> done = log.open(); !done) return done;
  ServerHooks hooks;
  std::optional<Reloader> reloader;
  hooks.reload = [&] { reloader->request(); };
  hooks.reopen_logs = [&] {
    if (Result<void> done = log.open(); !done)
      log.event(LogLevel::kError, "log", done.error().text());
  };
  Server server(options.server, std::move(hooks), log);
  reloader.emplace(options.load, log, [&](std::shared_ptr<const ServeSettings> settings) {
    server.use(std::move(settings));
  });
  if (Result<void> done = server.bind(); !done) return done;
  if (Result<void> done = write_pid(options.pid_file); !done) return done;
  if (Result<void> done = become(options.user); !done) return done;
  Result<std::shared_ptr<LiveRules>> live = reloader->load();
  if (!live) return fail(std::move(live.error()));
  {
    Service service(std::move(*live), options.service);
    reloader->start(service);
    server.run(service);
    reloader->stop();
  }
  if (!options.pid_file.empty()) ::unlink(options.pid_file.c_str());
  log.event(LogLevel::kInfo, "main", "stopped");
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
