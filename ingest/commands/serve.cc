// winnow serve: answers mail servers over milter and HTTP until TERM. HUP swaps the rule set under
// load; what does not load leaves the old one running. USR1 reopens the log.
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "ingest/commands/argument_parser.h"
#include "ingest/commands/command.h"
#include "ingest/commands/heap.h"
#include "ingest/commands/scan_options.h"
#include "ingest/serve/pid_file.h"
#include "ingest/serve/server.h"
#include "ingest/serve/service_limits.h"
#include "ingest/supervise/supervisor.h"
#include "ingest/supervise/trial.h"
#include "pipeline/dmarc_redis.h"
#include "pipeline/exports/senders.h"
#include "pipeline/learn/canaries.h"
#include "pipeline/learn/open_statistics.h"
#include "pipeline/learn/statistics.h"
#include "pipeline/lookup/answers.h"
#include "pipeline/lookup/settings.h"
#include "pipeline/lookup/store/site_store.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace {

struct ServeCommand : ServiceLimits {
  RulesOptions load;
  std::vector<std::string> milter, http, controller;  // where to listen
  std::string pid_file, log_file, statistics;
  bool engine = false, trial = false, no_dns = false;
};

void add_options(ArgumentParser& parser, ServeCommand& options) {
  options.service.threads = default_threads();
  parser.add_option("-c,--config", options.load.config, "site configuration (default: none)");
  parser.add_option("--policy", options.load.policy, "directory of the shipped policy");
  parser.add_option("--cache", options.load.cache, "directory of compiled pattern databases");
  add_variables(parser, options.load);
  parser.add_flag("--strict", options.load.strict,
                  "any warning about the configuration is an error");
  parser.add_option("--milter", options.milter,
                    "where milter is spoken: HOST:PORT or \"/path mode=0660\" (default: what the "
                    "configuration binds, else 127.0.0.1:11332)");
  parser.add_option("--http", options.http,
                    "where HTTP, RSPAMC and SPAMC are spoken (default: the same, 127.0.0.1:11333)");
  parser.add_option("--controller", options.controller,
                    "where the controller answers (default: the same, 127.0.0.1:11334)");
  parser.add_option("--threads", options.service.threads, "scanning threads")
      .within(1u, 1024u)
      .show_default();
  // What the configuration says of these counts before their defaults.
  constexpr const char* kZero = "0 would take no mail";
  parser
      .add_option("--memory", options.service.byte_budget,
                  "bytes of mail being scanned at most (default: winnow { memory } of the "
                  "configuration, else 48M)")
      .in_bytes()
      .not_zero(kZero);
  parser
      .add_option("--message-max", options.server.http_limits.body_max,
                  "bytes of a message at most (default: options { max_message } of the "
                  "configuration, 50 MB as shipped)")
      .in_bytes()
      .not_zero(kZero);
  parser
      .add_option("--connections", options.server.connections_max,
                  "open connections at most (default: winnow { max_connections } of the "
                  "configuration, else 10000)")
      .not_zero(kZero);
  parser.add_flag("--no-dns", options.no_dns,
                  "ask no name server: what only the network knows is unknown");
  parser.add_option(
      "--statistics", options.statistics,
      "folder of what is learnt (default: $DBDIR/statistics of the configuration, where "
      "`winnow learn` has made it)");
  parser.add_option("--user", options.user, "user to become once the sockets are open");
  parser.add_option("--group", options.group, "group to become (default: the user's own)");
  parser.add_option("--pid-file", options.pid_file, "file that holds the process id while it runs");
  parser.add_option(
      "--log", options.log_file,
      "a file, syslog or journal, each with \":/path\" of its socket where it is not the "
      "system's (default: what the configuration says, else standard error)");
  // How the supervisor starts its engines, and these their trials.
  parser.add_flag("--engine", options.engine, "an engine of a supervisor").hidden();
  parser.add_flag("--trial", options.trial, "a trial of an engine").hidden();
#ifdef WINNOW_TEST_HOOKS
  parser.add_option("--test-abort-on", options.service.abort_on,
                    "for tests: dies of what holds this");
#endif
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// Loads rule sets beside the running one, one after the other: the whole configuration anew where
// that is asked for, else with its maps as they are now.
class Reloader {
 public:
  // Opens what the first rules that are loaded say of statistics; null: nothing is learnt.
  using OpenSite = std::function<Result<std::shared_ptr<SiteStatistics>>(const Loaded&)>;

  // `effects` may be null: there are none.
  Reloader(const RulesOptions& options, bool dns, OpenSite open_site, Effects* effects,
           const std::vector<Listening>& sockets, Log& log,
           std::function<void(const UclObject&, std::shared_ptr<const ServeSettings>)> settings)
      : loader_(options,
                [&log](std::string_view line) { log.event(LogLevel::kInfo, "map", line); }),
        dns_(dns),
        open_site_(std::move(open_site)),
        effects_(effects),
        stores_(data_folder(options) + "/store"),
        sockets_(sockets),
        log_(log),
        settings_(std::move(settings)) {}
  ~Reloader() { stop(); }

  Result<std::shared_ptr<LiveRules>> load() {
    Result<Loaded> loaded = loader_.load();
    if (!loaded) return fail(std::move(loaded.error()));
    Result<ServeSettings> fronts = load_serve_settings(loaded->config->root(), sockets_);
    if (!fronts) return fail(std::move(fronts.error()));
    auto settings = std::make_shared<const ServeSettings>(std::move(*fronts));
    said_.clear();
    if (open_site_) {
      Result<std::shared_ptr<SiteStatistics>> opened = std::exchange(open_site_, {})(*loaded);
      if (!opened) return fail(std::move(opened.error()));
      statistics_ = std::move(*opened);
    }
    use_stores(*loaded);
    std::shared_ptr<LiveRules> live = take(*loaded);
    for (const std::string& note : loaded->rules->notes) log_.event(LogLevel::kNotice, "cfg", note);
    for (const Warning& warning : settings->warnings)
      log_.event(LogLevel::kWarning, "cfg", warning.text());
    settings_(loaded->config->root(), std::move(settings));
    return live;
  }
  const std::shared_ptr<SiteStatistics>& statistics() const { return statistics_; }
  // Maps are watched, and fetched, from now on. `swapped` is called after each attempt.
  void start(Service& service, std::function<void()> swapped) {
    swapped_ = std::move(swapped);
    loader_.watch([this] { request(false); });
    thread_ = std::thread([this, &service] { work(service); });
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    loader_.stop();
  }
  // The `whole` configuration anew, or its maps alone.
  void request(bool whole) {
    {
      const std::lock_guard lock(mutex_);
      (whole ? wanted_ : maps_wanted_) = true;
    }
    wake_.notify_all();
  }

 private:
  Result<std::shared_ptr<LiveRules>> refresh() {
    Result<Loaded> loaded = loader_.refresh();
    if (!loaded) return fail(std::move(loaded.error()));
    return take(*loaded);
  }

  // Tells the warnings that the rules in use did not have.
  std::shared_ptr<LiveRules> take(Loaded& loaded) {
    std::set<std::string> said;
    for (const ConfigWarning& warning : loaded.rules->warnings) {
      std::string text = warning.text();
      if (!said_.contains(text)) log_.event(LogLevel::kWarning, "cfg", text);
      said.insert(std::move(text));
    }
    said_ = std::move(said);
    build_ = std::move(loaded.build_databases);
    compiled_ = loaded.rules->match->report().missing;
    auto answers = std::make_unique<TableAnswers>(
        *loaded.rules,
        [this](const std::string& what) { log_.event(LogLevel::kWarning, "cfg", what); },
        AnswerSources{.lookup = lookup_for(*loaded.rules),
                      .statistics = statistics_,
                      .probes = probes_,
                      .keys = keys_,
                      .traps = traps_,
                      .greylist = greylist_,
                      .exporter = exporter_});
    return std::make_shared<LiveRules>(loaded.rules, std::move(answers), host_name());
  }

  // A module's store; null where it cannot be had, which the log is told.
  std::shared_ptr<Store> store_for(const Loaded& loaded, const char* module, const char* without) {
    Result<std::shared_ptr<Store>> store = stores_.of(loaded, module);
    if (store) return std::move(*store);
    log_.event(LogLevel::kWarning, "store",
               fmt::format("{}: {}; {}", module, store.error().text(), without));
    return nullptr;
  }

  void use_traps(const Loaded& loaded) {
    Result<std::shared_ptr<StoredTraps>> traps = open_stored_traps(
        loaded,
        [&log = log_](const std::string& what) { log.event(LogLevel::kWarning, "store", what); });
    if (!traps)
      log_.event(
          LogLevel::kError, "store",
          fmt::format("{}; whether recipients are spam traps is unknown", traps.error().text()));
    traps_ = traps ? std::move(*traps) : nullptr;
    const UclObject* const section = loaded.config->root().find("spamtrap");
    if (!statistics_ && section && section->flag("enabled", false) &&
        section->flag("learn_spam", false))
      log_.event(LogLevel::kWarning, "learn",
                 "spamtrap.learn_spam learns nothing: there are no statistics (--statistics)");
  }

  // What asks and keeps beside DNS and statistics. What the engine's trial does is nobody's.
  void use_stores(const Loaded& loaded) {
    if (!effects_) return;
    const auto checks = [&](std::string_view name) {
      return std::ranges::any_of(loaded.rules->checks,
                                 [&](const EnabledCheck& one) { return one.check->name == name; });
    };
    if (!dns_ || !checks("mx_check")) {
      probes_ = nullptr;
    } else if (!probes_) {
      probes_ = probes_for(*loaded.rules, store_for(loaded, "mx_check",
                                                    "what calls find out ends with the process"));
    }
    Result<std::shared_ptr<StoredKeys>> keys = open_stored_keys(loaded);
    if (!keys)
      log_.event(
          LogLevel::kError, "dkim",
          fmt::format("{}; nothing is signed with keys in Redis or Vault", keys.error().text()));
    keys_ = keys ? std::move(*keys) : nullptr;
    auto greylist = open_greylist(loaded, stores_, [log = &log_](const std::string& what) {
      log->event(LogLevel::kError, "greylist", what);
    });
    if (!greylist)
      log_.event(LogLevel::kError, "greylist",
                 fmt::format("{}; nobody is put off", greylist.error().text()));
    greylist_ = greylist ? std::move(*greylist) : nullptr;
    use_traps(loaded);
    const UclObject* const dmarc = loaded.config->root().find("dmarc");
    const UclObject* const reporting = dmarc ? dmarc->find("reporting") : nullptr;
    std::shared_ptr<DmarcRows> rows;
    if (reporting && reporting->is_object() && reporting->flag("enabled", false)) {
      auto opened = open_dmarc_rows(loaded, stores_);
      if (opened)
        rows = std::move(*opened);
      else
        log_.event(LogLevel::kError, "store",
                   fmt::format("dmarc: {}; nothing is kept for reports", opened.error().text()));
    }
    effects_->keep_dmarc(std::move(rows), dmarc_store_options(loaded.config->root()));
    use_exporter(loaded);
  }

  // One for the process once rules want it: what waits in it outlives a reload.
  void use_exporter(const Loaded& loaded) {
    const ExportPlan* const plan = find_exports(*loaded.rules);
    if (!exporter_ && !plan) return;
    if (!exporter_) {
      exporter_ = std::make_shared<Exporter>(
          host_name(),
          [log = &log_](const std::string& what) {
            log->event(LogLevel::kWarning, "export", what);
          },
          send_export);
      effects_->export_with(exporter_);
    }
    std::shared_ptr<RedisClient> redis;
    if (plan && plan->asks_redis()) {
      const UclObject& root = loaded.config->root();
      const Result<RedisOptions> servers =
          redis_options(root, root.find("metadata_exporter"), "metadata_exporter");
      Result<std::unique_ptr<RedisClient>> client =
          servers ? RedisClient::make(*servers) : fail(servers.error());
      if (client)
        redis = std::move(*client);
      else
        log_.event(LogLevel::kError, "export",
                   fmt::format("{}; nothing is exported to Redis", client.error().text()));
    }
    exporter_->use(plan ? plan->rules : std::vector<std::shared_ptr<const ExportRule>>{},
                   std::move(redis));
  }

  // The one in use as long as its options are the same: what it knows is kept.
  std::shared_ptr<Lookup> lookup_for(const RuleSet& rules) {
    if (!dns_) return nullptr;
    Result<LookupOptions> options = lookup_options(rules.dns);
    if (!options) {
      log_.event(LogLevel::kWarning, "dns",
                 fmt::format("{}; what only DNS knows is unknown", options.error().text()));
      return nullptr;
    }
    if (!lookup_ || !(lookup_->options() == *options)) lookup_ = std::make_shared<Lookup>(*options);
    lookup_->watch(lists_of(rules), [log = &log_](const std::string& what) {
      log->event(LogLevel::kWarning, "lists", what);
    });
    return lookup_;
  }

  void work(Service& service) {
    for (;;) {
      // Mail flows before fast databases are there.
      if (build_) service.live()->run.use(std::exchange(build_, {})());
      bool whole = false;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || wanted_ || maps_wanted_; });
        if (stop_) return;
        whole = std::exchange(wanted_, false);
        maps_wanted_ = false;
      }
      const std::string_view what = whole ? "rules" : "maps";
      Result<std::shared_ptr<LiveRules>> fresh = whole ? load() : refresh();
      if (fresh) {
        service.use(std::move(*fresh));
        log_.event(LogLevel::kInfo, "cfg",
                   fmt::format("{} reloaded, set {}, {} pattern databases compiled", what, ++sets_,
                               compiled_));
      } else {
        log_.event(
            LogLevel::kError, "cfg",
            fmt::format("{} not reloaded, the old ones stay: {}", what, fresh.error().text()));
      }
      swapped_();
    }
  }

  RuleLoader loader_;
  const bool dns_;
  OpenSite open_site_;
  std::shared_ptr<SiteStatistics> statistics_;
  std::shared_ptr<Lookup> lookup_;
  Effects* const effects_;
  SiteStores stores_;
  std::shared_ptr<MxProbes> probes_;
  std::shared_ptr<StoredKeys> keys_;
  std::shared_ptr<Greylist> greylist_;
  std::shared_ptr<StoredTraps> traps_;
  std::shared_ptr<Exporter> exporter_;
  const std::vector<Listening> sockets_;
  Log& log_;
  const std::function<void(const UclObject&, std::shared_ptr<const ServeSettings>)> settings_;
  std::set<std::string> said_;  // warnings of the rules in use
  std::function<std::shared_ptr<const MatchPlan>()> build_;
  std::function<void()> swapped_;
  size_t compiled_ = 0;  // databases that were not in the cache
  std::mutex mutex_;
  std::condition_variable wake_;
  uint64_t sets_ = 1;
  bool wanted_ = false, maps_wanted_ = false, stop_ = false;
  std::thread thread_;
};

