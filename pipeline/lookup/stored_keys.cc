#include "pipeline/lookup/stored_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/crypt/digest.h"
#include "pipeline/lookup/store/redis_options.h"
#include "rules/checks/auth/signing.h"

namespace winnow {

namespace {

bool is_ours(const Question& question, const Answer& answer) {
  return answer.state == AnswerState::kOpen && question.kind == QuestionKind::kStore &&
         (question.type == kStoredSelector || question.type == kStoredKey);
}

std::string key_of(uint16_t type, std::string_view question) {
  return std::string(1, static_cast<char>(type)) + std::string(question);
}

// "MODULE\nHASH\nFIELD"
struct KeyPlace {
  std::string_view module, hash, field;
};
KeyPlace place_of(std::string_view question) {
  const size_t first = std::min(question.find('\n'), question.size());
  const size_t second = std::min(question.find('\n', first + 1), question.size());
  return {question.substr(0, first),
          question.substr(std::min(first + 1, second), second - std::min(first + 1, second)),
          question.substr(std::min(second + 1, question.size()))};
}

// Enough to tell keys apart.
std::string digest_text(std::string_view bytes) {
  const Digest digest(DigestKind::kSha256, bytes);
  return write_digest(digest.view(), DigestForm::kHex).substr(0, 16);
}

// A map that does not outgrow its bound: what is over goes first, then all.
template <class Map>
void make_room(Map& map, std::chrono::steady_clock::time_point now) {
  if (map.size() < StoredKeys::kKeptMax) return;
  std::erase_if(map, [&](const auto& one) { return one.second.until <= now; });
  if (map.size() >= StoredKeys::kKeptMax) map.clear();
}

}  // namespace

StoredKeys::StoredKeys(Clients clients, Vaults vaults)
    : clients_(std::move(clients)),
      vaults_(std::move(vaults)),
      rounds_(kRoundMax, [this](std::span<const Rounds::Waiting> round) { answer(round); }) {}

// REQUIRED: the mutex is held.
const StoredKeys::Told* StoredKeys::known(uint16_t type, std::string_view question,
                                          Clock::time_point now) const {
  const auto at = told_.find(key_of(type, question));
  return at != told_.end() && now < at->second.until ? &at->second : nullptr;
}

// Answers what is known; true where nothing is open any more. REQUIRED: the mutex is held.
bool StoredKeys::answer_known(Evidence& evidence, Clock::time_point now) const {
  bool all = true;
  for (size_t i = 0; i < evidence.questions.size(); ++i) {
    const Question& question = evidence.questions[i];
    Answer& answer = evidence.answers[i];
    if (!is_ours(question, answer)) continue;
    const Told* const told = known(question.type, question.key, now);
    if (!told) {
      all = false;
      continue;
    }
    const std::span<std::string_view> values =
        evidence.slab.alloc<std::string_view>(told->values.size());
    for (size_t k = 0; k < values.size(); ++k) values[k] = evidence.slab.copy(told->values[k]);
    answer = {.state = told->state,
              .reason = told->state == AnswerState::kUnknown ? UnknownReason::kServerFailure
                                                             : UnknownReason::kNotUnknown,
              .values = values,
              .server = place_of(question.key).hash.starts_with(kVaultKeys) ? "vault" : "redis"};
  }
  return all;
}

bool StoredKeys::ask(Evidence& evidence, Ready ready) {
  {
    const std::lock_guard lock(mutex_);
    if (answer_known(evidence, Clock::now())) return true;
  }
  rounds_.add(evidence, std::move(ready));
  return false;
}

std::optional<PrivateKey> StoredKeys::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto at = held_.find(std::string(name));
  if (at == held_.end()) return std::nullopt;
  return at->second.key;
}

// REQUIRED: the mutex is held.
StoredKeys::Told StoredKeys::told_of(uint16_t type, std::string_view question,
                                     const RedisReply& reply) {
  const Clock::time_point now = Clock::now();
  Told told{.until = now + kMissing};
  if (reply.kind == RedisReply::Kind::kNil) {
    told.state = AnswerState::kNone;
  } else if (reply.kind == RedisReply::Kind::kText && type == kStoredSelector) {
    told = {AnswerState::kValue, {reply.text}, now + kBelieved};
  } else if (reply.kind == RedisReply::Kind::kText) {
    const KeyPlace place = place_of(question);
    told = key_told(fmt::format("redis {} {}", place.hash, place.field), reply.text, now);
  }
  return told;
}

