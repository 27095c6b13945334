#include "engine/match/match.h"

#include <gtest/gtest.h>

#include "engine/match/scope_texts.h"
#include "fmt/format.h"
#include "tests/unit/match/mail.h"

namespace winnow {
namespace {

constexpr uint32_t kA = bit(PatternFlag::kCountAll);
constexpr uint32_t kI = bit(PatternFlag::kIgnoreCase);

std::string dump(const Batch& batch) {
  std::string out;
  for (const AtomHit& hit : batch.atoms) {
    out += fmt::format("{}:{}x{}@{}.{} ", hit.row, index(hit.atom), hit.count,
                       scope_name(hit.where.scope), hit.where.item);
  }
  return out;
}

// Both with and without databases.
std::string run(const std::vector<PatternSpec>& specs, MailBatch& mails,
                Locate locate = Locate::kNo) {
  MatchPlanBuilder builder;
  for (uint32_t i = 0; i < specs.size(); ++i) {
    EXPECT_TRUE(builder.add(specs[i], AtomId(i))) << specs[i].regex;
  }
  const auto plan = builder.build({});
  const auto slow = plan->with_databases({.databases = Databases::kNone});
  MatchScratch scratch;
  match(*slow, scratch, mails.batch, locate);
  const std::string expected = dump(mails.batch);
  mails.batch.atoms.clear();
  match(*plan, scratch, mails.batch, locate);
  EXPECT_EQ(dump(mails.batch), expected);
  return dump(mails.batch);
}

PatternSpec pattern(std::string regex, ScopeKind scope, uint32_t flags = 0) {
  return {.regex = std::move(regex), .flags = flags, .scope = scope};
}

PatternSpec header(std::string regex, known::Known id, ScopeKind scope = ScopeKind::kHeader,
                   uint32_t flags = 0) {
  return {.regex = std::move(regex), .flags = flags, .scope = scope, .header = header_id(id)};
}

TEST(Match, HeadersByNameAndKind) {
  MailBatch mails;
  mails.add({.headers = {{header_id(known::kReceived), "Received", "from b"},
                         {header_id(known::kReceived), "RECEIVED", "from a"},
                         {header_id(known::kSubject), "Subject", "héllo", "=?utf-8?q?h=C3=A9llo?="},
                         {kNoId<HeaderId>, "X-Other", "from a"},
                         {header_id(known::kSubject), "Subject", "of a part", "", 1}}});
  PatternSpec strict = header("from", known::kReceived);
  strict.strict_case = true;
  strict.name = "RECEIVED";
  PatternSpec absent = strict;
  absent.name = "rECEIVED";
  EXPECT_EQ(run({header("from a", known::kReceived), header("h.+llo", known::kSubject),
                 header("=\\?utf", known::kSubject), header("of a", known::kSubject),
                 header("=\\?UTF", known::kSubject, ScopeKind::kRawHeader, kI),
                 header("of a", known::kSubject, ScopeKind::kMimeHeader),
                 header("h.+llo", known::kSubject, ScopeKind::kMimeHeader),
                 header("from", known::kReceived, ScopeKind::kHeader, kA), strict, absent},
                mails),
            "0:1x1@header.2 0:4x1@raw_header.2 0:5x1@mime_header.4 "
            "0:0x1@header.1 0:7x2@header.0 0:8x1@header.1 ");
}

TEST(Match, RowsAreNeighboursAndNothingElse) {
  MailBatch mails;
  mails.add({.headers = {{header_id(known::kSubject), "Subject", "a"}}, .texts = {"b"}});
  mails.add({});
  mails.add({.texts = {"x", "b b", "b"}});
  mails.add({.headers = {{header_id(known::kSubject), "Subject", "aaa"}}});
  EXPECT_EQ(run({pattern("b", ScopeKind::kPart, kA), header("a", known::kSubject),
                 pattern("b", ScopeKind::kPart)},
                mails),
            "0:1x1@header.0 3:1x1@header.0 0:0x1@part.0 0:2x1@part.0 2:0x3@part.1 2:2x1@part.1 ");
}

TEST(Match, EmptyTextsAndEmptyPatterns) {
  MailBatch mails;
  mails.add({.headers = {{header_id(known::kSubject), "Subject", ""}}, .texts = {""}});
  EXPECT_EQ(run({header("^$", known::kSubject), header("^\\s*$", known::kSubject),
                 header(".", known::kSubject), header("", known::kSubject),
                 pattern("^$", ScopeKind::kPart), pattern("^(?!a)", ScopeKind::kPart)},
                mails),
            "0:0x1@header.0 0:1x1@header.0 0:3x1@header.0 0:4x1@part.0 0:5x1@part.0 ");
}

TEST(Match, WordsAreSingleTexts) {
  MailBatch mails;
  mails.add({.texts = {"alpha beta gamma beta"}, .words = {"alpha", "beta", "gamma", "beta"}});
  EXPECT_EQ(run({pattern("^beta$", ScopeKind::kWord, kA), pattern("a\\Wb", ScopeKind::kWord),
                 pattern("(?s)alpha.beta", ScopeKind::kWord), pattern("a$", ScopeKind::kWord, kA),
                 pattern("^bet$", ScopeKind::kStemWord), pattern("^gamma$", ScopeKind::kRawWord),
                 pattern("\\Abeta\\z", ScopeKind::kWord), pattern("x*", ScopeKind::kWord),
                 pattern("(m)\\1", ScopeKind::kWord), pattern("ta(?!.)", ScopeKind::kWord),
                 pattern("[^a-z]", ScopeKind::kWord)},
                mails),
            "0:0x2@words.1 0:3x4@words.0 0:6x1@words.1 0:7x1@words.0 0:8x1@words.2 0:9x1@words.1 "
            "0:5x1@raw_words.2 0:4x1@stem_words.1 ");
}

// A URL is read with its escapes decoded and as it stands; what hits both has hit once.
TEST(Match, UrlsHaveTwoForms) {
  Url plain, escaped;
  plain.normal = "http://a.example/b";
  escaped.normal = "http://a.example/b%20c%2Fb";
  MailBatch mails;
  mails.add({.urls = {plain, escaped, escaped}});
  const uint32_t each = bit(PatternFlag::kEachText);
  EXPECT_EQ(run({pattern("b c/b$", ScopeKind::kUrl), pattern("b%20c%2f", ScopeKind::kUrl, kI),
                 pattern("/b", ScopeKind::kUrl, kA), pattern("e/b", ScopeKind::kUrl, each),
                 pattern("%20", ScopeKind::kUrl, each)},
                mails),
            "0:0x1@url.1 0:1x1@url.4 0:2x5@url.0 0:3x1@url.0 0:3x1@url.1 0:3x1@url.2 "
            "0:4x1@url.4 0:4x1@url.5 ");
}

TEST(Match, Utf8PatternsSeeOnlyValidText) {
  const uint32_t u = bit(PatternFlag::kUtf);
  MailBatch mails;
  mails.add({.raw = "caf\xe9 \xff", .texts = {"café"}, .words = {"ok", "caf\xe9", "жук"}});
  EXPECT_EQ(run({pattern("^.{4}$", ScopeKind::kPart, u), pattern("^.{5}$", ScopeKind::kPart),
                 pattern("caf", ScopeKind::kBody, u), pattern("caf", ScopeKind::kBody),
                 pattern("ЖУК", ScopeKind::kWord, u | kI), pattern("caf", ScopeKind::kWord, u)},
                mails),
            "0:3x1@body.0 0:0x1@part.0 0:1x1@part.0 0:4x1@words.2 ");
}

TEST(Match, LocatesTheFirstMatch) {
  MailBatch mails;
  mails.add({.headers = {{header_id(known::kSubject), "Subject", "buy now"}},
             .texts = {"first line\nsecond now"},
             .words = {"first", "line", "second", "now"}});
  const std::vector<PatternSpec> specs = {
      header("now", known::kSubject), pattern("line second", ScopeKind::kSaBody),
      pattern("o.", ScopeKind::kWord, kA), pattern("(?<=d )now$", ScopeKind::kPart)};
  run(specs, mails, Locate::kYes);
  TextRoom room;
  std::vector<std::string> found;
  for (const AtomHit& hit : mails.batch.atoms) {
    const std::string_view text = scope_text(mails.batch, hit.row, hit.where, room);
    found.emplace_back(text.substr(hit.where.begin, hit.where.end - hit.where.begin));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"now", "now", "line second", "on"}));
}

