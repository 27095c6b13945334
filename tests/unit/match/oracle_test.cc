// The match stage against the slow matcher: patterns of every construct that rules use, and
// random ones, over random texts of few letters so that matches are frequent.
#include "tests/unit/match/oracle.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/match/database.h"
#include "fmt/format.h"
#include "tests/unit/match/mail.h"

namespace winnow {
namespace {

constexpr std::string_view kPatterns[] = {"abc",
                                          "^abc",
                                          "abc$",
                                          "^abc$",
                                          "^$",
                                          "^\\s*$",
                                          "a*",
                                          "(a|b)*c",
                                          "a.c",
                                          "a.*c",
                                          "a.*?c",
                                          "a{2}",
                                          "a{2,}",
                                          "(ab){1,3}",
                                          "[abc]{4}",
                                          "[^abc]",
                                          "[^abc]$",
                                          "^[^abc]+$",
                                          "\\ba",
                                          "a\\b",
                                          "\\Ba",
                                          "\\bab\\b",
                                          "\\d+",
                                          "\\D\\d\\D",
                                          "\\w{5}",
                                          "\\W\\w\\W",
                                          "\\s\\S\\s",
                                          "\\h",
                                          "\\v",
                                          "\\R",
                                          "\\N",
                                          "\\x61\\x62",
                                          "\\n",
                                          "\\r\\n",
                                          "a\\nb",
                                          "\\Aa",
                                          "a\\z",
                                          "a\\Z",
                                          "a(?=b)",
                                          "a(?!b)",
                                          "(?<=a)b",
                                          "(?<!a)b",
                                          "(a)\\1",
                                          "(.)\\1",
                                          "(?:(a)|b)(?(1)c|a)",
                                          "a++b",
                                          "(?>a*)b",
                                          "(?i)AbC",
                                          "(?i:A)b",
                                          "(?-i)a",
                                          "(?s)a.b",
                                          "(?m)^b",
                                          "(?m)a$",
                                          "(?m)^$",
                                          "(?m)^\\s*$",
                                          "(?x) a b c # comment",
                                          "[[:alpha:]]{3}",
                                          "[[:punct:]]",
                                          "[[:^space:]]{3}",
                                          "\\Qa.b\\E",
                                          "a|b|",
                                          "",
                                          "x?",
                                          "(?:)",
                                          "a\\Kb",
                                          "^(?!a)",
                                          "^(?=.*b)(?=.*c)",
                                          "(\\w)\\w*\\1",
                                          "\\bc\\w+\\b",
                                          "[a-c1-3]{3,5}",
                                          "(a|ab)(c|bcd)",
                                          "^.{3}$",
                                          "^.{0,5}$",
                                          "(?m)^.{2}$",
                                          ".\\z",
                                          "\\S+@\\S+",
                                          "a[ \\t]*b",
                                          "(?:a.){2}",
                                          "(a+)+b",
                                          "(a|a)*c",
                                          "\\xff",
                                          "[\\x80-\\xff]",
                                          "\\xc3\\xa9",
                                          "[\\x00-\\x1f]",
                                          "b.{1,4}a",
                                          "\\t",
                                          "a\\sb",
                                          "a\\Sb",
                                          "^a|c$",
                                          "^(a|c)$",
                                          "(?m)^a|c$",
                                          "(?i)k",
                                          "(?i)s"};

constexpr std::string_view kUtfPatterns[] = {
    "é",   "É",      "[é-ü]",    "\\x{e9}", "^.{3}$", "\\p{L}+", "\\p{Cyrillic}", "[^a]",
    "\\W", "\\w{2}", "\\bé",     "ж+",      "Ж",      "(?i)ж",   "(?i)É",         "\\P{L}",
    ".",   "é|ж",    "[ж-я]{2}", "(.)\\1",  "\\X",    "\\p{Lu}", "a.b",           "(?i)straße"};

constexpr ScopeKind kScopes[] = {ScopeKind::kPart,    ScopeKind::kBody,     ScopeKind::kSaBody,
                                 ScopeKind::kUrl,     ScopeKind::kHeader,   ScopeKind::kWord,
                                 ScopeKind::kRawPart, ScopeKind::kStemWord, ScopeKind::kRawWord};

// Small random patterns out of pieces; all are valid.
std::string random_pattern(std::mt19937& random, int depth) {
  static constexpr std::string_view kAtoms[] = {"a",   "b",   "c",     ".",   "[ab]", "[^a]", "\\w",
                                                "\\s", "\\b", "^",     "$",   "1",    "\\d",  "bc",
                                                " ",   "\\n", "[b-d]", "\\W", "(?=b)"};
  static constexpr std::string_view kRepeats[] = {"", "", "", "*", "+", "?", "{2}", "{1,3}", "*?"};
  std::string out;
  const int pieces = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < pieces; ++i) {
    std::string atom(kAtoms[random() % std::size(kAtoms)]);
    const bool is_group = depth > 0 && random() % 3 == 0;
    if (is_group) {
      atom = "(?:" + random_pattern(random, depth - 1) +
             (random() % 2 ? "|" + random_pattern(random, depth - 1) : "") + ")";
    }
    const bool is_assertion = atom == "^" || atom == "$" || atom == "\\b" || atom == "(?=b)";
    const std::string_view repeat = kRepeats[random() % std::size(kRepeats)];
    out += atom == "bc" ? "(?:bc)" : atom;
    if (!is_assertion) out += repeat;
  }
  return out;
}

std::string random_text(std::mt19937& random, size_t max) {
  static constexpr std::string_view kPieces[] = {"a",  "b", "c", "A",  "B",    "1", "2", " ",
                                                 "\n", "d", ".", "@",  "\r\n", "é", "É", "ж",
                                                 "Ж",  "k", "s", "\t", "ſ",    "K", "_", "ß"};
  std::string out;
  const size_t pieces = random() % (max + 1);
  for (size_t i = 0; i < pieces; ++i) {
    // Mostly letters, so that patterns find something.
    out += kPieces[random() % 3 == 0 ? random() % std::size(kPieces) : random() % 3];
  }
  if (random() % 16 == 0) out += "\xff\xe9";
  if (random() % 8 == 0) out += "\n";
  return out;
}

Mail random_mail(std::mt19937& random) {
  Mail mail;
  mail.raw = random_text(random, 60);
  const auto subject = header_id(known::kSubject);
  for (uint32_t i = random() % 4; i > 0; --i) {
    mail.headers.push_back({subject, "Subject", random_text(random, 12)});
  }
  for (uint32_t i = random() % 3; i > 0; --i) mail.texts.push_back(random_text(random, 40));
  std::string words;
  for (uint32_t i = random() % 6; i > 0; --i) {
    std::string word;
    for (char c : random_text(random, 6)) {
      if (static_cast<unsigned char>(c) > ' ') word.push_back(c);
    }
    if (word.empty()) continue;
    mail.words.push_back(word);
    words += word + " ";
  }
  if (!words.empty()) mail.texts.insert(mail.texts.begin(), words);
  return mail;
}

std::vector<PatternSpec> specs_for(std::mt19937& random) {
  std::vector<PatternSpec> specs;
  const auto add = [&](std::string regex, uint32_t flags, ScopeKind scope) {
    PatternSpec spec;
    spec.regex = std::move(regex);
    spec.flags = flags;
    spec.scope = scope;
    spec.header = header_id(known::kSubject);
    for (const PatternSpec& other : specs) {
      if (other.regex == spec.regex && other.flags == flags && other.scope == scope) return;
    }
    specs.push_back(spec);
  };
  const auto some_flags = [&] {
    uint32_t flags = 0;
    for (PatternFlag flag : {PatternFlag::kIgnoreCase, PatternFlag::kMultiLine,
                             PatternFlag::kDotAll, PatternFlag::kCountAll}) {
      if (random() % 3 == 0) flags |= bit(flag);
    }
    return flags;
  };
  for (ScopeKind scope : kScopes) {
    // The two scopes with a path of their own and one of the others get all patterns.
    const bool few =
        scope != ScopeKind::kPart && scope != ScopeKind::kWord && scope != ScopeKind::kHeader;
    for (std::string_view regex : kPatterns) {
      if (!few || random() % 8 == 0) add(std::string(regex), some_flags(), scope);
    }
    for (std::string_view regex : kUtfPatterns) {
      if (few) break;
      add(std::string(regex), some_flags() | bit(PatternFlag::kUtf), scope);
    }
    for (int i = 0; i < (few ? 5 : 25); ++i) {
      const uint32_t utf = random() % 4 == 0 ? bit(PatternFlag::kUtf) : 0;
      add(random_pattern(random, 2), some_flags() | utf, scope);
    }
  }
  return specs;
}

// Hits that are not among `others`; empty = all are.
std::string missing(const std::vector<PatternSpec>& specs, const std::vector<OracleHit>& hits,
                    const std::vector<OracleHit>& others) {
  std::string out;
  int shown = 0;
  for (const OracleHit& hit : hits) {
    if (std::ranges::binary_search(others, hit) || ++shown > 20) continue;
    const PatternSpec& spec = specs[hit.atom];
    out += fmt::format("  row {} /{}/ flags {} {} class {} count {} item {}\n", hit.row, spec.regex,
                       spec.flags, scope_name(spec.scope), static_cast<int>(classify(spec)),
                       hit.count, hit.item);
  }
  return out;
}

class Oracle : public testing::TestWithParam<uint32_t> {};

TEST_P(Oracle, SameAtomsAndCounts) {
  std::mt19937 random(GetParam());
  const std::vector<PatternSpec> specs = specs_for(random);
  MatchPlanBuilder builder;
  for (uint32_t i = 0; i < specs.size(); ++i) {
    const Result<AtomId> atom = builder.add(specs[i], AtomId(i));
    ASSERT_TRUE(atom) << atom.error().what;
    ASSERT_EQ(index(*atom), i);
  }
  const auto plan = builder.build({});
  EXPECT_EQ(plan->report().missing, 0u);
  EXPECT_EQ(plan->report().warnings, std::vector<std::string>{});
  const auto slow = plan->with_databases({.databases = Databases::kNone});
  MatchScratch scratch, slow_scratch;
  MailBatch mails;
  size_t hits = 0;
  for (int round = 0; round < 12; ++round) {
    mails.batch.clear();
    for (int row = 0; row < 40; ++row) mails.add(random_mail(random));
    match(*plan, scratch, mails.batch);
    const std::vector<OracleHit> fast = hits_of(mails.batch);
    const std::vector<AtomHit> log = mails.batch.atoms;
    mails.batch.atoms.clear();
    match(*slow, slow_scratch, mails.batch);
    // Also the order of the log does not depend on databases.
    const auto same_place = [](const AtomHit& a, const AtomHit& b) {
      return a.row == b.row && a.atom == b.atom;
    };
    EXPECT_TRUE(std::ranges::equal(log, mails.batch.atoms, same_place));
    const std::vector<OracleHit> expected = oracle(specs, mails.batch);
    const std::vector<OracleHit> standing_in = hits_of(mails.batch);
    EXPECT_EQ(missing(specs, standing_in, expected), "") << "only the stand-in says";
    EXPECT_EQ(missing(specs, expected, standing_in), "") << "the stand-in does not say";
    EXPECT_EQ(missing(specs, fast, expected), "") << "only databases say";
    EXPECT_EQ(missing(specs, expected, fast), "") << "databases do not say";
    hits += fast.size();
  }
  EXPECT_GT(hits, 10'000u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Oracle, testing::Values(1u, 2u));

}  // namespace
}  // namespace winnow
