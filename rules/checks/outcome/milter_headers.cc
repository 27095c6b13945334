// Headers that tell of the verdict (module milter_headers; forms: facts, "milter_headers", and what
// Rspamd 3.4 answers). Each routine that is in use first takes the headers of its name away, so
// that nobody else's can be believed, then adds its own at the end (Authentication-Results on top).
//
// Not for local or authenticated mail (skip_local, skip_authenticated) but for those routines that
// local_headers and authenticated_headers list; not where a pre-result ended everything (GTUBE).
// The flag X-Spam of others is removed from all mail. Routines that need what is not there add
// nothing, and the configuration is warned of: x-os-fingerprint (p0f), stat-signature (Bayes),
// fuzzy-hashes.
#include <algorithm>
#include <array>
#include <optional>

#include "engine/ascii.h"
#include "engine/score/render.h"
#include "rules/checks/check.h"
#include "rules/checks/outcome/authentication_results.h"
#include "rules/checks/row.h"
#include "rules/config/nearest.h"
#include "rules/config/ucl.h"
#include "rules/maps/map.h"

namespace winnow {

namespace {

enum class Routine : uint8_t {
  kResult,
  kServer,
  kQueueId,
  kAction,
  kBar,
  kLevel,
  kStatus,
  kSpamHeader,
  kVirus,
  kAuthentication,
  kRemoveHeaders,
  kAddHeaders,
  kRemoveSpamFlag,
  kNothing,
};

struct RoutineRow {
  std::string_view name, header;
  Routine routine;
};
constexpr RoutineRow kRoutines[] = {
    {"x-spamd-result", "X-Spamd-Result", Routine::kResult},
    {"x-rspamd-server", "X-Rspamd-Server", Routine::kServer},
    {"x-rspamd-queue-id", "X-Rspamd-Queue-Id", Routine::kQueueId},
    {"x-rspamd-action", "X-Rspamd-Action", Routine::kAction},
    {"x-rspamd-pre-result", "X-Rspamd-Pre-Result", Routine::kNothing},  // part of x-spamd-result
    {"x-spamd-bar", "X-Spamd-Bar", Routine::kBar},
    {"x-spam-level", "X-Spam-Level", Routine::kLevel},
    {"x-spam-status", "X-Spam-Status", Routine::kStatus},
    {"spam-header", "Deliver-To", Routine::kSpamHeader},
    {"x-virus", "X-Virus", Routine::kVirus},
    {"authentication-results", "Authentication-Results", Routine::kAuthentication},
    {"remove-header", "", Routine::kRemoveHeaders},
    {"remove-headers", "", Routine::kRemoveHeaders},
    {"add-headers", "", Routine::kAddHeaders},
    {"remove-spam-flag", "X-Spam", Routine::kRemoveSpamFlag},
    {"x-os-fingerprint", "X-OS-Fingerprint", Routine::kNothing},
    {"stat-signature", "X-Stat-Signature", Routine::kNothing},
    {"fuzzy-hashes", "X-Rspamd-Fuzzy", Routine::kNothing},
};

struct NamedValue {
  std::string name, value;
  int32_t number = 0;  // where it is put, or which of them goes
};

struct ActiveRoutine {
  Routine routine = Routine::kNothing;
  std::string name;    // as in `use`
  std::string header;  // that it writes
  int32_t remove = 0;  // which of those that are there go: 0 all
  bool for_local = false, for_users = false;
  std::string value, positive, negative, neutral, clean, infected;
  std::vector<NamedValue> headers;  // remove-headers, add-headers
  std::vector<SymbolId> symbols;    // x-virus
  ResultOrder order = ResultOrder::kScore;
  AuthenticationPlan authentication;
};

struct Plan final : CheckPlan {
  std::vector<ActiveRoutine> active;
  bool skip_local = true, skip_users = true, skip_all = false;
  int32_t position = -1;  // of new headers
  std::string pre_result = "X-Rspamd-Pre-Result";
  std::shared_ptr<const Map> always_for;  // recipients for whom nothing is skipped
};

int32_t to_position(int64_t value) {
  return static_cast<int32_t>(std::clamp<int64_t>(value, -10'000, 10'000));
}
int32_t position_of(const UclObject* options, const char* key, int32_t fallback) {
  return to_position(options ? options->integer(key, fallback) : fallback);
}

// A header name that cannot break the message's head (RFC 5322 3.6.8).
bool is_header_name(std::string_view name) {
  return !name.empty() && name.size() <= 256 &&
         std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f && c != ':'; });
}

// Of remove-headers: a number, or several.
void read_removal(const UclObject& entry, ActiveRoutine& to) {
  const auto remove = [&](int64_t position) {
    to.headers.push_back({std::string(entry.key()), "", to_position(position)});
  };
  const UclObject& value = entry.last_value();
  if (!value.is_array()) return remove(value.as_int().value_or(0));
  for (const UclObject& one : value.children())
    if (const std::optional<int64_t> number = one.as_int()) remove(*number);
}

