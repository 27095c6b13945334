// Every letter that has another case, asked of both libraries: what only PCRE2 knows must be known
// as new, here and in the text.
#include "engine/match/letters.h"

#include <gtest/gtest.h>
#include <unicode/uchar.h>
#include <unicode/uset.h>

#include "engine/match/database.h"
#include "engine/match/plan.h"
#include "engine/text/utf8.h"
#include "fmt/format.h"
#include "tests/unit/match/mail.h"
#include "tests/unit/match/oracle.h"

namespace winnow {
namespace {

constexpr uint32_t kI = bit(PatternFlag::kIgnoreCase);
constexpr uint32_t kX = bit(PatternFlag::kExtended);
constexpr uint32_t kU = bit(PatternFlag::kUtf);

std::string utf8_of(uint32_t code) {
  std::string out;
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  out += static_cast<char>((0xFF00u >> (more + 1) & 0xFF) | code >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (code >> (6 * i) & 0x3F));
  return out;
}

PatternSpec part(std::string regex, uint32_t flags) {
  return {.regex = std::move(regex), .flags = flags, .scope = ScopeKind::kPart};
}

// All that fold alike with `code`, itself too; empty if no other does.
std::vector<uint32_t> folds_of(uint32_t code) {
  std::vector<uint32_t> out;
  USet* const set = uset_open(static_cast<UChar32>(code), static_cast<UChar32>(code));
  uset_closeOver(set, USET_CASE_INSENSITIVE);
  for (int32_t i = 0; i < uset_size(set) && uset_charAt(set, i) >= 0; ++i)
    out.push_back(static_cast<uint32_t>(uset_charAt(set, i)));
  uset_close(set);
  return out;
}

TEST(Letters, DatabaseFoldsAllOthersAsPcre2) {
  RegexScratch scratch;
  size_t asked = 0, newer = 0;
  for (uint32_t code = 0x80; code < 0x1F000; ++code) {
    const std::vector<uint32_t> folds = folds_of(code);
    if (folds.size() < 2) continue;
    const std::string letter = utf8_of(code);
    if (has_new_letter(letter)) {
      EXPECT_EQ(classify(part(letter, kU | kI)), PatternClass::kAlone) << std::hex << code;
      ++newer;
      continue;
    }
    std::string text;
    for (const uint32_t other : folds)
      if (!has_new_letter(utf8_of(other))) text += utf8_of(other) + "\n";
    const Regex regex = *Regex::compile(letter, kU | kI);
    bool limited = false;
    const uint32_t by_pcre2 = regex.count(scratch, text, 100, limited);
    std::vector<uint32_t> refused;
    const DatabasePattern pattern{letter, kU | kI, PatternClass::kExact};
    const auto database = *Database::compile({&pattern, 1}, true, refused);
    DatabaseScratch room;
    database->grow(room);
    uint32_t by_database = 0;
    database->scan(
        room, text, [](void* count, uint32_t, size_t) { ++*static_cast<uint32_t*>(count); },
        &by_database);
    EXPECT_EQ(by_database, by_pcre2) << std::hex << code;
    ++asked;
  }
  EXPECT_GT(asked, 2000u);
  EXPECT_GT(newer, 300u);
}

TEST(Letters, NewOnesAreSeenInTextAndPatterns) {
  EXPECT_FALSE(has_new_letter(""));
  EXPECT_FALSE(has_new_letter("Grüße, Привет, ელფოსტა, 你好, 😀"));
  EXPECT_TRUE(has_new_letter("0123456789abcdef-\u1c80"));
  EXPECT_TRUE(has_new_letter("\U0001e943"));
  EXPECT_FALSE(has_new_letter("\u1c8f\U0001e944"));
  struct Row {
    std::string_view regex;
    uint32_t flags;
    bool differs;
  };
  const Row rows[] = {
      {"Привет", kU | kI, false},
      {"[а-я]+", kU | kI, false},
      {"\u1c80", kU, false},
      {"\u1c80", kU | kI, true},
      {"a(?i)\u1c80", kU, true},
      {"(?i:\u1c80)", kU, true},
      {"\\x{1c80}", kU | kI, true},
      {"\\o{16200}", kU | kI, true},
      {"\\N{U+1C80}", kU | kI, true},
      {"\\x{1c8f}", kU | kI, false},
      {"[\\x{80}-\\x{ffff}]", kU | kI, true},
      {"[a-\u2000]", kU | kI, true},
      {"[^\u1cc0-\u2000]", kU | kI, false},
      {"\\p{L}", kU, true},
      {"\\PL", kU, true},
      {"\\X", kU, true},
      {"\\\\p", kU, false},
      {"(*UCP)\\w", kU, true},
      {"a\u200eb", kU | kX, true},
      {"a\u2029b", kU, true},
      {"[[:^upper:][:lower:]]", kU, true},
      {"[\\W[:digit:]]", kU, true},
      {"[\\w[:digit:]]", kU, false},
      {"\\\\D[[:digit:]]", kU, false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(differs_by_unicode(row.regex, row.flags), row.differs) << row.regex;
}

// Patterns and texts where the libraries differ, through the whole stage, with and without
// databases, in texts and in words, once and counted.
TEST(Letters, StageSaysWhatPcre2Says) {
  const char* const patterns[] = {"в",
                                  "привет",
                                  "[^в]",
                                  "ა",
                                  "\u1c90",
                                  "\uab70",
                                  "ꭰ|x",
                                  "é",
                                  "Å",
                                  "k",
                                  "\\p{Lu}",
                                  "[[:^upper:][:lower:]]",
                                  "[^\\W[:digit:]é]"};
  std::vector<PatternSpec> specs;
  for (const char* const pattern : patterns)
    for (const uint32_t flags : {kU | kI, kU | kI | kX, kU, kI | kX, kX}) {
      for (const ScopeKind scope : {ScopeKind::kPart, ScopeKind::kWord}) {
        for (const uint32_t count : {0u, bit(PatternFlag::kCountAll)}) {
          PatternSpec spec = part(pattern, flags | count);
          spec.scope = scope;
          specs.push_back(spec);
        }
      }
    }
  MailBatch mails;
  for (const std::string text : {"\u1c80", "при\u1c80ет ПРИВЕТ", "\u10d0 \u1c90", "\u13a0 \uab70",
                                 "\u212b å Å \xc3", "K k", "no letters", "\u1c80 в В"}) {
    std::vector<std::string> words;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(' ', at), text.size());
      words.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    mails.add({.texts = {text}, .words = words});
  }
  MatchPlanBuilder builder;
  for (uint32_t i = 0; i < specs.size(); ++i) ASSERT_TRUE(builder.add(specs[i], AtomId(i)));
  const auto slow = builder.build({.databases = Databases::kNone});
  const auto fast = slow->with_databases({});
  const std::vector<OracleHit> expected = oracle(specs, mails.batch);
  EXPECT_GT(expected.size(), 100u);
  MatchScratch scratch;
  for (const auto& plan : {slow, fast}) {
    mails.batch.atoms.clear();
    match(*plan, scratch, mails.batch);
    std::vector<OracleHit> found;
    for (const AtomHit& hit : mails.batch.atoms)
      found.push_back({hit.row, index(hit.atom), hit.count, hit.where.item});
    std::ranges::sort(found);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_TRUE(found[i] == expected[i])
          << specs[expected[i].atom].regex << " " << specs[expected[i].atom].flags << " row "
          << expected[i].row;
  }
}

// A byte of a letter is no blank: `Å` (C3 85) in free spacing is both bytes.
TEST(Letters, FreeSpacingKeepsTheByte85) {
  RegexScratch scratch;
  struct Row {
    std::string_view regex;
    std::string_view text;
    bool found;
  };
  const Row rows[] = {
      {"Å", "\xC3", false},         {"Å", "xÅ", true},          {"[Å] $", "a\x85", true},
      {"\\\x85", "a\x85", true},    {"\\QÅ b\\E", "Å b", true}, {"\\Q\\\\E\x85", "\\\x85", true},
      {"a # \x85\n b", "ab", true}, {"\x85*b", "b", true},
  };
  for (const Row& row : rows) {
    for (const uint32_t flags : {kX, kX | kI}) {
      Result<Regex> regex = Regex::compile(row.regex, flags);
      ASSERT_TRUE(regex) << row.regex;
      EXPECT_EQ(regex->find(scratch, row.text) == Find::kFound, row.found) << row.regex;
    }
  }
  EXPECT_EQ(Regex::compile("(?x)Å", 0)->find(scratch, "\xC3"), Find::kNone);
}

}  // namespace
}  // namespace winnow
