#include "ingest/serve/debug_lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/score/render.h"
#include "ingest/serve/log_line.h"
#include "pipeline/lookup/table.h"

namespace winnow {

namespace {

constexpr size_t kTextBytesMax = 500;

class Lines {
 public:
  using Line = std::function<void(std::string_view, std::string_view)>;
  Lines(const Scanned& scanned, const Line& line)
      : rules_(*scanned.live.rules),
        evidence_(scanned.one.evidence),
        verdict_(scanned.one.verdict),
        line_(line) {}

  void module(const std::string& name) {
    if (name == "regexp") atoms(name);
    if (name == "composites") composites(name);
    for (const EnabledCheck& check : rules_.checks)
      if (check.check->name == name) questions(name, check.id);
    for (const VerdictSymbol& one : verdict_.symbols) {
      const std::string_view from = check_of(one.symbol);
      if (from == name) inserted(name, one);
    }
  }

 private:
  std::string_view symbol_name(SymbolId id) const { return rules_.model.symbols[index(id)].name; }

  std::string_view check_of(SymbolId id) const {
    const auto rule = std::ranges::find(rules_.rules, id, &RuleInfo::symbol);
    return rule == rules_.rules.end() ? std::string_view() : std::string_view(rule->check);
  }

  void say(std::string_view module, std::string text) {
    if (++said_ > kDebugLinesMax) return;
    if (said_ == kDebugLinesMax) text = "what follows is left out";
    line_(module, text);
  }

  static std::string safe(std::string_view text) {
    std::string out;
    append_log_text(text.substr(0, kTextBytesMax), out);
    return out;
  }

  void questions(std::string_view module, CheckId check) {
    for (size_t i = 0; i < evidence_.questions.size(); ++i) {
      const Question& question = evidence_.questions[i];
      if (question.check != check) continue;
      std::string text =
          fmt::format("asked {} {}: ",
                      question.kind == QuestionKind::kDns ? dns_type_name(question.type) : "key",
                      safe(question.key));
      text += safe(answer_text(question, evidence_.answers[i]));
      say(module, std::move(text));
    }
  }

  void inserted(std::string_view module, const VerdictSymbol& one) {
    std::string text = fmt::format("{}(", symbol_name(one.symbol));
    append_score(one.score, text);
    text += ')';
    for (size_t i = 0; i < one.options.size() && text.size() < kTextBytesMax; ++i)
      text += (i ? "," : "[") + safe(one.options[i]);
    if (!one.options.empty()) text += ']';
    if (one.removed_by != kNoId<SymbolId>)
      text += fmt::format(", {} by {}", one.removed ? "removed" : "weight taken",
                          symbol_name(one.removed_by));
    say(module, std::move(text));
  }

  void atoms(std::string_view module) {
    for (const AtomCount& one : evidence_.atoms)
      say(module, fmt::format("{} hit {} time{}", safe(rules_.atoms[index(one.atom)].text),
                              one.count, one.count == 1 ? "" : "s"));
  }

  void composites(std::string_view module) {
    for (const VerdictSymbol& one : verdict_.symbols) {
      if (rules_.model.symbols[index(one.symbol)].kind != SymbolKind::kComposite) continue;
      inserted(module, one);
      for (const VerdictSymbol& other : verdict_.symbols)
        if (other.removed_by == one.symbol)
          say(module,
              fmt::format("{} takes {} {}", symbol_name(one.symbol),
                          other.removed ? "symbol" : "weight of", symbol_name(other.symbol)));
    }
  }

  const RuleSet& rules_;
  const Evidence& evidence_;
  const Verdict& verdict_;
  const Line& line_;
  size_t said_ = 0;
};

}  // namespace

void debug_lines(const Scanned& scanned, const std::vector<std::string>& modules,
                 const std::function<void(std::string_view, std::string_view)>& line) {
  Lines lines(scanned, line);
  for (const std::string& name : modules) lines.module(name);
}

}  // namespace winnow