// Of add-headers: a text, or a text with its place. What stands more than once counts for the last
// time, in a list as in Rspamd.
void read_addition(const CompileContext& context, const UclObject& entry, int32_t position,
                   ActiveRoutine& to) {
  const std::string name(entry.key());
  const UclObject* value = &entry.last_value();
  if (value->is_array() && value->size() > 0) {
    if (value->size() > 1)
      context.warn_at(*value, "of a list the last value alone is written as header " + name);
    value = value->list().back();
  }
  const UclObject* text = value;
  if (value->is_object()) {
    text = value->find("value");
    if (value->find("order")) {
      position = position_of(value, "order", position);
      if (position == 0) position = 1;  // on top, as 1 is
    }
  }
  if (text) text = &text->last_value();
  if (!text || !text->as_string()) {
    context.warn_at(*value, "header " + name + " is no text, nor { value, order }; it is left out");
    return;
  }
  to.headers.push_back({name, std::string(text->text()), position});
}

void read_headers(const CompileContext& context, const UclObject* own, int32_t position,
                  ActiveRoutine& to) {
  if (!own) return;
  const bool adds = to.routine == Routine::kAddHeaders;
  if (const UclObject* const one = own->find("header"); one && !adds)
    to.headers.push_back({std::string(one->last_value().text()), "", to.remove});
  const UclObject* const all = own->find("headers");
  if (!all) return;
  for (const UclObject& entry : all->children()) {
    if (adds)
      read_addition(context, entry, position, to);
    else
      read_removal(entry, to);
  }
  std::erase_if(to.headers, [&](const NamedValue& one) {
    if (is_header_name(one.name)) return false;
    context.warn_at(*all, "\"" + one.name + "\" is no header name; it is left out");
    return true;
  });
}

void warn_unknown(const CompileContext& context, const UclObject& at, std::string_view name) {
  std::vector<std::string_view> known;
  for (const RoutineRow& one : kRoutines) known.push_back(one.name);
  std::ranges::sort(known);
  const std::string near = did_you_mean(name, known);
  context.warn_at(
      at, "there is no routine \"" + std::string(name) + "\"." + (near.empty() ? "" : " " + near));
}

bool is_routine(std::string_view name) {
  return std::ranges::find(kRoutines, name, &RoutineRow::name) != std::end(kRoutines);
}

void add_routine(const CompileContext& context, std::string_view name, const UclObject* at,
                 Plan& plan) {
  if (std::ranges::find(plan.active, name, &ActiveRoutine::name) != plan.active.end()) return;
  const auto row = std::ranges::find(kRoutines, name, &RoutineRow::name);
  if (row == std::end(kRoutines)) {
    if (at) warn_unknown(context, *at, name);
    return;
  }
  if (at && row->routine == Routine::kNothing && row->name != "x-rspamd-pre-result")
    context.warn_at(*at, "the routine " + std::string(name) + " is not there yet: it adds nothing");
  const UclObject* const routines = context.options ? context.options->find("routines") : nullptr;
  const UclObject* const own = routines ? routines->find(name) : nullptr;
  const auto text = [&](const char* key, std::string_view fallback) {
    return std::string(own ? own->string(key, fallback) : fallback);
  };
  ActiveRoutine one;
  one.routine = row->routine;
  one.name = name;
  one.header = text("header", row->header);
  one.remove = position_of(own, "remove", 0);
  const bool has_one =
      row->routine != Routine::kRemoveHeaders && row->routine != Routine::kAddHeaders;
  if (has_one && !is_header_name(one.header)) {
    if (own) context.warn_at(*own, "\"" + one.header + "\" is no header name");
    return;
  }
  switch (row->routine) {
    case Routine::kServer:
      one.value = text("hostname", "");
      break;
    case Routine::kResult:
      if (text("sort_by", "score") == "name") one.order = ResultOrder::kName;
      break;
    case Routine::kBar:
      one.positive = text("positive", "+");
      one.negative = text("negative", "-");
      one.neutral = text("neutral", "/");
      break;
    case Routine::kLevel:
      one.positive = text("char", "*");
      break;
    case Routine::kSpamHeader:
      one.value = text("value", "Junk");
      break;
    case Routine::kVirus:
      one.clean = text("status_clean", "");
      one.infected = text("status_infected", "");
      if (own)
        for (const std::string_view symbol : own->strings("symbols"))
          one.symbols.push_back(context.symbol(symbol));
      break;
    case Routine::kAuthentication:
      one.authentication = make_authentication_plan(context, own);
      break;
    case Routine::kRemoveHeaders:
    case Routine::kAddHeaders:
      read_headers(context, own, plan.position, one);
      break;
    default:
      break;
  }
  plan.active.push_back(std::move(one));
}

