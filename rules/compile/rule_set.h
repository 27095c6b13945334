// A rule set: everything compiled from configuration, immutable, shared by all threads.
//
// It is built beside the running one and swapped between batches. What does not compile never
// replaces what works. Pattern databases are held by counted reference: two rule sets with the
// same patterns share them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/limits.h"
#include "engine/match/plan.h"
#include "engine/match/regex.h"
#include "engine/mime/header_names.h"
#include "engine/score/judge.h"
#include "engine/score/model.h"
#include "engine/score/seal.h"
#include "engine/text/texts.h"
#include "rules/checks/check.h"
#include "rules/lang/function_atom.h"
#include "rules/maps/store.h"

namespace winnow {

// Something wrong in the configuration that does not stop the start.
struct ConfigWarning {
  Place place;
  std::string what;  // one sentence: what, and what to do
  std::string text() const;
};

struct FakeRecord {  // options.dns.fake_records
  std::string name;
  std::string type;
  std::string rcode;
  std::vector<std::string> replies;
};

// Envelope, connection, clock and look-ups of a test's message; empty = not known.
struct TestEnvelope {
  std::string from, ip, helo, hostname, user, now;
  std::vector<std::string> recipients;
  std::vector<FakeRecord> records;  // empty: those of options.dns; where none are, nobody is asked
  bool from_known = false;
};

// A test of a rule, as written beside it (rules/conf/README.md).
struct RuleTest {
  std::string mail;
  std::vector<std::string> misses;       // "old => new", replaced once in mail
  std::vector<std::string> miss_mails;   // whole messages
  std::vector<TestEnvelope> miss_withs;  // the mail in another envelope
  std::vector<std::string> options;      // options that the symbol must have
  std::vector<std::string> clocks;       // times at which all of it must hold; empty: `now`
  TestEnvelope envelope;
  Place place;
};

// What a symbol must weigh, as tests.d says once more (rules/conf/README.md).
struct ExpectedWeight {
  SymbolId symbol;
  double weight = 0;
  Place place;
};

// What `explain`, `rules list` and `rules show` tell of a rule.
struct RuleInfo {
  SymbolId symbol;
  std::string expression;  // as written; empty for symbols of checks
  std::string check;       // name of the check that inserts it; empty for expressions
  std::vector<AtomId> atoms;
  std::vector<RuleTest> tests;  // kept only where asked for
};

struct AtomInfo {
  std::string text;  // as written: the key of evidence files
  bool pattern = false;
};

struct EnabledCheck {
  const Check* check = nullptr;
  CheckId id{};
  std::unique_ptr<CheckPlan> plan;
};

struct DnsConfig {                       // options.dns
  std::vector<std::string> nameservers;  // empty: those of the system
  uint32_t timeout_ms = 1'000;
  uint32_t retransmits = 5;
  uint32_t sockets = 16;
  bool dnssec = false;
  std::vector<std::string> hosts = {"/etc/hosts"};  // files of names that no server is asked about
  bool hosts_given = false;                         // then each must be there
};

struct RuleSet {
  // Hash of all that decides: configuration, patterns, library versions. Part of every evidence.
  uint64_t identity = 0;
  Limits limits;
  HeaderNames headers;
  ScoreModel model;
  std::shared_ptr<const MatchPlan> match;
  FunctionPlan functions;
  JudgePlan judge;
  SealPlan seal;
  std::vector<EnabledCheck> checks;
  std::vector<AtomInfo> atoms;  // by AtomId
  std::vector<RuleInfo> rules;
  std::vector<ExpectedWeight> expected_weights;  // kept only where tests are
  std::vector<ConfigWarning> warnings;
  // One line each: what the configuration asks for that this build has not. Not the site's fault,
  // so `--strict` does not count them.
  std::vector<std::string> notes;
  std::vector<MapInfo> maps;
  MapShelf map_shelf;  // for the rule set that follows
  std::vector<FakeRecord> fake_records;
  DnsConfig dns;
  OwnNetworks own;
  uint32_t list_questions_max = UINT32_MAX;  // options.dns_max_requests
  bool soft_reject_on_timeout = false;
  ActionId poison_action{};  // of messages that the engine died on: winnow.poison_action
  TextPlan text_plan;

  // A string that lives as long as the rule set.
  std::string_view intern(std::string_view text);
  // Index of a regexp of a composite's option filter, for judge.option_regexps.
  uint32_t add_option_regexp(Regex regex);

 private:
  static bool option_matches(const void* context, uint32_t regexp, std::string_view option);
  std::deque<std::string> strings_;
  std::vector<Regex> option_regexps_;
};

}  // namespace winnow
