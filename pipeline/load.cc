#include "pipeline/load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <tbb/parallel_for.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>
#include <tuple>

#include "engine/pages.h"
#include "pipeline/disk_files.h"
#include "rules/compile/compile.h"

namespace winnow {

namespace fs = std::filesystem;

namespace {

// Compiled databases as files of one directory; writes are whole or not at all. What cannot be
// written is no error: the next start builds again.
class DirectoryCache final : public BlobCache {
 public:
  explicit DirectoryCache(fs::path directory) : directory_(std::move(directory)) {
    std::error_code error;
    fs::create_directories(directory_, error);
  }
  bool get(std::string_view key, std::string& bytes) override {
    std::ifstream in(directory_ / key, std::ios::binary | std::ios::ate);
    if (!in) return false;
    const auto size = static_cast<size_t>(in.tellg());
    bytes.reserve(size);
    give_pages(bytes.data(), size);
    bytes.resize(size);
    in.seekg(0);
    return static_cast<bool>(in.read(bytes.data(), static_cast<std::streamsize>(bytes.size())));
  }
  void put(std::string_view key, std::string_view bytes) override {
    const fs::path to = directory_ / key;
    const fs::path fresh = directory_ / fmt::format("{}.{}.new", key, getpid());
    {
      std::ofstream out(fresh, std::ios::binary);
      if (!out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return;
    }
    std::error_code error;
    fs::rename(fresh, to, error);
    if (error) fs::remove(fresh, error);
  }

 private:
  fs::path directory_;
};

// Without a home: below the folder for temporary files, where anybody may have made it before us. A
// database is an image of memory that the library trusts: what others can write there is not read,
// and the cache is where nothing can be.
fs::path temporary_cache() {
  const fs::path folder = fs::temp_directory_path() / fmt::format("winnow-{}", getuid());
  constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
  ::mkdir(folder.c_str(), S_IRWXU);
  struct stat is {};
  const bool ours = ::lstat(folder.c_str(), &is) == 0 && S_ISDIR(is.st_mode) &&
                    is.st_uid == ::geteuid() && (is.st_mode & kOthersWrite) == 0;
  return ours ? folder : fs::path("/dev/null");
}

fs::path default_cache() {
  if (const char* const xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg)
    return fs::path(xdg) / "winnow";
  if (const char* const home = std::getenv("HOME"); home && *home)
    return fs::path(home) / ".cache" / "winnow";
  return temporary_cache();
}

// The files of one side alone: those that override, or all others.
class OneLayer final : public FileSource {
 public:
  OneLayer(FileSource& files, bool overriding) : files_(files), overriding_(overriding) {}
  bool exists(std::string_view path) override { return shown(path) && files_.exists(path); }
  Result<std::string> read(std::string_view path) override { return files_.read(path); }
  std::vector<std::string> glob(std::string_view pattern) override {
    return shown(pattern) ? files_.glob(pattern) : std::vector<std::string>();
  }