// What is no key is like one that is not there: nothing can be signed with it. REQUIRED: the mutex
// is held.
StoredKeys::Told StoredKeys::key_told(std::string_view place, std::string_view bytes,
                                      Clock::time_point now) {
  Result<PrivateKey> key = PrivateKey::read(bytes);
  if (!key) return {.state = AnswerState::kNone, .until = now + kMissing};
  std::string name = fmt::format("{} {}", place, digest_text(bytes));
  Told told{AnswerState::kValue,
            {name, key->public_key(), key->is_ed25519() ? "ed25519" : "rsa"},
            now + kBelieved};
  make_room(held_, now);
  held_.insert_or_assign(std::move(name), Held{std::move(*key), now + kKeyLives});
  return told;
}

// Asks for all keys of a domain at once. REQUIRED: the mutex is not held.
void StoredKeys::fetch_from_vault(const std::string& module, const std::string& domain) {
  const auto vault = vaults_.find(module);
  Result<std::vector<VaultKey>> keys = fail("nobody is asked");
  if (vault != vaults_.end()) keys = vault->second->keys(domain, clock_ms() / 1'000);
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  make_room(told_, now);
  for (uint32_t i = 0; i < kVaultKeysMax; ++i) {
    Told told{.until = now + kMissing};
    if (keys) told.state = AnswerState::kNone;
    if (keys && i < keys->size()) {
      const VaultKey& one = (*keys)[i];
      told = key_told(fmt::format("vault {} {}", domain, one.selector), one.key, now);
      if (told.state == AnswerState::kValue) told.values.push_back(one.selector);
    }
    told_.insert_or_assign(
        key_of(kStoredKey, fmt::format("{}\n{}{}\n{}", module, kVaultKeys, i, domain)),
        std::move(told));
  }
}

// Asks each module's servers for what is wanted of them. REQUIRED: the mutex is not held.
void StoredKeys::fetch(std::vector<std::pair<uint16_t, std::string>>& wanted) {
  std::ranges::sort(wanted);
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  std::map<std::string_view, std::vector<const std::pair<uint16_t, std::string>*>> by_module;
  std::set<std::pair<std::string, std::string>> of_vault;
  for (const auto& one : wanted) {
    const KeyPlace place = place_of(one.second);
    if (place.hash.starts_with(kVaultKeys))
      of_vault.emplace(place.module, place.field);
    else
      by_module[place.module].push_back(&one);
  }
  for (const auto& [module, domain] : of_vault) fetch_from_vault(module, domain);
  for (const auto& [module, questions] : by_module) {
    const auto client = clients_.find(module);
    RedisBatch batch;
    batch.repeatable = true;
    for (const auto* const one : questions) {
      const KeyPlace place = place_of(one->second);
      batch.add(place.hash, {"HGET", place.hash, place.field});
    }
    Result<std::vector<RedisReply>> replies = fail("nobody is asked");
    if (client != clients_.end()) replies = client->second->run(batch, RedisUse::kRead);
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = Clock::now();
    make_room(told_, now);
    for (size_t i = 0; i < questions.size(); ++i) {
      const auto& [type, question] = *questions[i];
      told_.insert_or_assign(key_of(type, question), replies
                                                         ? told_of(type, question, (*replies)[i])
                                                         : Told{.until = now + kMissing});
    }
  }
}

void StoredKeys::answer(std::span<const Rounds::Waiting> round) {
  std::vector<std::pair<uint16_t, std::string>> wanted;
  {
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = Clock::now();
    for (const Rounds::Waiting& one : round)
      for (size_t i = 0; i < one.evidence->questions.size(); ++i) {
        const Question& question = one.evidence->questions[i];
        if (is_ours(question, one.evidence->answers[i]) && !known(question.type, question.key, now))
          wanted.emplace_back(question.type, question.key);
      }
  }
  fetch(wanted);
  // As of before anything could be over: what was just told holds for all of these.
  const std::lock_guard lock(mutex_);
  for (const Rounds::Waiting& one : round) answer_known(*one.evidence, Clock::time_point::min());
}

Result<std::shared_ptr<StoredKeys>> open_stored_keys(const Loaded& loaded) {
  const UclObject& root = loaded.config->root();
  StoredKeys::Clients clients;
  StoredKeys::Vaults vaults;
  for (const char* const module : {"dkim_signing", "arc"}) {
    const UclObject* const section = root.find(module);
    if (section && section->flag("use_vault", false)) {
      Result<VaultOptions> options = vault_options(*section, module);
      if (!options) return fail(options.error());
      vaults.emplace(module, std::make_unique<Vault>(std::move(*options)));
    }
    if (!section || !section->flag("use_redis", false)) continue;
    const Result<RedisOptions> servers = redis_options(root, section, module);
    if (!servers) return fail(servers.error());
    auto client = RedisClient::make(*servers);
    if (!client) return fail(client.error());
    clients.emplace(module, std::move(*client));
  }
  if (clients.empty() && vaults.empty()) return nullptr;
  return std::make_shared<StoredKeys>(std::move(clients), std::move(vaults));
}

}  // namespace winnow
