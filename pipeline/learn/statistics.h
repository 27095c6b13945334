// A site's statistics: the learning log, and the model that is made from it (token counts in a
// store), in one folder. The log is the truth; the store remembers how far it has come in it, and
// each step of it is one batch, so a death at any moment leaves nothing half learnt or learnt
// twice.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/classify/tokens.h"
#include "pipeline/learn/count_cache.h"
#include "pipeline/learn/learning_log.h"
#include "pipeline/learn/site_statistics.h"
#include "pipeline/learn/statistics_layout.h"
#include "pipeline/lookup/store/table.h"

namespace winnow {

struct TokenStatisticsOptions {
  std::string folder;
  uint64_t limit_bytes = 4ull << 30;  // of the store's file
  bool read_only = false;             // REQUIRED then: it is there
};

class TokenStatistics final : public SiteStatistics {
 public:
  static Result<std::unique_ptr<TokenStatistics>> open(const TokenStatisticsOptions& options);
  // Whether there are any in a folder.
  static bool exists(const std::string& folder);

  Result<TokenCounts> counts(const TokenList& tokens) const override;
  Result<LearnCount> learns(Tokenizer tokenizer, uint64_t scope) const override;
  Result<TokenCounts> learns_of(Tokenizer tokenizer,
                                std::span<const std::string> classes) const override;
  // When it returns, all of it is on disk and in the model. Also between processes.
  Result<std::vector<Learnt>> learn(std::span<const LearnRecord> records) override;
  Result<std::vector<Learnt>> try_learn(std::span<const LearnRecord> records) const override;
  uint64_t used_bytes() const override;

  // The counts of each list as they would be once `records` are learnt; nothing is written.
  Result<std::vector<TokenCounts>> counts_with(std::span<const LearnRecord> records,
                                               std::span<const TokenList> lists) const;
  // Of the messages that are kept as canaries (canaries.h) nothing is learnt. Read when opened, and
  // here once more.
  Result<void> read_canaries();

  // Puts right what a rebuild found wrong, in one batch. REQUIRED: the log's lock is held.
  Result<void> mend(const StoreBatch& batch);
  const LearningLog& log() const { return *log_; }
  const Store& store() const { return *store_; }

 private:
  class Step;

  TokenStatistics(std::string folder, std::unique_ptr<LearningLog> log,
                  std::unique_ptr<Store> store)
      : folder_(std::move(folder)), log_(std::move(log)), store_(std::move(store)) {}
  Result<uint64_t> position() const;
  Result<uint64_t> catch_up(uint64_t position);
  void fill_cache(uint64_t version) const;
  Result<TokenCounts> pair_counts(const TokenList& tokens, uint8_t plane) const;

  const std::string folder_;
  std::unique_ptr<LearningLog> log_;
  std::unique_ptr<Store> store_;
  mutable CountCache cache_;
  std::set<LearnDigest> canaries_;

  friend Result<uint64_t> rebuild_model(const LearningLog& log, Store& store,
                                        std::optional<int64_t> until_ms);
};

// Makes the model of a log in an empty store; of its records up to `until_ms` where that is given.
// Returns how many records there were.
Result<uint64_t> rebuild_model(const LearningLog& log, Store& store,
                               std::optional<int64_t> until_ms = std::nullopt);

// All of a model as bytes: equal models, equal bytes. Calls `take` with pieces.
Result<void> dump_model(const Store& store, const std::function<void(std::string_view)>& take);

// The files of a folder of statistics.
std::string learning_log_path(const std::string& folder);

}  // namespace winnow
