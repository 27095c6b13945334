#include "rules/checks/learned/no_effect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "rules/checks/check.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

enum class When : uint8_t {
  kThere,   // whatever its value
  kNotOff,  // unless it is false
};

struct Row {
  std::string_view key;
  When when;
  std::string_view why;
};

constexpr Row kOfClassifier[] = {
    {"store_tokens", When::kNotOff, "words are not kept beside their counts, only their hashes"},
    {"signatures", When::kNotOff,
     "what was learnt of a message is in the learning log; keys RSIG_ are not written, as by "
     "Rspamd 4.1"},
    {"per_language", When::kNotOff, "statistics are not kept by language"},
    {"languages_enabled", When::kNotOff, "statistics are not kept by language"},
};
constexpr Row kOfStatfile[] = {
    {"path", When::kThere, "statistics are in a folder for all classes, or in Redis"},
    {"filename", When::kThere, "statistics are in a folder for all classes, or in Redis"},
    {"size", When::kThere, "statistics grow with what is learnt"},
    {"redis", When::kThere, "all classes are in the Redis of the classifier"},
};
constexpr Row kOfTokenizer[] = {
    {"key", When::kThere, "it is of the hash siphash, and only xxhash is here"},
    {"seed", When::kThere, "tokens are hashed with Rspamd's own seed"},
};
constexpr Row kOfAutolearn[] = {
    {"verdict_source", When::kThere, "the verdict is that of the message"},
};
constexpr Row kOfProbability[] = {
    {"variable", When::kThere, "it is of Lua, which is not run: the classifier itself is asked"},
    {"ctype", When::kThere, "it is of Lua, which is not run: the classifier itself is asked"},
    {"ham_max", When::kThere, "as in Rspamd, min_prob is for all classes"},
};

bool is_shipped(const UclObject& value) {
  return value.last_value().place().file.starts_with("policy:/");
}

template <size_t N>
void warn(CompileContext& context, const UclObject& at, const Row (&rows)[N]) {
  for (const Row& row : rows) {
    const UclObject* const given = at.find(row.key);
    if (!given || is_shipped(*given)) continue;
    const UclObject& value = given->last_value();
    if (row.when == When::kNotOff && !value.as_bool().value_or(true)) continue;
    context.warn_at(*given, fmt::format("classifier: {} changes nothing: {}", row.key, row.why));
  }
}

const UclObject* object(const UclObject* at, std::string_view key) {
  const UclObject* const found = at ? at->find(key) : nullptr;
  return found && found->last_value().is_object() ? &found->last_value() : nullptr;
}

// A cache in Redis is what there is with Redis.
void warn_cache(CompileContext& context, const UclObject& section) {
  const UclObject* const given = section.find("cache");
  if (!given || is_shipped(*given)) return;
  const UclObject& value = given->last_value();
  const std::string_view kind =
      value.is_object() ? value.string("type", value.string("name", value.string("backend", "")))
                        : value.text();
  if (kind == "redis" && section.string("backend", "") == "redis") return;
  context.warn_at(*given,
                  "classifier: cache changes nothing: which messages were learnt is kept where the "
                  "counts are");
}

}  // namespace

bool always_says_true(std::string_view lua) {
  std::string text;
  for (size_t at = 0; at < lua.size(); ++at) {
    if (lua.substr(at).starts_with("--")) {
      at = std::min(lua.find('\n', at), lua.size());
      continue;
    }
    if (!std::isspace(static_cast<unsigned char>(lua[at])) && lua[at] != ';') text += lua[at];
  }
  if (text == "returntrue") return true;
  constexpr std::string_view kBegin = "returnfunction(", kEnd = ")returntrueend";
  if (!text.starts_with(kBegin) || !text.ends_with(kEnd)) return false;
  const std::string_view names =
      std::string_view(text).substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size());
  return std::ranges::all_of(names, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == ',' || c == '.';
  });
}

void warn_no_effect(CompileContext& context, const UclObject& section) {
  if (const UclObject* const given = section.find("classify_condition"))
    for (const UclObject* const one : given->list())
      if (!always_says_true(one->text()))
        context.warn_at(*one,
                        "classifier: classify_condition is a Lua function, which is not run: all "
                        "mail is classified");
  warn(context, section, kOfClassifier);
  warn_cache(context, section);
  if (const UclObject* const given = section.find("statfile"))
    for (const UclObject* const one : given->list())
      if (one->is_object()) warn(context, *one, kOfStatfile);
  if (const UclObject* const tokenizer = object(&section, "tokenizer"))
    warn(context, *tokenizer, kOfTokenizer);
  const UclObject* const autolearn = object(&section, "autolearn");
  if (!autolearn) return;
  warn(context, *autolearn, kOfAutolearn);
  for (const UclObject* const at : {autolearn, object(autolearn, "options")})
    if (const UclObject* const check = object(at, "probability_check"))
      warn(context, *check, kOfProbability);
}

}  // namespace winnow
