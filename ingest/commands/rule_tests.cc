#include "ingest/commands/rule_tests.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "engine/mime/ip.h"
#include "ingest/rfc3339.h"
#include "pipeline/lookup/answers.h"
#include "pipeline/worker.h"

namespace winnow {

namespace {

constexpr int64_t kTestNow = 1'792'575'000'000;  // 2026-10-21T09:30:00Z, where a test names none

std::string with_crlf(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

// "old => new" applied once; nothing where `old` does not stand in the mail.
std::optional<std::string> replaced(std::string_view mail, std::string_view edit) {
  size_t arrow = edit.find(" => ");
  std::string_view fresh;
  if (arrow != std::string_view::npos) {
    fresh = edit.substr(arrow + 4);
  } else if (edit.ends_with(" =>")) {
    arrow = edit.size() - 3;
  } else {
    return std::nullopt;
  }
  const std::string_view old = edit.substr(0, arrow);
  const size_t at = mail.find(old);
  if (at == std::string_view::npos || old.empty()) return std::nullopt;
  std::string out(mail);
  return out.replace(at, old.size(), fresh);
}

// Answers from the table of the test at hand, else as a scan without a network does.
class TestAnswers final : public Answerer {
 public:
  explicit TestAnswers(const RuleSet& rules) : without_(rules) {}
  // Empty: none. What does not parse is told.
  std::optional<std::string> use(const std::vector<FakeRecord>& records) {
    table_.reset();
    if (records.empty()) return std::nullopt;
    table_.emplace(Absent::kNxDomain);
    for (const FakeRecord& one : records)
      if (Result<void> added = table_->add(
              {.name = one.name, .type = one.type, .replies = one.replies, .rcode = one.rcode});
          !added)
        return added.error().text();
    return std::nullopt;
  }
  void answer(Evidence& evidence) const override {
    table_ ? static_cast<void>(table_->answer_open(evidence)) : without_.answer(evidence);
  }
  uint32_t silent() const override {
    constexpr uint32_t kDns = 1u << static_cast<uint32_t>(QuestionKind::kDns);
    return table_ ? ~kDns : without_.silent();
  }

 private:
  TableAnswers without_;
  std::optional<AnswerTable> table_;
};

class Runner {
 public:
  Runner(const std::shared_ptr<const RuleSet>& rules, std::shared_ptr<const MatchPlan> match)
      : rules_(*rules),
        answers_(*rules),
        run_(rules, answers_, {.now_ms = kTestNow}),
        worker_(run_) {
    if (match) run_.use(std::move(match));
  }

  // The symbol in the message's verdict; null where it is not inserted.
  const VerdictSymbol* find(SymbolId symbol, const TestEnvelope& envelope, std::string_view mail) {
    Message message;
    message.bytes = MessageBytes(mail);
    if (envelope.from_known) message.from = envelope.from;
    message.recipients = envelope.recipients;
    message.helo = envelope.helo;
    message.hostname = envelope.hostname;
    note_nameless(message);
    message.user = envelope.user;
    if (const auto ip = parse_ip(envelope.ip)) message.ip = *ip;
    message.now_ms = parse_rfc3339(envelope.now);
    if (const auto bad = answers_.use(envelope.records)) bad_record_ = *bad;
    one_->evidence.clear();
    one_->verdict.clear();
    run_.compute(worker_, {&message, 1}, {&one_, 1});
    run_.conclude(worker_, *one_);
    const auto& symbols = one_->verdict.symbols;
    const auto at = std::ranges::find(symbols, symbol, &VerdictSymbol::symbol);
    return at == symbols.end() ? nullptr : &*at;
  }

  void run(const RuleInfo& info, const RuleTest& test, RuleTestReport& report) {
    if (test.mail.empty() && test.miss_mails.empty())
      fail(info, test, "the test has no mail", report);
    if (test.misses.empty() && test.miss_mails.empty() && test.miss_withs.empty())
      fail(info, test, "the test has no near miss", report);
    if (test.clocks.empty()) return run_at(info, test, test.envelope.now, report);
    for (const std::string& now : test.clocks) run_at(info, test, now, report);
  }

 private:
  void fail(const RuleInfo& info, const RuleTest& test, std::string_view what,
            RuleTestReport& report) {
    report.failures.push_back(fmt::format("{}: {}: {}", test.place.text(),
                                          rules_.model.symbols[index(info.symbol)].name, what));
  }

  void run_at(const RuleInfo& info, const RuleTest& test, const std::string& now,
              RuleTestReport& report) {
    for (const bool crlf : {false, true}) {
      const auto form = [&](std::string_view text) {
        return crlf ? with_crlf(text) : std::string(text);
      };
      const std::string ends =
          fmt::format("{}{}", crlf ? " (CRLF)" : "", test.clocks.empty() ? "" : " at " + now);
      TestEnvelope envelope = test.envelope;
      envelope.now = now;
      const auto fail_here = [&](const std::string& what) {
        fail(info, test, what + ends, report);
      };
      if (!test.mail.empty()) {
        ++report.hits;
        const VerdictSymbol* const hit = find(info.symbol, envelope, form(test.mail));
        if (!hit) fail_here("does not hit");
        for (const std::string& option : test.options)
          if (hit && std::ranges::find(hit->options, option) == hit->options.end())
            fail_here(fmt::format("hits without option {}", option));
      }
      for (const std::string& edit : test.misses) {
        const std::optional<std::string> mail = replaced(test.mail, edit);
        if (!mail) {
          fail_here(fmt::format("near miss \"{}\" does not apply to the mail", edit));
          continue;
        }
        ++report.misses;
        if (find(info.symbol, envelope, form(*mail)))
          fail_here(fmt::format("hits the near miss \"{}\"", edit));
      }
      for (const std::string& mail : test.miss_mails) {
        ++report.misses;
        if (find(info.symbol, envelope, form(mail))) fail_here("hits a miss_mail");
      }
      for (const TestEnvelope& other : test.miss_withs) {
        ++report.misses;
        if (find(info.symbol, other, form(test.mail))) fail_here("hits in another envelope");
      }
      if (!bad_record_.empty()) fail_here(std::exchange(bad_record_, {}));
    }
  }

  const RuleSet& rules_;
  TestAnswers answers_;
  std::string bad_record_;  // the last one that did not parse
  Run run_;
  Worker worker_;
  std::unique_ptr<Case> one_ = std::make_unique<Case>();
};

}  // namespace

namespace {

bool is_chosen(std::span<const std::string> only, std::string_view name) {
  return only.empty() || std::ranges::find(only, name) != only.end();
}

// Weights stand twice: beside the rule, and in tests.d. A change of one alone is a slip.
void compare_weights(const RuleSet& rules, std::span<const std::string> only,
                     RuleTestReport& report) {
  std::vector<bool> expected(rules.model.symbols.size());
  for (const ExpectedWeight& one : rules.expected_weights) {
    const Symbol& symbol = rules.model.symbols[index(one.symbol)];
    if (!is_chosen(only, symbol.name)) continue;
    expected[index(one.symbol)] = true;
    if (symbol.score != std::llround(one.weight * kMicro))
      report.failures.push_back(fmt::format("{}: {}: weighs {}, not {}", one.place.text(),
                                            symbol.name, static_cast<double>(symbol.score) / kMicro,
                                            one.weight));
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const Symbol& symbol = rules.model.symbols[i];
    if (expected[i] || symbol.score == 0 || !is_chosen(only, symbol.name)) continue;
    report.failures.push_back(
        fmt::format("{}: {}: its weight does not stand in tests.d/weights.conf",
                    symbol.score_place.text(), symbol.name));
  }
}

}  // namespace

RuleTestReport run_rule_tests(const std::shared_ptr<const RuleSet>& rules,
                              std::shared_ptr<const MatchPlan> match,
                              std::span<const std::string> only, bool shipped) {
  RuleTestReport report;
  if (shipped) compare_weights(*rules, only, report);
  Runner runner(rules, std::move(match));
  for (const RuleInfo& info : rules->rules) {
    if (info.tests.empty()) continue;
    if (!is_chosen(only, rules->model.symbols[index(info.symbol)].name)) continue;
    ++report.symbols;
    for (const RuleTest& test : info.tests) runner.run(info, test, report);
  }
  return report;
}

}  // namespace winnow
