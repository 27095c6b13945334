#include "pipeline/lookup/stored_traps.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipeline/lookup/store/redis_options.h"
#include "rules/checks/policy/trap_question.h"

namespace winnow {

namespace {

// Number of the open question for traps; that of all questions where there is none.
size_t open_question(const Evidence& evidence) {
  size_t i = 0;
  while (i < evidence.questions.size() && !(evidence.questions[i].kind == QuestionKind::kStore &&
                                            evidence.questions[i].type == kTrapNames &&
                                            evidence.answers[i].state == AnswerState::kOpen))
    ++i;
  return i;
}

size_t count_names(std::string_view question) {
  return static_cast<size_t>(std::ranges::count(question, '\n'));
}

// Calls f(name, key) for each name of a question.
template <class F>
void each_name(std::string_view question, F f) {
  const std::string_view prefix = next_trap_line(question);
  std::string key;
  while (!question.empty()) {
    const std::string_view name = next_trap_line(question);
    key.assign(prefix).append(name);
    f(name, key);
  }
}

}  // namespace

StoredTraps::StoredTraps(std::unique_ptr<RedisClient> client, Tell tell)
    : client_(std::move(client)),
      tell_(std::move(tell)),
      rounds_(kRoundNamesMax, [this](std::span<const Rounds::Waiting> round) { answer(round); }) {}

bool StoredTraps::ask(Evidence& evidence, Ready ready) {
  if (open_question(evidence) == evidence.questions.size()) return true;
  rounds_.add(evidence, std::move(ready));
  return false;
}

void StoredTraps::answer(std::span<const Rounds::Waiting> round) {
  std::vector<Asked> asked;
  size_t names = 0;
  for (const Rounds::Waiting& one : round) {
    const size_t question = open_question(*one.evidence);
    const size_t more = count_names(one.evidence->questions[question].key);
    if (names + more > kRoundNamesMax && !asked.empty()) {
      answer_at_once(asked);
      asked.clear();
      names = 0;
    }
    asked.push_back({one.evidence, question});
    names += more;
  }
  answer_at_once(asked);
}

// Asks for all names in one pipeline.
void StoredTraps::answer_at_once(std::span<const Asked> asked) {
  RedisBatch batch;
  batch.repeatable = true;
  for (const Asked& one : asked)
    each_name(one.evidence->questions[one.question].key,
              [&](std::string_view, std::string_view key) {
                batch.add(key, {"GET", key});
              });
  const Result<std::vector<RedisReply>> replies = client_->run(batch, RedisUse::kRead);
  if (!replies && complaint_.is_due())
    tell_(fmt::format("spamtrap: {}; whether recipients are traps is unknown",
                      replies.error().text()));
  size_t at = 0;
  for (const Asked& one : asked) {
    Evidence& evidence = *one.evidence;
    Answer& told = evidence.answers[one.question];
    told = {.state = AnswerState::kNone, .server = "redis"};
    const Answer unknown{
        .state = AnswerState::kUnknown, .reason = UnknownReason::kServerFailure, .server = "redis"};
    if (!replies) {
      told = unknown;
      continue;
    }
    each_name(evidence.questions[one.question].key, [&](std::string_view name, std::string_view) {
      const RedisReply::Kind kind = (*replies)[at++].kind;
      if (told.state == AnswerState::kValue || kind == RedisReply::Kind::kNil) return;
      if (kind != RedisReply::Kind::kText) {
        told = unknown;  // that of a name behind it may still be a trap
        return;
      }
      const std::span<std::string_view> values = evidence.slab.alloc<std::string_view>(1);
      values[0] = name;
      told = {.state = AnswerState::kValue, .values = values, .server = "redis"};
    });
  }
}

Result<std::shared_ptr<StoredTraps>> open_stored_traps(const Loaded& loaded,
                                                       StoredTraps::Tell tell) {
  const UclObject& root = loaded.config->root();
  const UclObject* const section = root.find("spamtrap");
  const bool on = std::ranges::any_of(
      loaded.rules->checks, [](const EnabledCheck& one) { return one.check->name == "spamtrap"; });
  if (!on || !section || section->find("map")) return nullptr;
  const Result<RedisOptions> servers = redis_options(root, section, "spamtrap");
  if (!servers) return fail(servers.error());
  auto client = RedisClient::make(*servers);
  if (!client) return fail(client.error());
  return std::make_shared<StoredTraps>(std::move(*client), std::move(tell));
}

}  // namespace winnow
