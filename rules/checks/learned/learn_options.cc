#include "rules/checks/learned/learn_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/score/micro.h"
#include "rules/checks/check.h"
#include "rules/checks/learned/no_effect.h"
#include "rules/checks/text.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr double kRspamdGuard = 0.95;

std::optional<double> number_of(const UclObject* one) {
  return one ? one->last_value().as_number() : std::nullopt;
}

const UclObject* object_in(const UclObject& at, const char* key) {
  const UclObject* const found = at.find(key);
  return found && found->last_value().is_object() ? &found->last_value() : nullptr;
}

// Fine settings stand in `options { NAME {} }`, since 4.x also in `NAME {}`.
const UclObject* fine_settings(const UclObject& autolearn, const char* name) {
  if (const UclObject* const own = object_in(autolearn, name)) return own;
  const UclObject* const options = object_in(autolearn, "options");
  return options ? object_in(*options, name) : nullptr;
}

// multiclass { thresholds { class = [from, to] … } }
void read_ranges(CompileContext& context, const UclObject& value,
                 const std::vector<std::string>& classes, Autolearn& to) {
  const UclObject* const multiclass = object_in(value, "multiclass");
  const UclObject* const thresholds = multiclass ? object_in(*multiclass, "thresholds") : nullptr;
  if (!thresholds) return;
  for (const std::string& name : classes) {
    const UclObject* const range = thresholds->find(name);
    if (!range) continue;
    const std::vector<const UclObject*> list = range->list();
    const auto number = [&](size_t i) {
      return i < list.size() ? list[i]->as_number() : std::nullopt;
    };
    if (list.size() == 2 && number(0) && number(1) && *number(0) <= *number(1))
      to.classes.push_back({name, to_micro(*number(0)), to_micro(*number(1))});
    else
      context.warn_at(*range,
                      fmt::format("classifier: autolearn of class {} takes [from, to], two scores "
                                  "of which the second is not the lower",
                                  name));
  }
  for (const UclObject& one : thresholds->children())
    if (std::ranges::find(classes, one.key()) == classes.end())
      context.warn_at(
          one,
          fmt::format("classifier: autolearn names class {}, which has no statfile", one.key()));
  to.on |= !to.classes.empty();
}

void read_balance(CompileContext& context, const UclObject& value, Autolearn& to) {
  const UclObject* const balance = object_in(value, "balance");
  to.check_balance =
      value.flag("check_balance", false) || (balance && balance->flag("enabled", false));
  to.min_balance = value.number("min_balance", to.min_balance);
  if (balance) to.min_balance = balance->number("min_balance", to.min_balance);
  if (to.min_balance > 0 && to.min_balance <= 1) return;
  context.warn_at(value, "classifier: min_balance must be over 0 and at most 1");
  to.min_balance = Autolearn{}.min_balance;
}

// { ham_threshold, spam_threshold, junk_threshold, learn_verdict, … }
void read_object(CompileContext& context, const UclObject& value,
                 const std::vector<std::string>& classes, Autolearn& to) {
  const UclObject* const inner = object_in(value, "thresholds");
  const UclObject& from = inner ? *inner : value;
  const auto threshold = [&](const char* name) {
    return number_of(from.find(inner ? name : std::string(name) + "_threshold"));
  };
  read_ranges(context, value, classes, to);
  const auto spam = threshold("spam"), ham = threshold("ham"), junk = threshold("junk");
  to.by_verdict = true;
  to.strict = false;
  if (spam && ham) {
    to.on = true;
    to.spam = to_micro(*spam);
    to.ham = to_micro(*ham);
    if (junk) to.junk = to_micro(*junk);
  } else if (value.flag("learn_verdict", false)) {
    to.on = to.any_score = true;
  } else if (!to.on) {
    context.warn_at(value,
                    "classifier: autolearn needs spam_threshold and ham_threshold, or "
                    "learn_verdict, or multiclass thresholds; without them nothing is learnt");
  }
  read_balance(context, value, to);
  to.queue_id_needed = value.flag("require_queue_id", true);
  to.local = value.flag("check_local", true);
  to.authenticated = value.flag("check_authed", true);
  if (const UclObject* const logging = fine_settings(value, "logging"))
    to.logged = logging->flag("enabled", true);
}

void read_guard_settings(CompileContext& context, const UclObject& autolearn, LearnGuard& to) {
  if (const UclObject* const check = fine_settings(autolearn, "probability_check")) {
    const double least = check->number("min_prob", check->number("spam_min", to.below));
    if (least > 0.5 && least <= 1)
      to.below = least;
    else
      context.warn_at(*check, "classifier: min_prob must be over 0.5 and at most 1");
    if (!check->flag("enabled", true)) to.below = 0;
    to.needs_opinion = check->flag("require_value", false);
    to.no_opinion = check->string("missing_reason", to.no_opinion);
    to.spares_moves = check->flag("skip_for_unlearn", false);
  }
  const UclObject* const header = fine_settings(autolearn, "bypass_header");
  if (!header) return;
  to.by_header = header->flag("enabled", true);
  to.header = lowered(header->string("header", to.header));
  if (header->find("values")) {
    to.values.clear();
    for (const std::string_view value : header->strings("values")) to.values.emplace_back(value);
  }
  to.case_sensitive = header->flag("case_sensitive", false);
  to.denied = header->string("reason", to.denied);
  const std::string_view then = header->string("behaviour", "skip_probability");
  if (then == "deny")
    to.then = LearnGuard::Then::kDeny;
  else if (then != "skip_probability" && then != "allow")
    context.warn_at(*header,
                    fmt::format("classifier: behaviour is skip_probability, allow or deny, "
                                "not {}",
                                then));
}

}  // namespace

Autolearn read_autolearn(CompileContext& context, const UclObject& section,
                         const std::vector<std::string>& classes) {
  Autolearn to;
  const UclObject* const given = section.find("autolearn");
  if (!given) return to;
  const UclObject& value = given->last_value();
  if (value.is_object()) {
    read_object(context, value, classes, to);
    return to;
  }
  if (const std::optional<bool> flag = value.as_bool()) {
    to.on = *flag;
    return to;
  }
  const std::vector<const UclObject*> list = given->list();
  if (list.size() == 2 && list[0]->as_number() && list[1]->as_number()) {
    to.on = true;
    to.strict = false;
    to.ham = to_micro(*list[0]->as_number());
    to.spam = to_micro(*list[1]->as_number());
    return to;
  }
  context.warn_at(value,
                  "classifier: autolearn is true, [ham, spam] or an object here; Lua functions are "
                  "not run");
  return to;
}

// Lua is not run. The condition that Rspamd ships is known by its name.
LearnGuard read_learn_guard(CompileContext& context, const UclObject& section) {
  LearnGuard to;
  const UclObject* const given = section.find("learn_condition");
  if (!given) return to;
  for (const UclObject* const one : given->list()) {
    const std::string_view text = one->text();
    if (text.find("can_learn") != std::string_view::npos)
      to.below = kRspamdGuard;
    else if (!always_says_true(text))
      context.warn_at(*one,
                      "classifier: learn_condition is Rspamd's own (lua_bayes_learn, can_learn) "
                      "here; other Lua functions are not run, so all may be learnt");
  }
  if (to.below == 0) return to;
  const UclObject* const autolearn = section.find("autolearn");
  if (autolearn && autolearn->last_value().is_object())
    read_guard_settings(context, autolearn->last_value(), to);
  return to;
}

}  // namespace winnow