 private:
  bool shown(std::string_view path) const {
    const bool overrides = path.find("/override.d/") != std::string_view::npos ||
                           path.ends_with("/rspamd.conf.override") ||
                           path.ends_with("/rspamd.conf.local.override");
    return overrides == overriding_;
  }
  FileSource& files_;
  const bool overriding_;
};

// A folder stands for the rspamd.conf in it.
std::string main_file(const std::string& config) {
  std::error_code error;
  return fs::is_directory(config, error) ? (fs::path(config) / "rspamd.conf").string() : config;
}

// What the site wrote beside its main file is read; the file itself need not be there.
bool is_tree(const std::string& main) {
  std::error_code error;
  if (fs::path(main).filename() != "rspamd.conf") return false;
  const fs::path folder = fs::path(main).parent_path();
  for (const char* const name : {"local.d", "override.d", "modules.local.d", "rspamd.conf.local"})
    if (fs::exists(folder / name, error)) return true;
  return false;
}

// A folder of the site that cannot be entered would look like one that is empty.
Result<void> check_folders(const std::string& main) {
  const fs::path folder = fs::path(main).parent_path();
  for (const char* const name : {"local.d", "override.d", "modules.local.d", "local.d/maps.d"}) {
    const std::string path = (folder / name).string();
    if (faccessat(AT_FDCWD, path.c_str(), R_OK | X_OK, AT_EACCESS) != 0 && errno == EACCES)
      return fail(
          Error{.what = fmt::format("cannot be read: {}", std::strerror(errno)), .file = path});
  }
  return {};
}

// What loading said joins what compiling said, in the order of files and lines. A value of the
// wrong type that the compile step has told of is not told twice.
void add_warnings(const std::vector<Warning>& more, RuleSet& rules) {
  const size_t compiled = rules.warnings.size();
  const auto told = [&](const Warning& warning) {
    if (warning.value_line == 0) return false;
    for (size_t i = 0; i < compiled; ++i)
      if (const Place& at = rules.warnings[i].place; at.file == warning.file &&
                                                     at.line == warning.value_line &&
                                                     at.column == warning.value_column)
        return true;
    return false;
  };
  for (const Warning& warning : more)
    if (!told(warning))
      rules.warnings.push_back(
          {{rules.intern(warning.file), warning.line, warning.column},
           warning.advice.empty() ? warning.what : warning.what + " " + warning.advice});
  std::ranges::stable_sort(rules.warnings, [](const ConfigWarning& a, const ConfigWarning& b) {
    return std::tie(a.place.file, a.place.line) < std::tie(b.place.file, b.place.line);
  });
}

constexpr int64_t kFetchBudgetMs = 30'000;

fs::path cache_of(const RulesOptions& options) {
  return options.cache.empty() ? default_cache() : fs::path(options.cache);
}

// Where the site wants copies of maps, if they can be written there; else beside the databases.
std::string map_cache_of(const RulesOptions& options, const MapSettings& settings) {
  if (!settings.cache_dir.empty() && access(settings.cache_dir.c_str(), W_OK) == 0)
    return settings.cache_dir;
  return cache_of(options) / "maps";
}

void parallel_tasks(size_t count, const std::function<void(size_t)>& task) {
#ifdef WINNOW_PLAIN_THREADS
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) task(i);
  };
  const std::jthread other(work);
  work();
#else
  tbb::parallel_for(size_t{0}, count, [&](size_t i) { task(i); });
#endif
}

}  // namespace

int64_t clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Result<Config> load_configuration(const RulesOptions& options) {
  // A name that was typed wrong must not end as the shipped policy alone.
  const std::string main = main_file(options.config);
  std::error_code error;
  for (const std::string& name : {main, options.policy})
    if (!name.empty() && !fs::exists(name, error) && (name == options.policy || !is_tree(name)))
      return fail(fmt::format("{}: there is no such configuration", name));
  if (!main.empty())
    if (Result<void> good = check_folders(main); !good) return fail(good.error());
  DiskFiles disk;
  LoadOptions load;
  load.config_path = main;
  load.policy_folder = options.policy;
  for (char** one = environ; *one; ++one) {
    const std::string_view text(*one);
    const size_t equals = text.find('=');
    if (text.starts_with("RSPAMD_") && equals != std::string_view::npos)
      load.env.emplace(text.substr(7, equals - 7), text.substr(equals + 1));
  }
  for (const auto& [name, value] : options.variables) load.vars.emplace(name, value);
  load.skip_template = options.skip_template;
  if (options.layers == RulesOptions::Layers::kAll) return load_config(disk, load);
  load.shipped_values = false;
  load.translate_old = false;
  OneLayer files(disk, options.layers == RulesOptions::Layers::kOverride);
  return load_config(files, load);
}

// The newest plan with its databases, which a rule set that follows shares.
struct RuleLoader::LatestPlan {
  std::mutex mutex;
  std::shared_ptr<const MatchPlan> plan;

