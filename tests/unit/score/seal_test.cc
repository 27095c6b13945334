#include "engine/score/seal.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "engine/mime/header_names.h"
#include "engine/score/questions.h"

namespace winnow {
namespace {

std::string dump(const Evidence& e) {
  std::string out = fmt::format("{} {}:", e.sequence, e.envelope.from);
  for (const AtomCount& a : e.atoms)
    out += fmt::format(" {}x{}@{}", index(a.atom), a.count, a.where.item);
  out += " |";
  for (const SymbolFact& s : e.symbols)
    out += fmt::format(" {}*{}[{}]", index(s.symbol), s.weight, s.option);
  if (e.facts.faults.has(Fault::kLimitHits)) out += " limit";
  return out;
}

struct Sealing {
  Batch batch;
  SealPlan plan;
  SealScratch scratch;
  Evidence a, b;
  std::string text = "alpha beta gamma";  // stands for the messages: overwritten after sealing

  Sealing() {
    Envelope envelope;
    envelope.from = std::string_view(text).substr(0, 5);
    const std::string_view recipients[] = {std::string_view(text).substr(6, 4)};
    batch.add(text, 10, envelope, recipients);
    batch.add(text, 11, {}, {});
  }
  void run() {
    Evidence* const out[] = {&a, &b};
    seal(plan, scratch, batch, out);
    std::memset(text.data(), '#', text.size());
    batch.clear();
  }
};

TEST(Seal, logs_are_sorted_by_row_atoms_merged_symbols_in_order) {
  Sealing s;
  const std::string_view option = std::string_view(s.text).substr(11, 5);
  s.batch.atoms = {{1, AtomId{4}, 1, {}},
                   {0, AtomId{9}, 2, {.scope = ScopeKind::kHeader, .item = 3}},
                   {0, AtomId{2}, 1, {.scope = ScopeKind::kHeader, .item = 5}},
                   {0, AtomId{9}, 1, {.scope = ScopeKind::kHeader, .item = 1}},
                   {1, AtomId{4}, 900, {}},
                   {1, AtomId{4}, 900, {}}};
  s.batch.symbols = {{1, SymbolId{7}, 1, {}, {}},
                     {0, SymbolId{8}, 0.5, option, {}},
                     {0, SymbolId{3}, 1, {}, {}},
                     {0, SymbolId{8}, 1, option, {}}};
  s.run();
  EXPECT_EQ(dump(s.a), "10 alpha: 2x1@5 9x3@3 | 8*0.5[gamma] 3*1[] 8*1[gamma]");
  EXPECT_EQ(dump(s.b), "11 : 4x1000@0 | 7*1[]");
  ASSERT_EQ(s.a.recipients.size(), 1u);
  EXPECT_EQ(s.a.recipients[0], "beta");
}

TEST(Seal, over_hits_max_the_rest_is_dropped_and_said) {
  Sealing s;
  s.plan.limits.hits_max = 2;
  for (uint32_t i = 0; i < 3; ++i) {
    s.batch.atoms.push_back({0, AtomId{i}, 1, {}});
    s.batch.symbols.push_back({1, SymbolId{i}, 1, {}, {}});
  }
  s.run();
  EXPECT_EQ(dump(s.a), "10 alpha: 0x1@0 1x1@0 | limit");
  EXPECT_EQ(dump(s.b), "11 : | 0*1[] 1*1[] limit");
}

TEST(Seal, copies_the_columns_that_are_read_late_and_rebases_their_views) {
  Sealing s;
  const std::string_view text = s.text;
  Header header;
  header.id = header_id(known::kSubject);
  header.name = text.substr(0, 5);
  header.decoded = text.substr(6);
  s.batch.headers.values.assign(3, header);
  s.batch.headers.values[1].id = header_id(known::kTo);
  s.batch.headers.values[2].part = 1;
  s.batch.headers.end_row();
  s.batch.headers.end_row();
  s.batch.facts[0].root_headers = 2;
  s.batch.facts[0].subject = 0;
  s.batch.facts[0].message_id_value = text.substr(0, 10);
  Url url;
  url.normal = text;
  url.host = text.substr(6, 4);
  s.batch.urls.values = {url};
  s.batch.urls.end_row();
  s.batch.urls.end_row();
  Address address;
  address.address = text.substr(0, 10);
  address.local = text.substr(0, 5);
  address.domain = text.substr(6, 4);
  s.batch.addresses.values = {address};
  s.batch.addresses.end_row();
  s.batch.addresses.end_row();
  s.plan.seals = static_cast<uint32_t>(Sealed::kHeaders) | static_cast<uint32_t>(Sealed::kUrls);
  s.plan.headers.assign(kKnownHeaders, false);
  s.plan.headers[known::kSubject] = true;
  s.run();
  EXPECT_EQ(s.a.subject, "beta gamma");
  EXPECT_EQ(s.a.message_id, "alpha beta");
  EXPECT_EQ(s.a.facts.message_id_value, "alpha beta");
  ASSERT_EQ(s.a.headers.size(), 1u);
  EXPECT_EQ(s.a.headers[0].decoded, "beta gamma");
  ASSERT_EQ(s.a.urls.size(), 1u);
  EXPECT_EQ(s.a.urls[0].host, "beta");
  EXPECT_EQ(s.a.urls[0].host.data(), s.a.urls[0].normal.data() + 6) << "rebased, not copied";
  ASSERT_EQ(s.a.addresses.size(), 1u);
  EXPECT_EQ(s.a.addresses[0].domain, "beta");
  EXPECT_TRUE(s.b.urls.empty());
  EXPECT_TRUE(s.a.received.empty());
}

TEST(EvidenceAsker, asks_once_and_not_over_the_limit) {
  Evidence evidence;
  Evidence* const out[] = {&evidence};
  Limits limits;
  limits.questions_max = 2;
  EvidenceAsker asker(limits, out);
  asker.begin_check(CheckId{3});
  for (const char* key : {"a", "b", "a", "b"}) asker.ask(0, QuestionKind::kDns, 1, key);
  EXPECT_FALSE(evidence.facts.faults.any());
  asker.ask(0, QuestionKind::kDns, 16, "a");
  EXPECT_EQ(evidence.questions.size(), 2u);
  EXPECT_EQ(evidence.answers.size(), 2u);
  EXPECT_EQ(evidence.questions[1].check, CheckId{3});
  EXPECT_TRUE(evidence.facts.faults.has(Fault::kLimitQuestions));
}

}  // namespace
}  // namespace winnow
