// Counts that come from elsewhere: what other filters' files mean here, and that they are learnt,
// known again and given back exactly.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "engine/classify/features.h"
#include "engine/text/language.h"
#include "make_record.h"
#include "pipeline/learn/foreign_words.h"
#include "pipeline/learn/rspamd_dump.h"
#include "pipeline/learn/statistics.h"
#include "pipeline/lookup/store/memory_store.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

uint64_t word(std::string_view stem) { return stem_feature(FeatureKind::kWord, word_hash(stem)); }

CountTable bogofilter(const std::string& text) {
  std::istringstream in(text);
  const Result<CountTable> table = read_bogofilter(in, "en");
  EXPECT_TRUE(table.has_value()) << table.error().text();
  return table ? *table : CountTable();
}

std::string count_of(const CountTable& table, uint64_t token) {
  const auto found = table.counts.find(token);
  if (found == table.counts.end()) return "none";
  return std::to_string(found->second.spam) + "/" + std::to_string(found->second.ham);
}

TEST(ForeignWordsTest, what_bogofilters_words_are_here) {
  const CountTable table = bogofilter(
      ".WORDLIST_VERSION 20040500 0 20261129\nwinner 3 1 20261129\nWinners 4 0 20261129\n"
      "subj:Prize 2 0 20261129\nfrom:b.example 1 0 20261129\nfrom:Bob 1 1 20261129\n"
      "head:X-Mailer 1 2 20261129\nwww.evil.example 2 0 20261129\nmime:boundary 1 1 20261129\n"
      "rcvd:mx.b.example 1 0 20261129\n.MSG_COUNT 5 2 20261129\nthe 5 2 20261129\n");
  EXPECT_EQ(table.learns, (LearnCount{5, 2}));
  EXPECT_EQ(count_of(table, word("winner")), "5/1");  // 3 + 4, of five messages
  EXPECT_EQ(count_of(table, stem_feature(FeatureKind::kSubject, word_hash("prize"))), "2/0");
  const auto address = [](char part, std::string_view value) {
    return named_feature(FeatureKind::kAddress, address_feature_name(AddressField::kFrom, part),
                         value);
  };
  EXPECT_EQ(count_of(table, address('d', "b.example")), "1/0");
  EXPECT_EQ(count_of(table, address('l', "bob")), "1/1");
  EXPECT_EQ(count_of(table, named_feature(FeatureKind::kHeaderName, "there", "x-mailer")), "1/2");
  EXPECT_EQ(count_of(table, named_feature(FeatureKind::kUrl, "host", "www.evil.example")), "2/0");
  EXPECT_EQ(count_of(table, named_feature(FeatureKind::kReceived, "from", "mx.b.example")), "1/0");
  EXPECT_EQ(table.lines, 10u);
  EXPECT_EQ(table.used, 8u);  // not mime: and not "the"
}

TEST(ForeignWordsTest, forms_are_told_by_the_first_line) {
  EXPECT_EQ(word_list_form("v\t3\tdb_version"), WordListForm::kSpamAssassin);
  EXPECT_EQ(word_list_form("casino 1 0 20261129"), WordListForm::kBogofilter);
  for (const char* line : {"", "{\"time_ms\":1}", "casino 1 0", "casino 1 x 2", "\"RS\": {}"})
    EXPECT_EQ(word_list_form(line), WordListForm::kNone) << line;
}

TEST(ForeignWordsTest, a_backup_says_first_of_how_many_messages_it_is) {
  const Vocabulary words{"casino"};
  const std::string head = "v\t3\tdb_version\nv\t5\tnum_spam\nv\t4\tnum_spam\nv\t2\tnum_nonspam\n";
  const std::string tokens = "t\t7\t1\t1795514400\tbd08c68a75\n";  // casino
  std::istringstream good(head + tokens + tokens);
  const Result<CountTable> table = read_sa_learn(good, "en", words);
  ASSERT_TRUE(table.has_value()) << table.error().text();
  EXPECT_EQ(count_of(*table, word("casino")), "4/2");
  for (const std::string_view late : {"num_spam", "num_nonspam"}) {
    std::istringstream bad(fmt::format("{}{}v\t1\t{}\n", head, tokens, late));
    const Result<CountTable> none = read_sa_learn(bad, "en", words);
    ASSERT_FALSE(none.has_value()) << late;
    EXPECT_EQ(none.error().line, 6u);
    EXPECT_NE(none.error().what.find("before the tokens"), std::string::npos);
  }
}