// x-spamd-bar goes by the name x-rspamd-bar in these lists, too, as in Rspamd.
bool lists(const UclObject* options, const char* key, std::string_view name) {
  if (!options) return false;
  for (const std::string_view one : options->strings(key))
    if (one == name || (one == "x-rspamd-bar" && name == "x-spamd-bar")) return true;
  return false;
}

std::unique_ptr<CheckPlan> compile(CompileContext& context) {
  auto plan = std::make_unique<Plan>();
  const UclObject* const options = context.options;
  if (options) {
    plan->skip_local = options->flag("skip_local", true);
    plan->skip_users = options->flag("skip_authenticated", true);
    plan->skip_all = options->flag("skip_all", false);
    plan->position = position_of(options, "default_headers_order", -1);
    plan->always_for = context.map("extended_headers_rcpt");
    if (const UclObject* const use = options->find("use"))
      for (const UclObject* const one : use->list()) add_routine(context, one->text(), one, *plan);
    if (options->flag("extended_spam_headers", false))
      for (const std::string_view name :
           {"x-spamd-result", "x-rspamd-server", "x-rspamd-queue-id", "x-rspamd-action"})
        add_routine(context, name, nullptr, *plan);
    if (const UclObject* const custom = options->find("custom"))
      context.warn_at(*custom, "custom routines are Lua, which is not run");
    if (const UclObject* const routines = options->find("routines"))
      for (const UclObject* const one : routines->named())
        if (!is_routine(one->key()) && !options->find("custom"))
          warn_unknown(context, *one, one->key());
    if (const UclObject* const found = options->get("routines.x-rspamd-pre-result.header");
        found && is_header_name(found->text()))
      plan->pre_result = found->text();
  }
  if (!options || options->flag("remove_upstream_spam_flag", true))
    add_routine(context, "remove-spam-flag", nullptr, *plan);
  for (ActiveRoutine& one : plan->active) {
    one.for_local = lists(options, "local_headers", one.name);
    one.for_users = lists(options, "authenticated_headers", one.name);
  }
  return plan;
}

bool is_always_for(const Plan& plan, const Evidence& evidence) {
  if (!plan.always_for) return false;
  for (const std::string_view rcpt : evidence.recipients) {
    const size_t at = rcpt.rfind('@');
    if (plan.always_for->find(rcpt) != kNoIndex ||
        plan.always_for->find(rcpt.substr(0, at)) != kNoIndex)
      return true;
    if (at != std::string_view::npos && plan.always_for->find(rcpt.substr(at)) != kNoIndex)
      return true;
  }
  return false;
}

// One message's edits.
struct Writer {
  const Plan& plan;
  const EditInput& input;
  std::vector<Edit>& edits;

  // Each header once, and all of a name instead of some: replies hold one number a name, and a
  // client that takes them one after the other would hit what was added between.
  void remove(std::string_view name, int32_t position) {
    const auto same = [&](const Edit& edit) {
      return edit.kind == EditKind::kRemoveHeader && equal_caseless(edit.name, name);
    };
    const auto covers = [&](const Edit& edit) {
      return same(edit) && (edit.position == 0 || edit.position == position);
    };
    if (std::ranges::any_of(edits, covers)) return;
    if (position == 0) std::erase_if(edits, same);
    edits.push_back({EditKind::kRemoveHeader, position, name, {}});
  }
  void add(std::string_view name, std::string value) { add(name, std::move(value), plan.position); }
  void add(std::string_view name, std::string value, int32_t position) {
    edits.push_back({EditKind::kAddHeader, position, name, std::move(value)});
  }
  std::string_view action() const { return input.model.actions[index(input.verdict.action)].name; }
  bool is_spam() const { return action() != "no action" && action() != "greylist"; }
  size_t points() const {
    const Micro score = input.verdict.score;
    return static_cast<size_t>(std::min<Micro>((score < 0 ? -score : score) / kMicro, 100));
  }

  void result(const ActiveRoutine& one) {
    std::string text;
    render_spamd_result(input.model, input.verdict, "\n\t", text, one.order);
    add(one.header, std::move(text));
    if (input.verdict.forced_by == kNoIndex) return;
    const PreResult& forced = input.verdict.pre_results[input.verdict.forced_by];
    text = "action=" + input.model.actions[index(forced.action)].name + ";\n\tmodule=";
    append_header_text(forced.module, text);
    text += ";\n\t";
    append_header_text(forced.message, text);
    remove(plan.pre_result, 0);
    add(plan.pre_result, std::move(text));
  }

  void bar(const ActiveRoutine& one) {
    std::string text;
    const size_t n = points();
    for (size_t i = 0; i < n; ++i) text += input.verdict.score < 0 ? one.negative : one.positive;
    add(one.header, n == 0 ? one.neutral : text);
  }

