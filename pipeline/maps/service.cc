#include "pipeline/maps/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/crypt/keys.h"
#include "engine/crypt/verify.h"
#include "pipeline/load.h"
#include "pipeline/maps/folder_watch.h"
#include "pipeline/maps/http_fetch.h"
#include "pipeline/maps/map_file.h"

namespace winnow {

namespace {

constexpr int64_t kFirstRetryMs = 10'000;
constexpr int64_t kSettleMs = 100;  // between an event in a folder and the look at its files

FetchLimits fetch_limits(const MapSettings& settings) {
  FetchLimits limits;
  limits.connect_timeout_ms = settings.connect_timeout_ms;
  limits.read_timeout_ms = settings.read_timeout_ms;
  limits.total_timeout_ms = std::max<int64_t>(20 * settings.read_timeout_ms, 60'000);
  limits.bytes_max = settings.remote_bytes_max;
  limits.ca_path = settings.ca_path;
  return limits;
}

// Where the signature of a URL is: ".sig" behind its path.
std::string signature_url(const std::string& url) {
  const size_t end = std::min(url.find_first_of("?#"), url.size());
  return url.substr(0, end) + ".sig" + url.substr(end);
}

uint64_t version_of(uint64_t hash) { return hash | 2; }  // neither unknown nor absent

// Up to a tenth of a pause, by a hash of the name.
int64_t spread(const std::string& name, int64_t pause_ms) {
  return static_cast<int64_t>(map_bytes_hash(name) %
                              static_cast<uint64_t>(std::max<int64_t>(pause_ms / 10, 1)));
}

FileStamp stamp_source(const MapSource& source) {
  FileStamp stamp = stamp_file(source.text);
  if (source.is_signed) stamp.version ^= stamp_file(source.text + ".sig").version << 1;
  return stamp;
}

}  // namespace

MapService::MapService(MapSettings settings, const std::string& cache, Log log)
    : settings_(std::move(settings)),
      cache_(cache),
      log_(std::move(log)),
      fetcher_(std::make_unique<HttpFetcher>(fetch_limits(settings_))),
      folders_(std::make_unique<FolderWatch>()) {}

MapService::~MapService() { stop(); }

bool MapService::exists(std::string_view path) { return stamp_file(std::string(path)).present; }

// --- What rules ask ---

MapService::Remote& MapService::remote(const MapSource& source) {
  const std::string name = source.name();
  const auto [at, fresh] = remotes_.try_emplace(name);
  Remote& one = at->second;
  if (!fresh) return one;
  one.source = source;
  one.name = name;
  one.copy = cache_.find(name);
  if (std::optional<MapCheck> check = cache_.check(name)) one.check = std::move(*check);
  if (!one.copy) one.check.next_ms = 0;
  fetcher_->wakeup();  // it may be due before anything else
  return one;
}

uint64_t MapService::version(const MapSource& source) {
  if (source.kind == MapSourceKind::kRemote) {
    const Lock lock(mutex_);
    const Remote& one = remote(source);
    // Why there is none may have changed: read() says it.
    return one.copy ? version_of(one.copy->hash) : kUnknownVersion;
  }
  const uint64_t now = stamp_source(source).version;
  const Lock lock(mutex_);
  folders_->add_folder_of(source.text);
  files_[source.name()] = {source, now};
  return now;
}

Result<MapBytes> MapService::read(const MapSource& source) {
  return source.kind == MapSourceKind::kRemote ? read_remote(source) : read_file(source);
}

Result<MapBytes> MapService::read_remote(const MapSource& source) {
  std::optional<MapCopy> copy;
  std::optional<std::string> bytes;
  std::string error;
  {
    const Lock lock(mutex_);
    const Remote& one = remote(source);
    copy = one.copy;
    bytes = one.memory;
    error = one.check.error;
  }
  if (!copy) return fail(error.empty() ? "is not fetched yet" : error);
  if (!bytes) bytes = cache_.body(*copy, settings_.remote_bytes_max);
  Result<void> good = bytes ? verify(source, *bytes, copy->signature)
                            : Result<void>(fail("has a copy on disk that is broken"));
  if (!good) {
    const Lock lock(mutex_);
    Remote& one = remote(source);
    one.copy.reset();
    one.memory.reset();
    one.check = {};
    return fail(good.error());
  }
  return MapBytes{std::move(*bytes), version_of(copy->hash)};
}

Result<MapBytes> MapService::read_file(const MapSource& source) {
  Result<StampedFile> file = read_map_file(source.text, settings_.bytes_max);
  if (!file) return fail(file.error());
  uint64_t version = file->stamp.version;
  if (source.is_signed) {
    Result<StampedFile> signature = read_map_file(source.text + ".sig", 4096);
    if (!signature)
      return fail(fmt::format("has no signature: its .sig {}", signature.error().what));
    if (Result<void> good = verify(source, file->bytes, signature->bytes); !good)
      return fail(good.error());
    version ^= signature->stamp.version << 1;
  }
  const Lock lock(mutex_);
  files_[source.name()] = {source, version};
  return MapBytes{std::move(file->bytes), version};
}

Result<void> MapService::verify(const MapSource& source, std::string_view bytes,
                                std::string_view signature) const {
  if (!source.is_signed) return {};
  if (signature.size() != 64) return fail("has a signature that is not 64 bytes long");
  if (!source.key.empty()) {
    const std::optional<std::string> key = read_public_key(source.key);
    if (!key) return fail(fmt::format("cannot be checked: \"{}\" is no public key", source.key));
    if (verify_ed25519(*key, bytes, signature) == Verified::kGood) return {};
    return fail("is not signed by its key");
  }
  if (settings_.trusted_keys.empty())
    return fail("cannot be checked: options.trusted_keys names no key");
  for (const std::string& key : settings_.trusted_keys)
    if (verify_ed25519(key, bytes, signature) == Verified::kGood) return {};
  return fail("is not signed by a trusted key");
}

void MapService::retain(const std::vector<MapInfo>& maps) {
  std::set<std::string> wanted;
  for (const MapInfo& map : maps)
    for (const MapSource& source : map.spec.sources) wanted.insert(source.name());
  const Lock lock(mutex_);
  std::erase_if(remotes_, [&](const auto& one) {
    return !one.second.under_way && !wanted.contains(one.first);
  });
  std::erase_if(files_, [&](const auto& one) { return !wanted.contains(one.first); });
}

MapSourceState MapService::state(const MapSource& source) const {
  MapSourceState out;
  out.name = source.name();
  out.remote = source.kind == MapSourceKind::kRemote;
  if (out.remote) {
    const Lock lock(mutex_);
    const auto at = remotes_.find(out.name);
    if (at == remotes_.end()) return out;
    const Remote& one = at->second;
    out.present = one.copy.has_value();
    if (one.copy) {
      out.bytes = one.copy->bytes;
      out.changed_ms = one.copy->fetched_ms;
    }
    out.next_ms = one.check.next_ms;
    out.failures = one.check.failures;
    out.error = one.check.error;
  } else if (source.kind == MapSourceKind::kFile) {
    const FileStamp stamp = stamp_file(source.text);
    out.present = stamp.present;
    out.bytes = stamp.bytes;
    out.changed_ms = stamp.modified_ms;
  }
  return out;
}

// --- Fetching ---

size_t MapService::start_due(int64_t now_ms) {
  const Lock lock(mutex_);
  size_t started = 0;
  for (auto& [key, one] : remotes_) {
    if (one.under_way || one.check.next_ms > now_ms) continue;
    one.under_way = true;
    ++started;
    FetchRequest request{.url = one.source.text, .etag = {}, .last_modified = {}};
    if (one.copy) {
      request.etag = one.copy->etag;
      request.last_modified = one.copy->last_modified;
    }
    fetcher_->start(std::move(request),
                    [this, name = key](FetchReply&& reply) { fetched(name, std::move(reply)); });
  }
  return started;
}

void MapService::fetched(const std::string& name, FetchReply&& reply) {
  if (reply.kind == FetchReply::Kind::kFailed) return failed(name, std::move(reply.error));
  if (reply.kind == FetchReply::Kind::kSame) {
    const int64_t until = fresh_until(reply, clock_ms());
    const Lock lock(mutex_);
    return checked(remotes_.at(name), until);
  }
  std::string url;
  {
    const Lock lock(mutex_);
    const Remote& one = remotes_.at(name);
    if (one.source.is_signed) url = signature_url(one.source.text);
  }
  if (url.empty()) return keep(name, std::move(reply), {});
  fetcher_->start({.url = url, .etag = {}, .last_modified = {}},
                  [this, name, body = std::move(reply)](FetchReply&& signature) mutable {
                    fetched_signature(name, std::move(body), std::move(signature));
                  });
}

void MapService::fetched_signature(const std::string& name, FetchReply&& body,
                                   FetchReply&& signature) {
  if (signature.kind != FetchReply::Kind::kBody)
    return failed(name, fmt::format("has no signature: its .sig {}", signature.error));
  MapSource source;
  {
    const Lock lock(mutex_);
    source = remotes_.at(name).source;
  }
  if (Result<void> good = verify(source, body.body, signature.body); !good)
    return failed(name, good.error().what);
  keep(name, std::move(body), std::move(signature.body));
}

void MapService::keep(const std::string& name, FetchReply&& body, std::string signature) {
  const int64_t now_ms = clock_ms();
  MapCopy copy;
  copy.source = name;
  copy.etag = std::move(body.etag);
  copy.last_modified = std::move(body.last_modified);
  copy.signature = std::move(signature);
  copy.fetched_ms = now_ms;
  copy.hash = map_bytes_hash(body.body);
  copy.bytes = body.body.size();
  const bool on_disk = !forbids_storing(body) && cache_.put(copy, body.body);
  if (!on_disk) cache_.drop(name);
  const Lock lock(mutex_);
  Remote& one = remotes_.at(name);
  const bool changed = !one.copy || one.copy->hash != copy.hash;
  one.copy = std::move(copy);
  one.memory.reset();
  if (!on_disk) one.memory = std::move(body.body);
  checked(one, fresh_until(body, now_ms));
  if (!changed) return;
  dirty_ = true;
  log_(fmt::format("map {} is fetched: {} bytes", name, one.copy->bytes));
}

void MapService::checked(Remote& one, int64_t fresh_until_ms) {
  const int64_t now_ms = clock_ms();
  const int64_t pause = std::max(settings_.check_interval_ms, fresh_until_ms - now_ms);
  one.under_way = false;
  one.check = {.checked_ms = now_ms,
               .next_ms = now_ms + pause + spread(one.name, pause),
               .failures = 0,
               .error = {}};
  if (!one.memory) cache_.put_check(one.name, one.check);
}

void MapService::failed(const std::string& name, std::string why) {
  const int64_t now_ms = clock_ms();
  const Lock lock(mutex_);
  Remote& one = remotes_.at(name);
  one.under_way = false;
  ++one.check.failures;
  const int64_t pause = std::min(settings_.check_interval_ms,
                                 kFirstRetryMs << std::min<uint32_t>(one.check.failures - 1, 16));
  one.check.checked_ms = now_ms;
  one.check.next_ms = now_ms + pause + spread(name, pause);
  one.check.error = std::move(why);
  cache_.put_check(name, one.check);
  log_(fmt::format("map {} {}; {}; the next try is in {} s", name, one.check.error,
                   one.copy ? "its last copy stays" : "it counts as empty",
                   (one.check.next_ms - now_ms + 999) / 1000));
}

bool MapService::fetch_due(int64_t budget_ms) {
  const int64_t end_ms = clock_ms() + budget_ms;
  start_due(clock_ms());
  while (fetcher_->busy()) {
    const int64_t left = end_ms - clock_ms();
    if (left <= 0) break;
    fetcher_->poll(static_cast<int>(std::min<int64_t>(left, 1000)));
  }
  if (fetcher_->busy()) {
    fetcher_ = std::make_unique<HttpFetcher>(fetch_limits(settings_));
    std::vector<std::string> late;
    {
      const Lock lock(mutex_);
      for (const auto& [name, one] : remotes_)
        if (one.under_way) late.push_back(name);
    }
    for (const std::string& name : late)
      failed(name, fmt::format("is not here after {} s, which is as long as is waited",
                               budget_ms / 1000));
  }
  const Lock lock(mutex_);
  return std::exchange(dirty_, false);
}

// --- Watching ---

int64_t MapService::next_due_ms() const {
  const Lock lock(mutex_);
  int64_t next = INT64_MAX;
  for (const auto& [name, one] : remotes_)
    if (!one.under_way) next = std::min(next, one.check.next_ms);
  return next;
}

bool MapService::files_changed() {
  std::vector<File> files;
  {
    const Lock lock(mutex_);
    for (const auto& [name, one] : files_) {
      files.push_back(one);
      folders_->add_folder_of(one.source.text);
    }
  }
  bool any = false;
  for (const File& one : files) {
    const uint64_t now = stamp_source(one.source).version;
    if (now == one.seen) continue;
    const Lock lock(mutex_);
    const auto at = files_.find(one.source.name());
    if (at == files_.end() || at->second.seen == now) continue;
    at->second.seen = now;
    log_(fmt::format("map {} has changed", one.source.text));
    any = true;
  }
  return any;
}

void MapService::work(const std::function<void()>& changed) {
  int64_t next_look_ms = clock_ms() + settings_.file_interval_ms;
  int64_t dirty_since_ms = 0;
  bool event = false;
  for (;;) {
    int64_t now_ms = clock_ms();
    start_due(now_ms);
    bool dirty = false;
    {
      const Lock lock(mutex_);
      if (stop_) return;
      dirty = dirty_;
    }
    if (dirty && dirty_since_ms == 0) dirty_since_ms = now_ms;
    if (dirty && (!fetcher_->busy() || now_ms - dirty_since_ms >= kGatherMs)) {
      {
        const Lock lock(mutex_);
        dirty_ = false;
      }
      dirty_since_ms = 0;
      changed();
      continue;
    }
    int64_t until_ms = std::min(next_look_ms, next_due_ms());
    if (dirty) until_ms = std::min(until_ms, dirty_since_ms + kGatherMs);
    const int64_t wait_ms = std::clamp<int64_t>(until_ms - now_ms, 0, 60'000);
    // After an event the fd rests until the folder has settled, so that a busy folder costs little.
    fetcher_->poll(static_cast<int>(wait_ms), event ? -1 : folders_->fd());
    now_ms = clock_ms();
    if (!event && folders_->take()) {
      event = true;
      next_look_ms = std::min(next_look_ms, now_ms + kSettleMs);
    }
    if (now_ms < next_look_ms) continue;
    event = false;
    (void)folders_->take();
    next_look_ms = now_ms + settings_.file_interval_ms;
    if (!files_changed()) continue;
    const Lock lock(mutex_);
    dirty_ = true;
  }
}

void MapService::start(std::function<void()> changed) {
  thread_ = std::thread([this, f = std::move(changed)] { work(f); });
}

void MapService::stop() {
  {
    const Lock lock(mutex_);
    stop_ = true;
  }
  fetcher_->wakeup();
  if (thread_.joinable()) thread_.join();
}

}  // namespace winnow
