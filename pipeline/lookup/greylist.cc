#include "pipeline/lookup/greylist.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "pipeline/lookup/store/redis_client.h"
#include "rules/checks/state/greylist_take.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

class InStore final : public GreylistRecords {
 public:
  explicit InStore(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  Result<std::vector<std::string>> get(std::span<const std::string> keys, int64_t now_ms) override {
    std::vector<std::string> named;
    for (const std::string& key : keys) named.push_back(name(key));
    const std::vector<std::string_view> views(named.begin(), named.end());
    auto found = store_->get(views, now_ms);
    if (!found) return fail(found.error());
    std::vector<std::string> out;
    for (std::optional<std::string>& one : *found) out.push_back(std::move(one).value_or(""));
    return out;
  }
  Result<void> set(std::span<const Record> records) override {
    StoreBatch batch;
    int64_t now_ms = 0;
    for (const Record& one : records) {
      batch.set(name(one.key), one.value, one.now_ms + int64_t{one.life_s} * 1'000);
      now_ms = std::max(now_ms, one.now_ms);
    }
    const Result<bool> done = store_->apply(batch, now_ms);
    if (!done) return fail(done.error());
    // More than comes: the store holds what is known and little else.
    const Result<uint64_t> swept = store_->expire(now_ms, 2 * records.size());
    if (!swept) return fail(swept.error());
    return {};
  }

 private:
  // Other modules have the same store.
  static std::string name(const std::string& key) { return "greylist:" + key; }
  const std::shared_ptr<Store> store_;
};

class InRedis final : public GreylistRecords {
 public:
  explicit InRedis(std::unique_ptr<RedisClient> client) : client_(std::move(client)) {}

  Result<std::vector<std::string>> get(std::span<const std::string> keys, int64_t) override {
    RedisBatch batch;
    batch.repeatable = true;
    for (const std::string& key : keys) batch.add(key, {"GET", key});
    auto replies = client_->run(batch, RedisUse::kWrite);
    if (!replies) return fail(replies.error());
    std::vector<std::string> out;
    for (RedisReply& one : *replies) {
      if (one.is_error()) return fail(fmt::format("redis: {}", one.text));
      out.push_back(one.kind == RedisReply::Kind::kText ? std::move(one.text) : std::string());
    }
    return out;
  }
  Result<void> set(std::span<const Record> records) override {
    RedisBatch batch;
    batch.repeatable = true;
    for (const Record& one : records)
      batch.add(one.key, {"SETEX", one.key, std::to_string(one.life_s), one.value});
    const auto replies = client_->run(batch, RedisUse::kWrite);
    if (!replies) return fail(replies.error());
    for (const RedisReply& one : *replies)
      if (one.is_error()) return fail(fmt::format("redis: {}", one.text));
    return {};
  }

 private:
  const std::unique_ptr<RedisClient> client_;
};

bool is_ours(const Question& question, const Answer& answer) {
  return answer.state == AnswerState::kOpen && question.kind == QuestionKind::kTake &&
         question.type == kGreylistTake;
}

// A take of a round, with what is known of its keys.
struct Asked {
  Evidence* evidence;
  size_t question;
  GreylistTake take;
  std::array<std::string, 2> keys, values;
  bool hangs = false;  // its answer holds only where the round's records are written
};

constexpr Answer kFailed{.state = AnswerState::kUnknown, .reason = UnknownReason::kServerFailure};

void give(const Asked& one, const Answer& answer) { one.evidence->answers[one.question] = answer; }

// Judges takes in their order; returns what is to be written.
std::vector<GreylistRecords::Record> take_all(std::vector<Asked>& asked) {
  std::vector<GreylistRecords::Record> records;
  std::unordered_map<std::string, std::string> left;  // by those of the round so far
  for (Asked& one : asked) {
    const GreylistTake& take = one.take;
    for (size_t k = 0; k < one.keys.size(); ++k)
      if (const auto at = left.find(one.keys[k]); at != left.end()) {
        one.values[k] = at->second;
        one.hangs = true;
      }
    const GreylistSeen seen =
        judge_greylist(one.values[0], one.values[1], take.now_s, take.timeout_s);
    if (seen.state == GreylistState::kEarly) continue;
    for (size_t k = 0; k < one.keys.size(); ++k) {
      const bool fresh = seen.state == GreylistState::kNew;
      if (!fresh && one.values[k].empty()) continue;
      // What has waited lives on from now.
      std::string value = fresh ? std::to_string(take.now_s) : one.values[k];
      left.insert_or_assign(one.keys[k], value);
      records.push_back({one.keys[k], std::move(value), take.now_s * 1'000, take.expire_s});
      one.hangs |= fresh;
    }
  }
  return records;
}

}  // namespace

std::unique_ptr<GreylistRecords> greylist_records(std::shared_ptr<Store> store) {
  return std::make_unique<InStore>(std::move(store));
}
std::unique_ptr<GreylistRecords> greylist_records(std::unique_ptr<RedisClient> client) {
  return std::make_unique<InRedis>(std::move(client));
}

Greylist::Greylist(std::unique_ptr<GreylistRecords> records, Tell tell)
    : records_(std::move(records)),
      tell_(std::move(tell)),
      rounds_(kRoundMax, [this](std::span<const Rounds::Waiting> round) { answer(round); }) {}

bool Greylist::ask(Evidence& evidence, Ready ready) {
  bool any = false;
  for (size_t i = 0; i < evidence.questions.size(); ++i)
    any |= is_ours(evidence.questions[i], evidence.answers[i]);
  if (!any) return true;
  rounds_.add(evidence, std::move(ready));
  return false;
}

void Greylist::answer(std::span<const Rounds::Waiting> round) {
  std::vector<Asked> asked;
  std::vector<std::string> keys;
  int64_t now_s = 0;
  for (const Rounds::Waiting& one : round)
    for (size_t i = 0; i < one.evidence->questions.size(); ++i) {
      if (!is_ours(one.evidence->questions[i], one.evidence->answers[i])) continue;
      std::optional<GreylistTake> take = read_greylist_take(one.evidence->questions[i].key);
      if (!take) {
        one.evidence->answers[i] = {.state = AnswerState::kUnknown,
                                    .reason = UnknownReason::kBroken};
        continue;
      }
      now_s = std::max(now_s, take->now_s);
      asked.push_back({one.evidence, i, std::move(*take), {}, {}});
      asked.back().keys = asked.back().take.keys();
      for (const std::string& key : asked.back().keys) keys.push_back(key);
    }
  if (asked.empty()) return;
  Result<std::vector<std::string>> found = records_->get(keys, now_s * 1'000);
  if (!found) {
    for (const Asked& one : asked) give(one, kFailed);
    return complain(found.error(), asked.size());
  }
  for (size_t i = 0; i < asked.size(); ++i)
    for (size_t k = 0; k < 2; ++k) asked[i].values[k] = std::move((*found)[2 * i + k]);
  const std::vector<GreylistRecords::Record> records = take_all(asked);
  Result<void> written;
  if (!records.empty()) written = records_->set(records);
  size_t failed = 0;
  for (Asked& one : asked) {
    if (one.hangs && !written) {
      give(one, kFailed);
      ++failed;
      continue;
    }
    Arena& slab = one.evidence->slab;
    const std::span<std::string_view> values = slab.alloc<std::string_view>(2);
    for (size_t k = 0; k < 2; ++k) values[k] = slab.copy(one.values[k]);
    give(one, {.state = AnswerState::kValue, .values = values});
  }
  if (!written) complain(written.error(), failed);
}

void Greylist::complain(const Error& why, size_t messages) {
  untold_ += messages;
  if (!complaint_.is_due()) return;
  tell_(fmt::format("{}; {} that may have had to wait passed", why.text(), untold_));
  untold_ = 0;
}

Result<std::shared_ptr<Greylist>> open_greylist(const Loaded& loaded, SiteStores& stores,
                                                Greylist::Tell tell) {
  const UclObject& root = loaded.config->root();
  const UclObject* const section = root.find("greylist");
  const bool on = std::ranges::any_of(
      loaded.rules->checks, [](const EnabledCheck& one) { return one.check->name == "greylist"; });
  const bool redis = names_redis_servers(root, section);
  if (!on || (!redis && !section)) return nullptr;
  if (!redis) {
    Result<std::shared_ptr<Store>> store = stores.of(loaded, "greylist");
    if (!store) return fail(store.error());
    return std::make_shared<Greylist>(greylist_records(std::move(*store)), std::move(tell));
  }
  Result<RedisOptions> options = redis_options(root, section, "greylist", "redis_timeout");
  if (!options) return fail(options.error());
  auto client = RedisClient::make(*options);
  if (!client) return fail(client.error());
  return std::make_shared<Greylist>(greylist_records(std::move(*client)), std::move(tell));
}

}  // namespace winnow