TEST(ForeignWordsTest, a_vocabulary_has_words_and_hosts) {
  std::istringstream text("From: Bob <bob@mail.b.example>\nCasino, don't. a x-ray - $$$\n");
  Vocabulary words;
  add_vocabulary(text, words);
  EXPECT_EQ(words, (Vocabulary{"from", "bob", "mail.b.example", "b.example", "example", "casino",
                               "don't", "x-ray"}));
}

TEST(CountsTest, learnt_once_and_given_back) {
  CountTable table;
  table.learns = {7, 3};
  for (uint64_t token = 1; token <= 10'000; ++token) table.counts[token] = {token % 7, 1, 0};
  std::vector<LearnRecord> records;
  append_counts_records(table, records);
  ASSERT_EQ(records.size(), 3u);  // 4,096 tokens each
  const OwnFolder folder;
  const auto statistics =
      TokenStatistics::open({.folder = folder.path(), .limit_bytes = 256 << 20}).value();
  const LearnRecord mail = make_record(kSpam, 1, {1, 6, 9'999});
  statistics->learn({&mail, 1}).value();
  EXPECT_EQ(statistics->learn(records).value(), std::vector(3, Learnt::kNew));
  EXPECT_EQ(statistics->learn(records).value(), std::vector(3, Learnt::kSame));
  const auto counts = [&] {
    TokenList list;
    for (const uint64_t token : {1u, 6u, 7u, 9'999u}) list.add(token, 0);
    return statistics->counts(list).value();
  };
  EXPECT_EQ(counts().learns, (LearnCount{8, 3}));
  EXPECT_EQ(counts().counts, (std::vector<TokenCount>{{2, 1}, {7, 1}, {0, 1}, {4, 1}}));
  const auto rebuilt = memory_store();
  ASSERT_TRUE(rebuild_model(statistics->log(), *rebuilt).has_value());
  std::string is, should;
  ASSERT_TRUE(dump_model(statistics->store(), [&](std::string_view p) { is += p; }).has_value());
  ASSERT_TRUE(dump_model(*rebuilt, [&](std::string_view p) { should += p; }).has_value());
  EXPECT_EQ(is, should);
  for (LearnRecord& record : records) record.kind = LearnKind::kForget, record.tokens.clear();
  EXPECT_EQ(statistics->learn(records).value(), std::vector(3, Learnt::kForgotten));
  EXPECT_EQ(counts().learns, (LearnCount{1, 0}));
  EXPECT_EQ(counts().counts, (std::vector<TokenCount>{{1, 0}, {1, 0}, {0, 0}, {1, 0}}));
}

TEST(RspamdDumpTest, lines_and_what_they_mean) {
  std::map<std::string, CountTable> tables;
  const auto read = [&](const std::string& text) -> std::string {
    std::istringstream in(text);
    const Result<void> good =
        read_rspamd_dump(in, [&](DumpedKey&& key) { return add_dumped(key, tables); });
    return good ? "" : good.error().text();
  };
  EXPECT_EQ(
      read("\"BAYES_SPAM_keys\": [\"RS\"]\n\"RS_5\": {\"S\":\"2\",\"H\":3,\"tokens\":\"a:b\"}\n"
           "\"RS\": {\"learns_spam\":\"3.0\",\"learns_ham\":\"-4\",\"version\":\"2\"}\n"
           "\"RSbob@x_5\": {\"S\":\"9\"}\n\"WN#00000000000000ff_7\": {\"H\":\"1\"}\n"),
      "");
  EXPECT_EQ(tables.at("RS").learns, (LearnCount{3, 0}));
  EXPECT_EQ(count_of(tables.at("RS"), 5), "2/3");
  EXPECT_EQ(tables.at("RSbob@x").user, "bob@x");
  EXPECT_EQ(tables.at("WN#00000000000000ff").scope, 255u);
  EXPECT_EQ(tables.at("WN#00000000000000ff").tokenizer, Tokenizer::kWinnow);
  EXPECT_NE(read("\"RS_5\": {\"S\":\"x\"}\n").find("is no count"), std::string::npos);
  EXPECT_NE(read("\n\"RS_5\" {}\n").find("no line"), std::string::npos);
  EXPECT_NE(read("\"RS#12g\": {}\n").find("no scope"), std::string::npos);
  EXPECT_NE(read("\"rr123\": {\"a\":\"1\"}\n").find("only keys that begin"), std::string::npos);
}

}  // namespace
}  // namespace winnow