// For who is not root this is only a check.
Result<void> become(const std::string& user, const std::string& group) {
  if (user.empty() && group.empty()) return {};
  gid_t gid = getgid();
  uid_t uid = getuid();
  if (!user.empty()) {
    const passwd* const found = getpwnam(user.c_str());
    if (!found) return fail(fmt::format("there is no user {}", user));
    uid = found->pw_uid;
    gid = found->pw_gid;
  }
  if (!group.empty()) {
    const ::group* const found = getgrnam(group.c_str());
    if (!found) return fail(fmt::format("there is no group {}", group));
    gid = found->gr_gid;
  }
  const bool root = geteuid() == 0;
  if (!root && uid == getuid() && gid == getgid()) return {};
  if (root && (user.empty() ? setgroups(1, &gid) : initgroups(user.c_str(), gid)) != 0)
    return fail(fmt::format("cannot set the groups of {}: {}", user, std::strerror(errno)));
  if (setgid(gid) != 0 || setuid(uid) != 0)
    return fail(fmt::format("cannot become {}:{}: {}", user, group, std::strerror(errno)));
  return {};
}

// The log's file, which root made, belongs to who writes it.
void give_log(const ServeCommand& options, const LogOptions& log) {
  const passwd* const found = options.user.empty() ? nullptr : getpwnam(options.user.c_str());
  if (log.type != LogType::kFile || !found || geteuid() != 0) return;
  if (::chown(log.path.c_str(), found->pw_uid, found->pw_gid) != 0) return;  // then they say so
}

