#include "ingest/commands/rule_tests.h"

#include <fmt/format.h>

#include <algorithm>

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

class Runner {
 public:
  explicit Runner(const std::shared_ptr<const RuleSet>& rules)
      : rules_(*rules),
        answers_(*rules),
        run_(rules, answers_, {.now_ms = kTestNow}),
        worker_(run_) {}

  // The symbol in the message's verdict; null where it is not inserted.
  const VerdictSymbol* find(SymbolId symbol, const RuleTest& test, std::string_view mail) {
    Message message;
    message.bytes = MessageBytes(mail);
    if (test.from_known) message.from = test.from;
    message.recipients = test.recipients;
    message.helo = test.helo;
    message.hostname = test.hostname;
    message.user = test.user;
    if (const auto ip = parse_ip(test.ip)) message.ip = *ip;
    message.now_ms = parse_rfc3339(test.now);
    one_->evidence.clear();
    one_->verdict.clear();
    run_.compute(worker_, {&message, 1}, {&one_, 1});
    run_.conclude(worker_, *one_);
    const auto& symbols = one_->verdict.symbols;
    const auto at = std::ranges::find(symbols, symbol, &VerdictSymbol::symbol);
    return at == symbols.end() ? nullptr : &*at;
  }

  void run(const RuleInfo& info, const RuleTest& test, RuleTestReport& report) {
    const std::string& name = rules_.model.symbols[index(info.symbol)].name;
    const auto fail = [&](std::string what) {
      report.failures.push_back(fmt::format("{}: {}: {}", test.place.text(), name, what));
    };
    if (test.mail.empty() && test.miss_mails.empty()) fail("the test has no mail");
    // Where the envelope decides, the near miss is a test of its own.
    if (std::ranges::none_of(info.tests, [](const RuleTest& one) {
          return !one.misses.empty() || !one.miss_mails.empty();
        }))
      fail("no test of it has a near miss");
    for (const bool crlf : {false, true}) {
      const auto form = [&](std::string_view text) {
        return crlf ? with_crlf(text) : std::string(text);
      };
      const char* const ends = crlf ? " (CRLF)" : "";
      if (!test.mail.empty()) {
        ++report.hits;
        const VerdictSymbol* const hit = find(info.symbol, test, form(test.mail));
        if (!hit) fail(fmt::format("does not hit{}", ends));
        for (const std::string& option : test.options)
          if (hit && std::ranges::find(hit->options, option) == hit->options.end())
            fail(fmt::format("hits without option {}{}", option, ends));
      }
      for (const std::string& edit : test.misses) {
        const std::optional<std::string> mail = replaced(test.mail, edit);
        if (!mail) {
          fail(fmt::format("near miss \"{}\" does not apply to the mail", edit));
          continue;
        }
        ++report.misses;
        if (find(info.symbol, test, form(*mail)))
          fail(fmt::format("hits the near miss \"{}\"{}", edit, ends));
      }
      for (const std::string& mail : test.miss_mails) {
        ++report.misses;
        if (find(info.symbol, test, form(mail))) fail(fmt::format("hits a miss_mail{}", ends));
      }
    }
  }

 private:
  const RuleSet& rules_;
  TableAnswers answers_;
  Run run_;
  Worker worker_;
  std::unique_ptr<Case> one_ = std::make_unique<Case>();
};

}  // namespace

RuleTestReport run_rule_tests(const std::shared_ptr<const RuleSet>& rules,
                              std::string_view symbol) {
  RuleTestReport report;
  Runner runner(rules);
  for (const RuleInfo& info : rules->rules) {
    if (info.tests.empty()) continue;
    if (!symbol.empty() && rules->model.symbols[index(info.symbol)].name != symbol) continue;
    ++report.symbols;
    for (const RuleTest& test : info.tests) runner.run(info, test, report);
  }
  return report;
}

}  // namespace winnow
