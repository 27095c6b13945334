// BAYES_SPAM and BAYES_HAM, or the symbols of a site's own classes: what was learnt of mail like
// this one (facts, bayes.md). Without a store of statistics nothing is asked, and the message's
// tokens are not even made.
#include "rules/checks/learned/bayes.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>

#include "engine/classify/features.h"
#include "rules/checks/learned/no_effect.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"
#include "rules/compile/rule_set.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr std::string_view kGroup = "statistics";
constexpr SymbolDecl kSymbols[] = {
    {"BAYES_SPAM", kGroup, 5.1, "The message is like what was learnt as spam."},
    {"BAYES_HAM", kGroup, -3.0, "The message is like what was learnt as ham."},
};
enum Sym : uint32_t { kSpam, kHam };

// Opinions nearer to the middle than this say nothing.
constexpr double kClear = 0.05;

// Calls use(section) for each `classifier "bayes" { … }` and old `classifier { type = "bayes" … }`.
template <class Use>
void each_section(const UclObject* classifiers, const Use& use) {
  if (!classifiers) return;
  for (const UclObject& value : classifiers->values()) {
    if (!value.is_object()) continue;
    if (value.find("statfile")) use(value);
    if (const UclObject* const named = value.find("bayes"); named && named->is_object())
      for (const UclObject& one : named->values())
        if (one.is_object()) use(one);
  }
}

// The last one counts: the site's stands behind the policy's.
const UclObject* find_section(const UclObject* classifiers) {
  const UclObject* found = nullptr;
  each_section(classifiers, [&](const UclObject& one) { found = &one; });
  return found;
}

std::string_view class_of(const UclObject& statfile) {
  const std::string_view name = statfile.string("class", "");
  if (!name.empty()) return name;
  const bool spam = statfile.find("spam")
                        ? statfile.flag("spam", false)
                        : lowered(statfile.string("symbol", "")).find("spam") != std::string::npos;
  return spam ? "spam" : "ham";
}

// Calls use(statfile, symbol, class) for each statfile that has a symbol.
template <class Use>
void each_statfile(const UclObject& section, const Use& use) {
  const UclObject* const statfile = section.find("statfile");
  if (!statfile) return;
  for (const UclObject* const one : statfile->list()) {
    const std::string_view symbol = one->string("symbol", "");
    if (!symbol.empty()) use(*one, symbol, class_of(*one));
  }
}

// Words that `winnow learn` and its log have another meaning for.
bool is_taken(std::string_view name) {
  return name == "forget" || name == "labelled" || name == "counts";
}

// Classes by their statfiles: spam and ham first, then as they stand there.
void read_classes(CompileContext& context, const UclObject& section, BayesPlan& plan) {
  each_statfile(section, [&](const UclObject& at, std::string_view symbol, std::string_view name) {
    if (!is_class_name(name) || is_taken(name))
      return context.warn_at(
          at, fmt::format("classifier: no class can be named \"{}\": a name has up to {} letters, "
                          "digits, _, . and -, and begins with a letter",
                          name, kClassNameMax));
    const SymbolId id = context.symbol(symbol);
    const auto known = std::ranges::find(plan.classes, name, &BayesPlan::Class::name);
    if (known != plan.classes.end()) {
      if (known->symbol != id)
        context.warn_at(at, fmt::format("classifier: class {} has two statfiles; the last one "
                                        "counts",
                                        name));
      known->symbol = id;
    } else if (plan.classes.size() == kClassesMax) {
      context.warn_at(at, fmt::format("classifier: there are more than {} classes; {} is left out",
                                      kClassesMax, name));
    } else {
      plan.classes.push_back({std::string(name), id});
    }
  });
  std::ranges::stable_sort(plan.classes, {}, [](const BayesPlan::Class& one) {
    return one.name == "spam" ? 0 : one.name == "ham" ? 1 : 2;
  });
}

// Statfiles may have symbols of their own.
void declare(CompileContext& context) {
  const UclObject* const section = find_section(context.options);
  if (!section) return;
  each_statfile(*section, [&](const UclObject&, std::string_view symbol, std::string_view name) {
    const double score = name == "spam"  ? kSymbols[kSpam].score
                         : name == "ham" ? kSymbols[kHam].score
                                         : 0;
    context.declare(symbol, nullptr, score, kGroup, "");
  });
}