void listen_where(const ServeSettings& settings, ServeCommand& options) {
  const auto choose = [](std::vector<std::string>& given,
                         const std::vector<std::string>& configured, bool off,
                         const char* otherwise) {
    if (!given.empty()) return;
    given = configured;
    if (given.empty() && !off) given = {otherwise};
  };
  choose(options.milter, settings.milter, settings.milter_off, "127.0.0.1:11332");
  choose(options.http, settings.http, settings.http_off, "127.0.0.1:11333");
  choose(options.controller, settings.controller, settings.controller_off, "127.0.0.1:11334");
}

// Sockets: those that systemd opened, and for each front that got none, those we were told.
Result<std::vector<Listening>> open_sockets(const ServeCommand& options) {
  Result<std::vector<Listening>> sockets = sockets_of_systemd();
  if (!sockets) return sockets;
  const size_t given = sockets->size();
  for (const auto& [front, places] :
       {std::pair{Front::kMilter, &options.milter}, std::pair{Front::kHttp, &options.http},
        std::pair{Front::kController, &options.controller}}) {
    const auto same = [front = front](const Listening& one) { return one.front == front; };
    if (std::any_of(sockets->begin(), sockets->begin() + static_cast<ptrdiff_t>(given), same))
      continue;
    for (const std::string& where : *places) {
      Result<Listening> one = open_listening(where, front);
      if (!one) return fail(std::move(one.error()));
      sockets->push_back(std::move(*one));
    }
  }
  return sockets;
}