  void level(const ActiveRoutine& one) {
    if (input.verdict.score < kMicro) return;
    std::string text;
    for (size_t i = 0, n = points(); i < n; ++i) text += one.positive;
    add(one.header, std::move(text));
  }

  void status(const ActiveRoutine& one) {
    std::string text = is_spam() ? "Yes, score=" : "No, score=";
    append_score(input.verdict.score, text);
    add(one.header, std::move(text));
  }

  // A symbol that says no name is a finding all the same.
  void virus(const ActiveRoutine& one) {
    std::string names;
    const auto name = [&](std::string_view text) {
      if (!names.empty()) names += ',';
      append_header_text(text, names);
    };
    bool found = false;
    for (const SymbolId id : one.symbols) {
      const VerdictSymbol* const symbol = find_symbol(input.verdict, id);
      if (!symbol) continue;
      found = true;
      for (const std::string_view option : symbol->options) name(option);
      if (symbol->options.empty()) name("unknown");
    }
    if (found)
      add(one.header, one.infected.empty() ? names : one.infected + ", " + names);
    else if (!one.clean.empty())
      add(one.header, one.clean);
  }

  void run(const ActiveRoutine& one) {
    if (one.routine == Routine::kNothing) return;
    if (one.routine == Routine::kRemoveHeaders) {
      for (const NamedValue& header : one.headers) remove(header.name, header.number);
      return;
    }
    if (one.routine == Routine::kAddHeaders) {
      for (const NamedValue& header : one.headers) remove(header.name, one.remove);
      for (const NamedValue& header : one.headers) add(header.name, header.value, header.number);
      return;
    }
    remove(one.header, one.remove);
    std::string text;
    switch (one.routine) {
      case Routine::kResult:
        return result(one);
      case Routine::kServer:
        append_header_text(one.value.empty() ? input.host_name : one.value, text);
        if (!text.empty()) add(one.header, std::move(text));
        return;
      case Routine::kQueueId:
        append_header_text(input.evidence.envelope.queue_id, text);
        if (!text.empty()) add(one.header, std::move(text));
        return;
      case Routine::kAction:
        return add(one.header, std::string(action()));
      case Routine::kBar:
        return bar(one);
      case Routine::kLevel:
        return level(one);
      case Routine::kStatus:
        return status(one);
      case Routine::kSpamHeader:
        if (is_spam()) add(one.header, one.value);
        return;
      case Routine::kVirus:
        return virus(one);
      case Routine::kAuthentication:
        // On top: receivers believe the first of their host.
        if (append_authentication_results(one.authentication, input, text))
          add(one.header, std::move(text), 1);
        return;
      default:
        return;
    }
  }
};

void edit(const CheckPlan& base, const EditInput& input, std::vector<Edit>& edits) {
  const auto& plan = static_cast<const Plan&>(base);
  for (const PreResult& result : input.verdict.pre_results)
    if (result.ends) return;
  const Envelope& envelope = input.evidence.envelope;
  const bool local = plan.skip_local && envelope.own_ip;
  const bool user = plan.skip_users && !envelope.user.empty();
  const bool skips = (local || user || plan.skip_all) && !is_always_for(plan, input.evidence);
  Writer writer{plan, input, edits};
  for (const ActiveRoutine& one : plan.active) {
    if (skips && one.routine != Routine::kRemoveSpamFlag &&
        (plan.skip_all || (local && !one.for_local) || (user && !one.for_users)))
      continue;
    writer.run(one);
  }
}

}  // namespace

constexpr std::array<OptionDecl, 11> kOptions{{
    {"use", OptionType::kList, "", "Routines that write headers."},
    {"routines", OptionType::kObject, "", "Settings of routines, by name."},
    {"extended_spam_headers", OptionType::kBool, "false", "Result, server, queue and action."},
    {"extended_headers_rcpt", OptionType::kMap, "", "Recipients who always get headers."},
    {"skip_local", OptionType::kBool, "true", "None for mail of our own nets."},
    {"skip_authenticated", OptionType::kBool, "true", "None for mail of authenticated users."},
    {"skip_all", OptionType::kBool, "false", "None but for those recipients."},
    {"local_headers", OptionType::kList, "", "Routines that write for our own nets too."},
    {"authenticated_headers", OptionType::kList, "", "Routines that write for users too."},
    {"default_headers_order", OptionType::kInteger, "-1", "Where headers are put; -1 = below."},
    {"remove_upstream_spam_flag", OptionType::kBool, "true", "Takes X-Spam of others out."},
}};

extern constexpr Check kMilterHeaders{
    .name = "milter_headers",
    .text = "Writes headers that tell of the verdict.",
    .options = kOptions,
    .compile = compile,
    .edit = edit,
};

}  // namespace winnow