  void set(std::shared_ptr<const MatchPlan> fresh) {
    const std::lock_guard lock(mutex);
    plan = std::move(fresh);
  }
  std::shared_ptr<const MatchPlan> get() {
    const std::lock_guard lock(mutex);
    return plan;
  }
};

RuleLoader::RuleLoader(RulesOptions options, MapService::Log log)
    : options_(std::move(options)),
      log_(log ? std::move(log) : [](std::string_view) {}),
      plan_(std::make_shared<LatestPlan>()) {}

RuleLoader::~RuleLoader() { stop(); }

Result<Loaded> RuleLoader::compile(const std::shared_ptr<const Config>& config, MapService& maps,
                                   const RuleSet* before) {
  const auto cache = std::make_shared<DirectoryCache>(cache_of(options_));
  CompileOptions compile;
  DiskFiles files;  // keys that sign
  compile.files = &files;
  compile.supply = &maps;
  compile.before = before;
  compile.keep_tests = options_.keep_tests;
  compile.match.databases = Databases::kCached;
  compile.match.cache = cache.get();
  compile.match.parallel = parallel_tasks;
  const std::shared_ptr<const MatchPlan> known = plan_->get();
  compile.match.before = known.get();
  Result<std::shared_ptr<RuleSet>> rules = compile_rules(config->root(), compile);
  if (!rules) return fail(rules.error());
  maps.retain((*rules)->maps);
  for (const std::string& key : maps.settings().refused_keys)
    (*rules)->warnings.push_back(
        {{}, fmt::format("options.trusted_keys: \"{}\" is no public key; it is ignored", key)});
  add_warnings(config->warnings, **rules);
  if (options_.strict && !(*rules)->warnings.empty()) {
    const ConfigWarning& first = (*rules)->warnings.front();
    return fail(fmt::format("{} warnings, and --strict makes them errors; the first: {}",
                            (*rules)->warnings.size(), first.text()));
  }
  plan_->set((*rules)->match);
  Loaded loaded;
  loaded.rules = *rules;
  loaded.config = config;
  if ((*rules)->match->report().missing > 0)
    loaded.build_databases = [match = (*rules)->match, cache, latest = plan_] {
      MatchOptions all;
      all.databases = Databases::kAll;
      all.cache = cache.get();
      all.parallel = parallel_tasks;
      std::shared_ptr<const MatchPlan> whole = match->with_databases(all);
      latest->set(whole);
      return whole;
    };
  return loaded;
}

Result<Loaded> RuleLoader::load() {
  Result<Config> parsed = load_configuration(options_);
  if (!parsed) return fail(parsed.error());
  const auto config = std::make_shared<const Config>(std::move(*parsed));
  MapSettings settings = read_map_settings(config->root());
  const std::string folder = map_cache_of(options_, settings);
  auto maps = std::make_unique<MapService>(std::move(settings), folder, log_);
  Result<Loaded> loaded = compile(config, *maps, rules_.get());
  if (!loaded) return fail(loaded.error());
  if (options_.fetch_maps && maps->fetch_due(kFetchBudgetMs)) {
    const std::shared_ptr<const RuleSet> cold = loaded->rules;
    loaded = compile(config, *maps, cold.get());
    if (!loaded) return fail(loaded.error());
  }
  stop();
  config_ = config;
  maps_ = std::move(maps);
  rules_ = loaded->rules;
  if (changed_) maps_->start(changed_);
  return loaded;
}

Result<Loaded> RuleLoader::refresh() {
  Result<Loaded> loaded = compile(config_, *maps_, rules_.get());
  if (loaded) rules_ = loaded->rules;
  return loaded;
}

void RuleLoader::watch(std::function<void()> changed) {
  changed_ = std::move(changed);
  if (maps_) maps_->start(changed_);
}

void RuleLoader::stop() {
  if (maps_) maps_->stop();
}

Result<Loaded> load_rules(const RulesOptions& options) { return RuleLoader(options).load(); }

}  // namespace winnow