TEST(Match, ScopesWhoseColumnsAreNotThereAreNotRead) {
  Batch batch;
  batch.add("raw message", 0, {}, {});
  MatchPlanBuilder builder;
  uint32_t atom = 0;
  for (ScopeKind scope :
       {ScopeKind::kPart, ScopeKind::kUrl, ScopeKind::kEmail, ScopeKind::kWord, ScopeKind::kSaBody,
        ScopeKind::kRawPart, ScopeKind::kFilename, ScopeKind::kBody}) {
    (void)builder.add(pattern("a", scope), AtomId(atom++));
  }
  (void)builder.add(header("a", known::kFrom), AtomId(atom++));
  MatchScratch scratch;
  match(*builder.build({}), scratch, batch);
  EXPECT_EQ(dump(batch), "0:7x1@body.0 ");
}

TEST(Match, CountersSayWhatWasDone) {
  MailBatch mails;
  mails.add({.texts = {"aaa", "b"}});
  MatchPlanBuilder builder;
  (void)builder.add(pattern("a", ScopeKind::kPart, kA), AtomId(0));
  const auto plan = builder.build({});
  MatchScratch scratch;
  match(*plan, scratch, mails.batch);
  const MatchCounters counters = scratch.take_counters();
  EXPECT_EQ(counters.texts, 2u);
  EXPECT_EQ(counters.bytes, 4u);
  EXPECT_EQ(counters.scans, 2u);
  EXPECT_EQ(counters.candidates, 1u);
  EXPECT_EQ(counters.pcre_runs, 1u);
  EXPECT_EQ(counters.hits, 1u);
  EXPECT_EQ(scratch.take_counters().texts, 0u);
}

}  // namespace
}  // namespace winnow
