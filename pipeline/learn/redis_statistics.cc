// Counts that are asked for; learning is redis_learning.cc.
#include "pipeline/learn/redis_statistics.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

namespace winnow {

namespace {

constexpr size_t kFetchTokens = 20'000;
constexpr size_t kLearnsKept = 100'000;  // users whose learnt messages are kept in memory

// The spaces of the cache, one for each two classes.
std::vector<uint64_t> spaces_of(const TokenList& tokens) {
  const uint64_t base = tokens.scope * 4 + static_cast<uint64_t>(tokens.tokenizer);
  std::vector<uint64_t> out;
  for (size_t i = 0; i < tokens.classes.size(); i += 2) {
    std::string names = tokens.classes[i];
    if (i + 1 < tokens.classes.size()) (names += ' ') += tokens.classes[i + 1];
    out.push_back(base ^ XXH3_64bits(names.data(), names.size()));
  }
  if (out.empty()) out.push_back(base);
  return out;
}

}  // namespace

RedisStatistics::RedisStatistics(std::unique_ptr<RedisClient> client,
                                 RedisStatisticsOptions options)
    : client_(std::move(client)), options_(std::move(options)) {}

Result<std::unique_ptr<RedisStatistics>> RedisStatistics::open(
    std::unique_ptr<RedisClient> client, const RedisStatisticsOptions& options) {
  std::unique_ptr<RedisStatistics> out(new RedisStatistics(std::move(client), options));
  if (options.folder.empty()) return out;
  auto journal = RedisJournal::open({.folder = options.folder,
                                     .pending_bytes_max = options.pending_bytes_max,
                                     .kept_bytes = options.kept_bytes});
  if (!journal) return fail(journal.error());
  out->journal_ = std::move(*journal);
  return out;
}

RedisStatistics::~RedisStatistics() {
  {
    const std::lock_guard lock(asked_mutex_);
    stop_ = true;
  }
  asked_wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

uint64_t RedisStatistics::state() const {
  const std::lock_guard lock(mutex_);
  const RedisDeadline now = RedisClock::now();
  if (now >= state_until_) {
    ++state_;
    state_until_ = now + std::chrono::milliseconds(options_.cache_ms);
  }
  return state_;
}

std::vector<uint32_t> RedisStatistics::fill(const TokenList& tokens, const std::string& key,
                                            uint64_t now, TokenCounts& out,
                                            bool& learns_known) const {
  resize_counts(tokens, out);
  {
    const std::lock_guard lock(mutex_);
    const auto found = learns_.find({key, tokens.classes});
    learns_known = found != learns_.end() && found->second.first == now;
    for (size_t i = 0; learns_known && i < found->second.second.size(); ++i)
      out.set_learnt(i, found->second.second[i]);
  }
  std::vector<uint32_t> missing;
  const std::vector<uint64_t> spaces = spaces_of(tokens);
  for (size_t i = 0; i < spaces.size(); ++i)
    cache_.find(now, spaces[i], tokens.hashes, i == 0 ? out.counts : out.more[i - 1].counts,
                missing);
  if (spaces.size() > 1) {
    std::ranges::sort(missing);
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  }
  return missing;
}

std::optional<TokenCounts> RedisStatistics::counts_at_hand(const TokenList& tokens) const {
  TokenCounts out;
  bool learns_known = false;
  const std::vector<uint32_t> missing =
      fill(tokens, redis_key_of(options_.layout, tokens), state(), out, learns_known);
  if (!learns_known || !missing.empty()) return std::nullopt;
  return out;
}

// One message of a pipeline: its learns, then its missing tokens.
struct RedisStatistics::Fetch {
  const TokenList* tokens;
  std::string key;
  uint64_t now = 0;
  TokenCounts counts = {};
  std::vector<uint32_t> missing = {};
  size_t classes = 2;

  void ask(const RedisLayout& layout, RedisBatch& batch) {
    std::vector<std::string> fields, learns;
    for (const std::string& one : redis_classes_of(*tokens)) {
      const RedisLayout::Class stands = redis_class_of(layout, one);
      fields.push_back(stands.field);
      learns.push_back(stands.learns_field());
    }
    classes = fields.size();
    batch.shard(key);
    std::vector<std::string_view> words{"HMGET", key};
    words.insert(words.end(), learns.begin(), learns.end());
    batch.add(key, words);
    std::string name = key + "_";
    const size_t stem = name.size();
    std::ranges::copy(fields, words.begin() + 2);
    for (const uint32_t i : missing) {
      name.resize(stem);
      name += std::to_string(tokens->hashes[i]);
      words[1] = name;
      batch.add(name, words);
    }
  }
  // False where Redis says no.
  bool take(std::span<const RedisReply> replies, Error& error) {
    for (const RedisReply& reply : replies) {
      // A key of somebody else's is a token that nobody has learnt.
      if (&reply != &replies[0] && reply.is_error() && reply.text.starts_with("WRONGTYPE"))
        continue;
      if (redis_refuses(reply, error)) return false;
      if (reply.items.size() == classes) continue;
      error = {.what = "redis: HMGET answers what it should not"};
      return false;
    }
    const auto number = [&](size_t i, size_t item) {
      const std::vector<RedisReply>& items = replies[i].items;
      return items.empty() ? 0 : std::max<int64_t>(0, items[item].number());
    };
    for (size_t one = 0; one < classes; ++one) {
      counts.set_learnt(one, static_cast<uint64_t>(number(0, one)));
      for (size_t i = 0; i < missing.size(); ++i)
        counts.set_count(one, missing[i], redis_count(number(i + 1, one)));
    }
    return true;
  }
};

std::vector<Result<TokenCounts>> RedisStatistics::fetch(
    std::span<const TokenList* const> lists) const {
  std::vector<Result<TokenCounts>> out;
  for (size_t at = 0; at < lists.size();) {
    RedisBatch batch;
    std::vector<Fetch> step;
    for (; at < lists.size() && batch.size() < kFetchTokens; ++at) {
      Fetch one{.tokens = lists[at], .key = redis_key_of(options_.layout, *lists[at])};
      one.now = state();
      bool learns_known = false;
      one.missing = fill(*one.tokens, one.key, one.now, one.counts, learns_known);
      one.ask(options_.layout, batch);
      step.push_back(std::move(one));
    }
    const auto replies = client_->run(batch, RedisUse::kRead);
    size_t begin = 0;
    for (Fetch& one : step) {
      if (!replies) {
        out.push_back(fail(replies.error()));
        continue;
      }
      const size_t n = one.missing.size() + 1;
      Error error;
      const bool good = one.take(std::span(*replies).subspan(begin, n), error);
      begin += n;
      if (!good) {
        out.push_back(fail(std::move(error)));
        continue;
      }
      const std::vector<uint64_t> spaces = spaces_of(*one.tokens);
      for (size_t i = 0; i < spaces.size(); ++i)
        cache_.keep(one.now, spaces[i], one.tokens->hashes,
                    i == 0 ? one.counts.counts : one.counts.more[i - 1].counts, one.missing);
      std::vector<uint64_t> learns;
      for (size_t i = 0; i < one.classes; ++i) learns.push_back(one.counts.learnt(i));
      {
        const std::lock_guard lock(mutex_);
        if (learns_.size() >= kLearnsKept) learns_.clear();
        if (one.now == state_)
          learns_[{one.key, one.tokens->classes}] = {one.now, std::move(learns)};
      }
      out.push_back(std::move(one.counts));
    }
  }
  return out;
}

Result<TokenCounts> RedisStatistics::counts(const TokenList& tokens) const {
  if (std::optional<TokenCounts> there = counts_at_hand(tokens)) return std::move(*there);
  const TokenList* const one = &tokens;
  return std::move(fetch({&one, 1}).front());
}

Result<LearnCount> RedisStatistics::learns(Tokenizer tokenizer, uint64_t) const {
  const Result<TokenCounts> found = learns_of(tokenizer, {});
  if (!found) return fail(found.error());
  return found->learns;
}

Result<TokenCounts> RedisStatistics::learns_of(Tokenizer tokenizer,
                                               std::span<const std::string> classes) const {
  TokenList none;
  none.tokenizer = tokenizer;
  none.classes.assign(classes.begin(), classes.end());
  std::optional<TokenCounts> before;
  {
    const std::lock_guard lock(mutex_);
    if (const auto kept = learns_.find({redis_key_of(options_.layout, none), none.classes});
        kept != learns_.end()) {
      resize_counts(none, before.emplace());
      for (size_t i = 0; i < kept->second.second.size(); ++i)
        before->set_learnt(i, kept->second.second[i]);
    }
  }
  if (!before) return counts(none);
  // Who asks for this draws a page: what was is enough, and what is will be there the next time.
  if (!counts_at_hand(none)) ask_counts(std::move(none), [](Result<TokenCounts>&&) {});
  return std::move(*before);
}

void RedisStatistics::ask_counts(TokenList&& tokens, Done done) const {
  {
    const std::lock_guard lock(asked_mutex_);
    asked_.push_back({std::move(tokens), std::move(done)});
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  }
  asked_wake_.notify_one();
}

// Whoever asks while Redis answers goes together into the next pipeline.
void RedisStatistics::work() const {
  for (;;) {
    std::vector<Asked> asked;
    bool stop = false;
    {
      std::unique_lock lock(asked_mutex_);
      asked_wake_.wait(lock, [&] { return stop_ || !asked_.empty(); });
      asked.swap(asked_);
      stop = stop_;
    }
    if (asked.empty()) return;
    std::vector<const TokenList*> lists;
    lists.reserve(asked.size());
    for (const Asked& one : asked) lists.push_back(&one.tokens);
    std::vector<Result<TokenCounts>> found;
    if (!stop) found = fetch(lists);
    for (size_t i = 0; i < asked.size(); ++i)
      asked[i].done(stop ? Result<TokenCounts>(fail("the service ends")) : std::move(found[i]));
  }
}

}  // namespace winnow