std::string program_file() {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  std::string out(path, size > 0 ? static_cast<size_t>(size) : 0);
  // What an upgrade put in its place.
  constexpr std::string_view kGone = " (deleted)";
  if (out.ends_with(kGone)) out.resize(out.size() - kGone.size());
  return out;
}

std::vector<std::string> with(const std::vector<std::string>& arguments, const char* flag) {
  std::vector<std::string> out{"winnow", "serve"};
  if (flag) out.emplace_back(flag);
  out.insert(out.end(), arguments.begin(), arguments.end());
  return out;
}

void reopen(Log& log) {
  if (Result<void> done = log.open(); !done)
    log.event(LogLevel::kError, "log", done.error().text());
}

// What the configuration says, and over it once more the command line. False: that changed.
bool read_options(const UclObject& root, ServeCommand& options,
                  const std::vector<std::string>& arguments) {
  read_service_limits(root, options);
  ArgumentParser parser;
  add_options(parser, options);
  if (parser.parse(arguments)) return false;
  options.server.milter_limits.body_max = options.server.http_limits.body_max;
  return true;
}

Result<Config> configure(ServeCommand& options, const std::vector<std::string>& arguments) {
  Result<Config> config = load_configuration(options.load);
  if (!config) return config;
  if (!read_options(config->root(), options, arguments)) return fail("the command line changed");
  return config;
}

