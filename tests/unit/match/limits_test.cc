// The match stage at its limits and beyond, with and without databases.
#include <gtest/gtest.h>

#include "engine/match/match.h"
#include "tests/unit/match/mail.h"

namespace winnow {
namespace {

constexpr uint32_t kA = bit(PatternFlag::kCountAll);

struct Outcome {
  std::vector<uint32_t> counts;  // of the hits, in order of atoms
  bool match_fault;
  bool hits_fault;
  bool operator==(const Outcome&) const = default;
};

void PrintTo(const Outcome& outcome, std::ostream* out) {
  for (uint32_t count : outcome.counts) *out << count << ' ';
  *out << (outcome.match_fault ? "match fault " : "") << (outcome.hits_fault ? "hits fault" : "");
}

Outcome run(const std::vector<PatternSpec>& specs, const std::string& text, const Limits& limits,
            Databases databases) {
  MatchPlanBuilder builder;
  for (uint32_t i = 0; i < specs.size(); ++i) {
    EXPECT_TRUE(builder.add(specs[i], AtomId(i)));
  }
  const auto plan = builder.build({.limits = limits, .databases = databases});
  MatchScratch scratch(limits);
  MailBatch mails;
  mails.add({.texts = {text}});
  match(*plan, scratch, mails.batch);
  Outcome outcome{};
  for (const AtomHit& hit : mails.batch.atoms) outcome.counts.push_back(hit.count);
  const Faults faults = mails.batch.facts[0].faults;
  outcome.match_fault = faults.has(Fault::kLimitMatch);
  outcome.hits_fault = faults.has(Fault::kLimitHits);
  return outcome;
}

PatternSpec part(std::string regex, uint32_t flags = 0) {
  return {.regex = std::move(regex), .flags = flags, .scope = ScopeKind::kPart};
}

TEST(MatchLimits, SameWithAndWithoutDatabases) {
  struct Row {
    const char* name;
    std::vector<PatternSpec> specs;
    std::string text;
    Limits limits;
    Outcome expected;
  };
  const std::string hostile = std::string(64, 'a') + "!";
  const Row rows[] = {
      {"text at the limit", {part("end$")}, "123 end", {.match_bytes_max = 7}, {{1}, false, false}},
      {"text over the limit",
       {part("end"), part("^1")},
       "1234 end",
       {.match_bytes_max = 7},
       {{1}, true, false}},
      {"a cut ends with a whole character",
       {part("^12é", bit(PatternFlag::kUtf))},
       "12éé",
       {.match_bytes_max = 5},
       {{1}, true, false}},
      {"count at the limit", {part("a", kA)}, "aaa", {.match_count_max = 3}, {{3}, false, false}},
      {"count over the limit", {part("a", kA)}, "aaaa", {.match_count_max = 3}, {{3}, true, false}},
      {"confirmed patterns see less",
       {part("(a)\\1"), part("b")},
       "12345aab",
       {.pcre_bytes_max = 6},
       {{1}, true, false}},
      {"confirmed patterns at the limit",
       {part("(a)\\1"), part("b")},
       "12345aab",
       {.pcre_bytes_max = 8},
       {{1, 1}, false, false}},
      {"the end of a cut text is an end",
       {part("(a)\\1$")},
       "aab",
       {.pcre_bytes_max = 2},
       {{1}, true, false}},
      {"lone patterns see less",
       {part("(?R)?b"), part("x")},
       "12345aab",
       {.pcre_bytes_max = 6},
       {{}, true, false}},
      {"exact patterns have no step limit",
       {part("(a+)+$")},
       hostile,
       {.pcre_steps_max = 1'000},
       {{}, false, false}},
      {"exact patterns match beyond the step limit",
       {part("(a+)+$|!")},
       hostile,
       {.pcre_steps_max = 1'000},
       {{1}, false, false}},
      {"other patterns have a step limit",
       {part("(a+)+(?=b)")},
       hostile,
       {.pcre_steps_max = 1'000},
       {{}, true, false}},
      {"hits at the limit", {part("a"), part("b")}, "ab", {.hits_max = 2}, {{1, 1}, false, false}},
      {"hits over the limit",
       {part("a"), part("b"), part("ab")},
       "ab",
       {.hits_max = 2},
       {{1, 1}, false, true}},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(run(row.specs, row.text, row.limits, Databases::kNone), row.expected)
        << row.name << ", stand-in";
    EXPECT_EQ(run(row.specs, row.text, row.limits, Databases::kAll), row.expected) << row.name;
  }
}

// One pattern that tells every text does not use up the hits of the others.
TEST(MatchLimits, TextsOfOnePatternAreBounded) {
  const Limits limits{.hits_max = 200};
  MatchPlanBuilder builder;
  (void)builder.add(part("a", bit(PatternFlag::kEachText)), AtomId(0));
  (void)builder.add(part("b"), AtomId(1));
  const auto plan = builder.build({.limits = limits});
  MatchScratch scratch(limits);
  MailBatch mails;
  for (int again = 0; again < 2; ++again) {
    Mail mail;
    mail.texts.assign(300, "a");
    mail.texts.push_back("b");
    mails.add(mail);
  }
  match(*plan, scratch, mails.batch);
  ASSERT_EQ(mails.batch.atoms.size(), 202u);
  for (uint32_t row = 0; row < 2; ++row) {
    const AtomHit* const hits = &mails.batch.atoms[row * 101];
    EXPECT_EQ(hits[0].count, 1u);
    EXPECT_EQ(hits[99].count, 201u);
    EXPECT_EQ(hits[99].where.item, 99u);
    EXPECT_EQ(index(hits[100].atom), 1u);
    EXPECT_FALSE(mails.batch.facts[row].faults.has(Fault::kLimitHits));
  }
}

// Work is counted, not timed: one scan a text, one PCRE2 run a candidate.
TEST(MatchLimits, HostileTextsCostOneScanEach) {
  MatchPlanBuilder builder;
  (void)builder.add(part("(a|aa)+b"), AtomId(0));
  (void)builder.add(part("(\\w+)\\s+\\1"), AtomId(1));
  const auto plan = builder.build({});
  MatchScratch scratch;
  for (size_t size : {100'000u, 200'000u}) {
    MailBatch mails;
    mails.add({.texts = {std::string(size, 'a')}});
    match(*plan, scratch, mails.batch);
    const MatchCounters counters = scratch.take_counters();
    EXPECT_EQ(counters.scans, 1u);
    EXPECT_EQ(counters.bytes, size);
    EXPECT_LE(counters.pcre_runs, 1u);
    EXPECT_TRUE(mails.batch.atoms.empty());
  }
}

// Every word a candidate of every pattern.
TEST(MatchLimits, EveryWordACandidate) {
  MatchPlanBuilder builder;
  for (uint32_t i = 0; i < 3; ++i) {
    PatternSpec spec = part("(?=a)a+" + std::string(i, 'a'), kA);
    spec.scope = ScopeKind::kWord;
    (void)builder.add(spec, AtomId(i));
  }
  const auto plan = builder.build({});
  MatchScratch scratch;
  MailBatch mails;
  Mail mail{.texts = {""}};
  mail.words.assign(5'000, "aaaa");
  mails.add(mail);
  match(*plan, scratch, mails.batch);
  EXPECT_EQ(mails.batch.atoms.size(), 3u);
  EXPECT_EQ(mails.batch.atoms[0].count, 1'000u);
  EXPECT_TRUE(mails.batch.facts[0].faults.has(Fault::kLimitMatch));
  EXPECT_LE(scratch.take_counters().pcre_runs, 15'000u);
}

}  // namespace
}  // namespace winnow
