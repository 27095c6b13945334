// The map service: owns what maps are made of. Files are read and watched; what HTTP servers hold
// is fetched conditionally, kept in memory or on disk (cache.h), and asked for again when it is
// due; signatures are checked before anything is kept.
//
//   rules ask            version(), read()            any thread; never the network
//   scan, winnow maps    fetch_due()                  the caller's thread; bounded
//   serve                start(changed) … stop()      a thread that watches and fetches
//
// A source is known from the first time rules ask for it until retain() no longer names it.
// `changed` is called on the service's thread when something that was read has changed since, and
// nothing is under way (or kGatherMs have passed): who loads rules then compiles them anew, and
// what has not changed is shared (rules/maps/store.h).
//
// When a remote source is asked again: not before its Cache-Control or Expires say so, not more
// often than map_watch_interval; after failures sooner, with doubling pauses. Times are spread by
// up to a tenth, by a hash of the source, so that many lists are not due at once.
//
// Files are watched through inotify on their folders; the interval is for file systems that tell
// nothing.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/maps/cache.h"
#include "pipeline/maps/settings.h"
#include "rules/maps/store.h"
#include "rules/maps/supply.h"

namespace winnow {

class HttpFetcher;
struct FetchReply;
class FolderWatch;

// What is known of one source, for `winnow maps`.
struct MapSourceState {
  std::string name;
  bool remote = false;
  bool present = false;
  uint64_t bytes = 0;
  int64_t changed_ms = 0;  // file: last modified; remote: fetched; Unix ms, 0 = unknown
  int64_t next_ms = 0;     // next check of a remote source
  uint32_t failures = 0;   // in a row
  std::string error;       // of the last check; empty = good
};

class MapService final : public MapSupply {
 public:
  using Log = std::function<void(std::string_view)>;

  // `cache`: where copies of remote maps are. `log` is told of every check that fails and every
  // change; called by any thread
  // and under a lock: it must not ask the service.
  MapService(MapSettings settings, const std::string& cache, Log log);
  ~MapService() override;

  bool exists(std::string_view path) override;
  uint64_t version(const MapSource& source) override;
  Result<MapBytes> read(const MapSource& source) override;
  size_t bytes_max() const override { return settings_.bytes_max; }
  const MapSettings& settings() const { return settings_; }

  // Fetches what is due and waits for it, `budget_ms` at most. True where something changed.
  // REQUIRED: start() was not called.
  bool fetch_due(int64_t budget_ms);
  void start(std::function<void()> changed);
  void stop();
  // Forgets sources that none of these maps has.
  void retain(const std::vector<MapInfo>& maps);

  MapSourceState state(const MapSource& source) const;

  static constexpr int64_t kGatherMs = 2'000;

 private:
  struct Remote {
    MapSource source;
    std::string name;
    std::optional<MapCopy> copy;        // what is there
    std::optional<std::string> memory;  // its body, where the disk does not have it
    MapCheck check;
    bool under_way = false;
  };
  struct File {
    MapSource source;
    uint64_t seen = 0;  // the version that rules know
  };
  using Lock = std::lock_guard<std::mutex>;

  Remote& remote(const MapSource& source);  // REQUIRED: mutex_ is held
  Result<MapBytes> read_remote(const MapSource& source);
  Result<MapBytes> read_file(const MapSource& source);
  Result<void> verify(const MapSource& source, std::string_view bytes,
                      std::string_view signature) const;

  size_t start_due(int64_t now_ms);
  void fetched(const std::string& name, FetchReply&& reply);
  void fetched_signature(const std::string& name, FetchReply&& body, FetchReply&& signature);
  void keep(const std::string& name, FetchReply&& body, std::string signature);
  void failed(const std::string& name, std::string why);
  void checked(Remote& one, int64_t fresh_until_ms);
  int64_t next_due_ms() const;
  bool files_changed();
  void work(const std::function<void()>& changed);

  const MapSettings settings_;
  const MapCache cache_;
  const Log log_;
  std::unique_ptr<HttpFetcher> fetcher_;
  std::unique_ptr<FolderWatch> folders_;

  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Remote> remotes_;
  std::map<std::string, File> files_;
  bool dirty_ = false;  // something changed and `changed` was not called yet
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace winnow
