#include "pipeline/learn/canaries.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pipeline/learn/evaluate.h"
#include "pipeline/learn/rebuild.h"

namespace winnow {

namespace {

// So many more wrong ones are not chance, and so much more of 1-ROCA (per cent).
constexpr uint64_t kWrongMore = 2;
constexpr double kWrongShareMore = 0.02, kRocaMore = 1;

}  // namespace

std::string canaries_path(const std::string& folder) { return folder + "/canaries.log"; }

Result<uint64_t> add_canaries(TokenStatistics& statistics, const std::string& folder,
                              std::span<const LearnRecord> records) {
  const auto log = LearningLog::open(canaries_path(folder), LearningLog::Mode::kCreate);
  if (!log) return fail(log.error());
  const Result<LearningLog::Lock> lock = (*log)->lock();
  if (!lock) return fail(lock.error());
  std::set<LearnDigest> known;
  uint64_t end = kLearningLogHead;
  LearnRecord one;
  for (uint64_t next = 0;; end = next) {
    const Result<bool> there = (*log)->read(end, one, next);
    if (!there) return fail(there.error());
    if (!*there) break;
    known.insert(one.digest);
  }
  std::vector<LearnRecord> fresh, forget;
  for (const LearnRecord& record : records) {
    if (record.kind != LearnKind::kLearn || !known.insert(record.digest).second) continue;
    fresh.push_back(record);
    forget.push_back(record);
    forget.back().kind = LearnKind::kForget;
  }
  if (fresh.empty()) return 0;
  if (const auto offsets = (*log)->append(fresh, end); !offsets) return fail(offsets.error());
  if (const auto done = statistics.learn(forget); !done) return fail(done.error());
  if (Result<void> good = statistics.read_canaries(); !good) return fail(good.error());
  return fresh.size();
}

Result<Canaries> Canaries::open(const std::string& folder, const BayesOptions& options,
                                Tokenizer tokenizer) {
  Canaries out;
  out.options_ = options;
  if (!LearningLog::exists(canaries_path(folder))) return out;
  const auto log = LearningLog::open(canaries_path(folder), LearningLog::Mode::kRead);
  if (!log) return fail(log.error());
  const Result<void> walked = walk_log(**log, [&](uint64_t, const LearnRecord& record) {
    TokenList tokens;
    const bool judged = record.label == LearnLabel::kSpam || record.label == LearnLabel::kHam;
    if (!judged || record.tokenizer != tokenizer || !read_token_question(record.tokens, tokens))
      return true;
    out.tokens_.push_back(std::move(tokens));
    out.labels_.push_back(record.label);
    return true;
  });
  if (!walked) return fail(walked.error());
  return out;
}

Result<Canaries::Verdict> Canaries::judge(const Counts& counts) const {
  const Result<std::vector<TokenCounts>> found = counts(tokens_);
  if (!found) return fail(found.error());
  Verdict out;
  OpinionScratch scratch;
  std::vector<double> spam, ham;
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const Opinion opinion = opinion_of(options_, tokens_[i], (*found)[i], scratch);
    if (!opinion.known) {
      ++out.unknown;
      continue;
    }
    const bool is_spam = labels_[i] == LearnLabel::kSpam;
    ++(is_spam ? out.spam : out.ham);
    if (is_spam ? opinion.odds <= 0 : opinion.odds >= 0)
      ++(is_spam ? out.spam_wrong : out.ham_wrong);
    (is_spam ? spam : ham).push_back(opinion.odds);
  }
  out.one_minus_roca = winnow::one_minus_roca(std::move(spam), std::move(ham));
  return out;
}

std::string Canaries::Verdict::text() const {
  return fmt::format(
      "{} of {} spam taken for ham, {} of {} ham taken for spam, {} not known, 1-ROCA {:.3f} %",
      spam_wrong, spam, ham_wrong, ham, unknown, one_minus_roca);
}

bool Canaries::Verdict::is_worse_than(const Verdict& before) const {
  if (before.spam + before.ham == 0) return false;  // there was no model yet
  const uint64_t all = spam + ham, wrong = spam_wrong + ham_wrong;
  const uint64_t had = before.spam_wrong + before.ham_wrong;
  const auto more =
      std::max(kWrongMore, static_cast<uint64_t>(kWrongShareMore * static_cast<double>(all)));
  return all == 0 || wrong > had + more || one_minus_roca > before.one_minus_roca + kRocaMore;
}

Canaries::Counts counts_now(const SiteStatistics& statistics) {
  return [&statistics](std::span<const TokenList> lists) -> Result<std::vector<TokenCounts>> {
    std::vector<TokenCounts> out;
    for (const TokenList& list : lists) {
      Result<TokenCounts> one = statistics.counts(list);
      if (!one) return fail(one.error());
      out.push_back(std::move(*one));
    }
    return out;
  };
}

Canaries::Counts counts_with(const TokenStatistics& statistics,
                             std::span<const LearnRecord> records) {
  return [&statistics, records](std::span<const TokenList> lists) {
    return statistics.counts_with(records, lists);
  };
}

CanaryWatch::CanaryWatch(Canaries canaries, std::shared_ptr<const SiteStatistics> statistics)
    : canaries_(std::move(canaries)), statistics_(std::move(statistics)) {
  if (canaries_.size() == 0) return;
  if (const auto now = canaries_.judge(counts_now(*statistics_))) before_ = *now;
}

std::string CanaryWatch::learnt(uint64_t messages) {
  since_ += messages;
  if (!before_ || since_ < kEvery) return "";
  since_ = 0;
  const Result<Canaries::Verdict> now = canaries_.judge(counts_now(*statistics_));
  if (!now) return "";
  // The best that was is what later ones are held against, so that it cannot rot step by step.
  if (!now->is_worse_than(*before_)) {
    if (before_->is_worse_than(*now) || before_->spam + before_->ham == 0) before_ = *now;
    return "";
  }
  return fmt::format(
      "the canaries say that what was learnt made the model worse: {}; before: {}. `winnow "
      "learn-log list` shows what it was, forget and relabel undo it",
      now->text(), before_->text());
}

}  // namespace winnow