uint32_t whole(CompileContext& context, const UclObject& section, const char* key, uint32_t value) {
  const UclObject* const found = section.find(key);
  if (!found) return value;
  const std::optional<int64_t> number = found->last_value().as_int();
  if (number && *number >= 0 && *number <= 1'000'000'000) return static_cast<uint32_t>(*number);
  context.warn_at(*found, fmt::format("classifier: {} must be a whole number from 0", key));
  return value;
}

void read_tokenizer(CompileContext& context, const UclObject& section, BayesPlan& plan) {
  const UclObject* const given = section.find("tokenizer");
  if (!given) return;
  const UclObject& value = given->last_value();
  std::string_view name = value.text();
  if (value.is_object()) {
    name = value.string("name", value.string("type", "osb"));
    plan.osb.window = whole(context, value, "window", plan.osb.window);
    // Who has the window of Rspamd up to 3.8 has its data, which knows no pieces of file names.
    plan.osb.filename_pieces = plan.osb.window == OsbOptions{}.window;
    const std::string_view hash = value.string("hash", "xxhash");
    if (hash != "xxhash" || value.flag("compat", false))
      context.warn_at(value, fmt::format("classifier: only the hash xxhash is here, not {}", hash));
  }
  if (name == "winnow")
    plan.tokenizer = Tokenizer::kWinnow;
  else if (name == "osb")
    plan.tokenizer = Tokenizer::kOsb;
  else
    context.warn_at(value, fmt::format("classifier: tokenizer is osb or winnow, not {}", name));
}

std::string_view backend_of(const UclObject& section) {
  const UclObject* const given = section.find("backend");
  if (!given) return {};
  const UclObject& value = given->last_value();
  return value.is_object() ? value.string("name", "") : value.text();
}

// The field of a class in Redis: as class_labels says; S and H; else its name.
std::string field_of(const UclObject& section, std::string_view name) {
  const UclObject* const labels = section.find("class_labels");
  if (labels && labels->last_value().is_object())
    if (const std::string_view label = labels->last_value().string(name, ""); !label.empty())
      return std::string(label);
  return name == "spam" ? "S" : name == "ham" ? "H" : std::string(name);
}

// REQUIRED: per_user and classes are read.
void read_redis(CompileContext& context, const UclObject& section, BayesPlan& plan) {
  RedisLayout& to = plan.redis.emplace();
  to.prefix = section.string("prefix", plan.per_user ? "%s%l%r" : "%s%l");
  to.ids = section.string("cache_prefix", to.ids);
  to.ids_max = whole(context, section, "cache_max_elt", to.ids_max);
  to.ids_keys = std::min(15u, whole(context, section, "cache_max_keys", to.ids_keys));
  to.ids_chars = std::clamp(whole(context, section, "cache_elt_len", to.ids_chars), 1u, 103u);
  if (const UclObject* const given = section.find("monitor_timeout")) {
    const std::optional<double> seconds = given->last_value().as_number();
    if (seconds && *seconds >= 1 && *seconds <= 86'400)
      to.fresh_s = static_cast<uint32_t>(*seconds);
    else
      context.warn_at(*given, "classifier: monitor_timeout is a time from 1s to 1d");
  }
  bool labelled = false;
  to.classes.clear();
  for (const BayesPlan::Class& one : plan.classes) {
    to.classes.push_back({one.name, "", field_of(section, one.name)});
    const std::string& field = to.classes.back().field;
    if (!is_class_name(field) ||
        std::ranges::count(to.classes, field, &RedisLayout::Class::field) > 1) {
      context.warn_at(section, fmt::format("classifier: class {} needs a label of its own in "
                                           "class_labels, of letters, digits, _, . and -, not "
                                           "\"{}\"; its name is taken",
                                           one.name, field));
      to.classes.back().field = one.name;
    }
  }
  each_statfile(section, [&](const UclObject& at, std::string_view symbol, std::string_view name) {
    const auto known = std::ranges::find(to.classes, name, &RedisLayout::Class::name);
    if (known == to.classes.end()) return;
    known->symbol = symbol;
    const std::string_view label = at.string("label", "");
    if (labelled && label != to.label)
      context.warn_at(at, "classifier: with Redis all statfiles must have the same label here");
    labelled = true;
    to.label = label;
  });
  // Data of Rspamd has Rspamd's tokens: another tokenizer only where the site itself asks for it.
  const UclObject* name = section.find("tokenizer");
  if (name && name->last_value().is_object()) name = name->last_value().find("name");
  if (!name || name->last_value().place().file.starts_with("policy:/"))
    plan.tokenizer = Tokenizer::kOsb;
}

void read_expire(CompileContext& context, const UclObject& section, BayesPlan& plan) {
  const UclObject* given = section.find("expire");
  if (!given) given = section.find("expiry");
  if (!given) return;
  const std::optional<double> seconds = given->last_value().as_number();
  if (!seconds || *seconds > 1e10 || *seconds < -1e10)
    context.warn_at(*given, "classifier: expire is a time, as 100d; -1 takes ends away");
  else if (!plan.redis)
    context.warn_at(*given,
                    "classifier: expire is for Redis; in a folder `winnow learn-log forget --until "
                    "TIME --label spam` forgets what is old");
  else
    plan.redis->expire_s = static_cast<int64_t>(*seconds);
}

// A site that has several classifiers is told which ones are not used.
void warn_others(CompileContext& context, const UclObject& used) {
  each_section(context.options, [&](const UclObject& one) {
    if (&one != &used && one.flag("enabled", true) && !one.place().file.starts_with("policy:/"))
      context.warn_at(one,
                      "classifier: there is one classifier here, the last one; this one is "
                      "not used");
  });
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<BayesPlan>();
  const UclObject* const section = find_section(context.options);
  if (!section || !section->flag("enabled", true)) return nullptr;
  BayesOptions& bayes = plan->bayes;
  plan->name = section->string("name", plan->name);
  read_tokenizer(context, *section, *plan);
  for (const char* const key : {"per_user", "users_enabled"})
    if (const UclObject* const given = section->find(key)) {
      if (const std::optional<bool> flag = given->last_value().as_bool())
        plan->per_user |= *flag;
      else
        context.warn_at(*given, fmt::format("classifier: {} is true or false here; Lua functions "
                                            "are not run, so all share one statistics",
                                            key));
    }
  read_classes(context, *section, *plan);
  const std::string_view backend = backend_of(*section);
  const bool redis = backend == "redis";
  if (!backend.empty() && !redis)
    context.warn_at(
        *section->find("backend"),
        fmt::format("classifier: backend is redis, or none for a folder; not {}", backend));
  if (redis) read_redis(context, *section, *plan);
  // A token that was seen once says little, but it says it; Rspamd's curve needs two.
  if (plan->tokenizer == Tokenizer::kWinnow) bayes.min_token_hits = 1;
  bayes.min_tokens = whole(context, *section, "min_tokens", bayes.min_tokens);
  bayes.max_tokens = whole(context, *section, "max_tokens", bayes.max_tokens);
  bayes.min_learns = whole(context, *section, "min_learns", bayes.min_learns);
  bayes.min_token_hits = whole(context, *section, "min_token_hits", bayes.min_token_hits);
  if (const UclObject* const given = section->find("min_prob_strength")) {
    const std::optional<double> strength = given->last_value().as_number();
    if (strength && *strength >= 0 && *strength < 0.5)
      bayes.min_prob_strength = *strength;
    else
      context.warn_at(*given, "classifier: min_prob_strength must be a number from 0 to 0.5");
  }
  std::vector<std::string> names;
  for (const BayesPlan::Class& one : plan->classes) names.push_back(one.name);
  plan->autolearn = read_autolearn(context, *section, names);
  plan->guard = read_learn_guard(context, *section);
  read_expire(context, *section, *plan);
  warn_others(context, *section);
  warn_no_effect(context, *section);
  if (plan->classes.size() < 2) {
    context.warn_at(*section,
                    "classifier: it needs statfiles of two classes, as spam and ham; it is off");
    return nullptr;
  }
  return plan;
}

// Whose statistics: he to whom the client says that it is delivered, else the first recipient of
// the envelope, else the first of the message.
std::string_view user_of(const Batch& batch, uint32_t row) {
  for (const RequestHeader& header : batch.request_headers.row(row))
    if (header.name == "deliver-to") return header.value;
  if (const auto recipients = batch.recipients.row(row); !recipients.empty()) return recipients[0];
  for (const Address& address : batch.addresses.row(row))
    if (is_recipient(address)) return address.address;
  return {};
}

void ask(const CheckPlan& base, const Batch& batch, Asker& asker) {
  if (batch.silent & 1u << static_cast<uint32_t>(QuestionKind::kStore)) return;
  const auto& plan = static_cast<const BayesPlan&>(base);
  TokenList tokens;
  OsbScratch osb;
  FeatureScratch features;
  std::string key;
  const std::vector<std::string> classes = plan.class_names();
  for (uint32_t row = 0; row < batch.rows; ++row) {
    tokens.clear();
    if (plan.tokenizer == Tokenizer::kOsb)
      osb_tokens(plan.osb, osb, batch, row, tokens);
    else
      feature_tokens(features, batch, row, tokens);
    if (tokens.hashes.empty()) continue;
    if (plan.per_user)
      if (const std::string_view user = user_of(batch, row); !user.empty()) {
        tokens.scope = statistics_scope(user);
        if (plan.redis) tokens.user = lowered(user);
      }
    tokens.classes = classes;
    key.clear();
    append_token_question(tokens, key);
    asker.ask(row, QuestionKind::kStore, kTokenCounts, key);
  }
}

// One thread's room for tokens and counts, kept: a message has some thousand.
struct OpinionRoom {
  TokenList tokens;
  TokenCounts counts;
  OpinionScratch scratch;
};

ClassOpinion answered_opinion(const BayesPlan& plan, const Question& question,
                              const Answer& answer) {
  thread_local OpinionRoom room;
  if (answer.state != AnswerState::kValue || answer.values.empty() ||
      !read_token_question(question.key, room.tokens) ||
      room.tokens.classes != plan.class_names() ||
      !read_token_answer(answer.values[0], room.tokens, room.counts))
    return {};
  return class_opinion(plan.bayes, room.tokens, room.counts, room.scratch);
}

// A symbol's option and weight, both 0 to 1; nothing where the opinion is not clear. Of more than
// two classes Rspamd shows the probability as it is.
struct Clear {
  double shown, weight;
};
std::optional<Clear> clear(const BayesPlan& plan, const ClassOpinion& opinion) {
  const bool as_it_is = plan.classes.size() > 2 && plan.tokenizer == Tokenizer::kOsb;
  const double sure = std::max(0.0, opinion.probability - 0.5) * 2;
  if (!opinion.known || (as_it_is ? opinion.probability : sure / 2) <= kClear) return std::nullopt;
  Clear out{as_it_is ? opinion.probability : sure, sure};
  for (int i = 0; i < 3; ++i) out.weight *= out.weight;  // to the power of 8
  return out;
}

Judged judge(const CheckPlan& base, const Evidence& evidence, Judgement& judgement) {
  const auto& plan = static_cast<const BayesPlan&>(base);
  const Question* const question = token_question(evidence);
  if (!question) return Judged::kDone;
  const Answer* const answer = judgement.ask(question->kind, question->type, question->key);
  if (!answer) return Judged::kWaiting;
  const ClassOpinion opinion = answered_opinion(plan, *question, *answer);
  if (const std::optional<Clear> said = clear(plan, opinion))
    judgement.insert(plan.classes[opinion.best].symbol, said->weight,
                     fmt::format("{:.2f}%", said->shown * 100));
  return Judged::kDone;
}

}  // namespace

std::string RedisLayout::Class::learns_field() const {
  const bool own = name != "spam" && name != "ham";
  return "learns_" + (own ? lowered(field) : name);
}

const BayesPlan::Class* BayesPlan::find(std::string_view class_name) const {
  const auto found = std::ranges::find(classes, class_name, &Class::name);
  return found == classes.end() ? nullptr : &*found;
}
std::string BayesPlan::class_list() const {
  std::string out;
  for (const Class& one : classes) out += fmt::format("{}{}", out.empty() ? "" : ", ", one.name);
  return out;
}
bool BayesPlan::is_symbol(SymbolId symbol) const {
  return std::ranges::find(classes, symbol, &Class::symbol) != classes.end();
}
bool BayesPlan::only_spam_and_ham() const {
  return classes.size() == 2 && classes[0].name == "spam" && classes[1].name == "ham";
}
std::vector<std::string> BayesPlan::class_names() const {
  std::vector<std::string> out;
  if (only_spam_and_ham()) return out;
  for (const Class& one : classes) out.push_back(one.name);
  return out;
}

const BayesPlan* find_bayes(const RuleSet& rules) {
  for (const EnabledCheck& one : rules.checks)
    if (one.check->compile == compile) return static_cast<const BayesPlan*>(one.plan.get());
  return nullptr;
}

const Question* token_question(const Evidence& evidence) {
  for (const Question& question : evidence.questions)
    if (question.kind == QuestionKind::kStore && question.type == kTokenCounts) return &question;
  return nullptr;
}

ClassOpinion bayes_opinion(const BayesPlan& plan, const Evidence& evidence) {
  const Question* const question = token_question(evidence);
  if (!question) return {};
  return answered_opinion(
      plan, *question, evidence.answers[static_cast<size_t>(question - evidence.questions.data())]);
}

const UclObject* bayes_section(const UclObject& root) {
  return find_section(root.find("classifier"));
}

uint64_t statistics_scope(std::string_view user) {
  const std::string low = lowered(user);
  const uint64_t hash = XXH3_64bits(low.data(), low.size());
  return hash == 0 ? 1 : hash;
}

extern constexpr Check kBayes{
    .name = "bayes",
    .section = "classifier",
    .text = "Compares a message with what was learnt as spam and as ham.",
    .symbols = kSymbols,
    .phase = Phase::kClassifier,
    .declare = declare,
    .compile = compile,
    .ask = ask,
    .judge = judge,
};

}  // namespace winnow