// Where to log: the command line, else the configuration, else standard error.
LogOptions where_to_log(const ServeCommand& options, const ServeSettings& settings) {
  return options.log_file.empty() && settings.logs_here ? settings.log
                                                        : log_options(options.log_file);
}

// Tells of what a configuration says anew and only a restart brings: sockets, the log, limits.
class WantsRestart {
 public:
  explicit WantsRestart(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  // The first time: what is in use from then on.
  void look(const UclObject& root, const ServeSettings& settings, Log& log) {
    ServeCommand now;
    if (!read_options(root, now, arguments_)) return;
    listen_where(settings, now);
    const LogOptions logs = where_to_log(now, settings);
    if (!used_) {
      used_.emplace(std::move(now));
      used_log_ = logs;
      return;
    }
    std::vector<std::string_view> names = limits_that_differ(*used_, now);
    if (used_->milter != now.milter || used_->http != now.http ||
        used_->controller != now.controller)
      names.insert(names.begin(), "bind_socket");
    if (!(used_log_ == logs)) names.emplace_back("logging");
    if (names.empty()) return;
    log.event(LogLevel::kWarning, "cfg",
              fmt::format("{} changed: what was there at the start stays until winnow serve is "
                          "restarted",
                          fmt::join(names, ", ")));
  }

 private:
  const std::vector<std::string> arguments_;
  std::optional<ServeCommand> used_;
  LogOptions used_log_;
};

Result<int> supervise(ServeCommand& options, const std::vector<std::string>& arguments,
                      Inheritance left) {
  const bool upgraded = left.engine.pid > 0;
  Result<Config> config = configure(options, arguments);
  // After an upgrade there is an engine that works: a configuration that broke since is no reason
  // to end it.
  if (!config && !upgraded) return fail(std::move(config.error()));
  const ServeSettings settings = config ? read_serve_settings(config->root()) : ServeSettings{};
  listen_where(settings, options);
  Log log(where_to_log(options, settings));
  if (Result<void> done = log.open(); !done && !upgraded) return fail(std::move(done.error()));
  const auto say = [&](std::string_view line) { log.event(LogLevel::kInfo, "main", line); };
  std::string files;
  const bool enough = raise_file_limit(options.server.connections_max, files);
  log.event(enough ? LogLevel::kInfo : LogLevel::kWarning, "main", files);
  if (!upgraded) {
    Result<std::vector<Listening>> sockets = open_sockets(options);
    if (!sockets) return fail(std::move(sockets.error()));
    left.sockets = std::move(*sockets);
    for (const Listening& one : left.sockets)
      say(fmt::format("{} listens at {}", front_name(one.front), one.name));
    if (!options.pid_file.empty()) {
      const Result<int> held = hold_pid_file(options.pid_file);
      if (!held) return fail(held.error());
      left.pid_file = *held;
    }
    // Engines open the log as the user that they are.
    give_log(options, where_to_log(options, settings));
    if (Result<void> done = become(options.user, options.group); !done)
      return fail(std::move(done.error()));
  }
  Result<Marks> marks = left.marks < 0 ? Marks::create() : Marks::open(left.marks);
  if (!marks) return fail(std::move(marks.error()));
  left.marks = marks->fd();
  const std::vector<Listening> sockets = left.sockets;
  const int pid_file = left.pid_file;
  SupervisorHooks hooks{
      .log = say,
      .reopen_logs = [&] { reopen(log); },
      .died = [&](int side) { return marks->suspect_all(static_cast<uint32_t>(side)); },
      .busy_ms =
          [&](int side) {
            const int64_t since = marks->oldest_ms(static_cast<uint32_t>(side));
            return since == INT64_MAX ? 0 : clock_ms() - since;
          },
  };
  Supervisor supervisor({.program = program_file(),
                         .supervise = with(arguments, nullptr),
                         .engine = with(arguments, "--engine")},
                        std::move(hooks), std::move(left));
  Result<int> code = supervisor.run();
  for (const Listening& one : sockets)
    if (one.name.starts_with('/') && !one.kept) ::unlink(one.name.c_str());
  drop_pid_file(pid_file, options.pid_file);
  say("stopped");
  return code;
}

// Those that were asked for must be there; those of $DBDIR are used where there are some, and those
// in Redis where the configuration names it.
Result<std::shared_ptr<SiteStatistics>> open_site(const ServeCommand& options, const Loaded& loaded,
                                                  Log& log) {
  const std::string folder = statistics_folder(options.statistics, options.load);
  const BayesPlan* const plan = find_bayes(*loaded.rules);
  const bool redis = plan && plan->redis;
  if (!redis && options.statistics.empty() && !TokenStatistics::exists(folder)) return nullptr;
  auto opened = open_statistics(loaded, folder, OpenStatistics::kLearn);
  if (opened) {
    log.event(LogLevel::kInfo, "learn",
              fmt::format("statistics are in {}{}",
                          redis ? "Redis, what is learnt is logged in " : "", folder));
    return opened;
  }
  if (!options.statistics.empty()) return fail(opened.error());
  log.event(LogLevel::kError, "learn",
            fmt::format("{}; nothing is learnt, and BAYES symbols are off", opened.error().text()));
  return nullptr;
}

// Nothing where there are no canaries.
std::unique_ptr<CanaryWatch> watch_canaries(const Loaded& loaded, const std::string& folder,
                                            const std::shared_ptr<SiteStatistics>& site, Log& log) {
  const BayesPlan* const plan = find_bayes(*loaded.rules);
  if (!plan) return nullptr;
  Result<Canaries> canaries = Canaries::open(folder, plan->bayes, plan->tokenizer);
  if (!canaries) {
    log.event(LogLevel::kError, "learn", canaries.error().text());
    return nullptr;
  }
  if (canaries->size() == 0) return nullptr;
  return std::make_unique<CanaryWatch>(std::move(*canaries), site);
}

Result<void> engine(ServeCommand& options, const std::vector<std::string>& arguments,
                    const Inheritance& left) {
  prepare_heap(kServiceMappedBytes);
  options.server.sockets = left.sockets;
  options.server.link = left.link;
  Result<Config> config = configure(options, arguments);
  if (!config) return fail(std::move(config.error()));
  Log log(where_to_log(options, read_serve_settings(config->root())));
  if (Result<void> done = log.open(); !done) return done;
  std::optional<Effects> effects;
  if (!options.trial)
    effects.emplace(
        [&log](const std::string& what) { log.event(LogLevel::kWarning, "effects", what); });
  std::unique_ptr<CanaryWatch> canaries;
  std::optional<Reloader> reloader;
  WantsRestart tell_restart(arguments);
  ServerHooks hooks;
  hooks.reload = [&] { reloader->request(true); };
  hooks.reopen_logs = [&] { reopen(log); };
  Server server(options.server, std::move(hooks), log);
  reloader.emplace(
      options.load, !options.no_dns && !options.trial,
      [&](const Loaded& loaded) -> Result<std::shared_ptr<SiteStatistics>> {
        if (options.trial) return nullptr;
        auto site = open_site(options, loaded, log);
        if (site && *site)
          canaries = watch_canaries(loaded, statistics_folder(options.statistics, options.load),
                                    *site, log);
        return site;
      },
      effects ? &*effects : nullptr, left.sockets, log,
      [&](const UclObject& root, std::shared_ptr<const ServeSettings> settings) {
        tell_restart.look(root, *settings, log);
        server.use(std::move(settings));
      });
  Result<std::shared_ptr<LiveRules>> live = reloader->load();
  if (!live) return fail(std::move(live.error()));
  settle_heap();
  if (options.trial) {
    serve_trial(left.link, std::move(*live), options.service);
    return {};
  }
  Result<Marks> marks = Marks::open(left.marks);
  if (!marks) return fail(std::move(marks.error()));
  TrialProcess trial(program_file(), with(arguments, "--trial"));
  options.service.suspects = {
      .marks = &*marks, .side = static_cast<uint32_t>(left.side), .trial = &trial};
  Service service(std::move(*live), options.service);
  std::optional<LearnQueue> learner;
  server.carry_out_with(&*effects);
  if (reloader->statistics())
    server.learn_with(&learner.emplace(
        reloader->statistics(),
        [&log](const std::string& problem) { log.event(LogLevel::kError, "learn", problem); },
        [&canaries](uint64_t learnt) { return canaries ? canaries->learnt(learnt) : ""; }));
  reloader->start(service, [&] {
    trial.rules_changed();
    server.tell("reloaded");
  });
  server.run(service);
  reloader->stop();
  return {};
}

Result<int> serve(ServeCommand& options, const std::vector<std::string>& arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  Result<Inheritance> left = Inheritance::take();
  if (!left) return fail(std::move(left.error()));
  if (!options.engine && !options.trial) return supervise(options, arguments, std::move(*left));
  if (left->link < 0) return fail("--engine and --trial are for winnow itself");
  std::vector<std::string> plain = arguments;
  std::erase(plain, "--engine");
  if (Result<void> done = engine(options, plain, *left); !done)
    return fail(std::move(done.error()));
  return kExitGood;
}

}  // namespace

int serve_command(const std::vector<std::string>& arguments) {
  ArgumentParser parser("Scans mail for mail servers: milter and HTTP, with Rspamd's protocols.",
                        "winnow serve");
  ServeCommand options;
  add_options(parser, options);
  if (const std::optional<int> over = parser.parse(arguments)) return *over;
  const Result<int> code = serve(options, arguments);
  if (code) return *code;
  complain("serve", code.error().text());
  return kExitUsage;
}

}  // namespace winnow
