// Checks that read texts in blocks of bytes find the same wherever in a block it stands.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "rules/checks/check.h"

namespace winnow {
extern const Check kBitcoin;
extern const Check kManner;

namespace {

// "NAME[option]" of what `check` finds in a message of one text.
std::multiset<std::string> found(const Check& check, std::string_view plain) {
  CheckPlan plan;
  for (uint32_t i = 0; i < check.symbols.size(); ++i) plan.symbols.push_back(SymbolId{i});
  Batch batch;
  batch.add("", 0, Envelope(), {});
  Part& part = batch.parts.values.emplace_back();
  part.type = "text";
  part.subtype = "plain";
  batch.parts.end_row();
  Text text;
  text.plain = plain;
  batch.texts.values.push_back(text);
  batch.texts.end_row();
  batch.headers.end_row();
  check.content(plan, batch);
  std::multiset<std::string> out;
  for (const SymbolHit& hit : batch.symbols)
    out.insert(std::string(check.symbols[index(hit.symbol)].name) + "[" + std::string(hit.option) +
               "]");
  return out;
}

TEST(Blocks, AddressesAreFoundAtEachOffset) {
  const std::string one = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT";
  const std::string two = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
  for (const std::string_view filler : {"x", "some words and a line\n", "0123456789abcdef-"}) {
    std::string before;
    for (size_t offset = 0; offset < 48; ++offset) {
      before += filler[offset % filler.size()];
      const std::string text = before + " " + one + " " + two;
      EXPECT_EQ(found(kBitcoin, text), (std::multiset<std::string>{"BITCOIN_ADDR[" + one + "]",
                                                                   "BITCOIN_ADDR[" + two + "]"}))
          << text;
      EXPECT_EQ(found(kBitcoin, text + " and so on, as long as this is").size(), 2u) << text;
      EXPECT_EQ(found(kBitcoin, before + "y" + one + two).size(), 0u) << before;
    }
  }
}

TEST(Blocks, MannersAreSeenAtEachOffset) {
  const std::string marks =
      "Now!! $5 and \xc2\xa3 6, \xe2\x82\xac"
      "7: 20% or 30 %\n> quoted\n>  again\n"
      "f r e e d o m 1-800-555-1234 and $ 1\r\n-- \r\nAnna! ! $ x\n";
  const std::multiset<std::string> expected = {
      "TEXT_EXCLAIMS_SOME[]", "TEXT_EXCLAIMS_RUN[]", "TEXT_PRICES_SOME[]", "TEXT_PERCENTS[]",
      "TEXT_FREE_CALL[]",     "TEXT_GAPS[]",         "TEXT_QUOTES_MAIL[]", "TEXT_SIGNATURE[]"};
  std::string before;
  for (size_t offset = 0; offset < 48; ++offset) {
    EXPECT_EQ(found(kManner, before + "\n" + marks), expected) << before;
    EXPECT_EQ(found(kManner, before + "\n" + marks + "end"), expected) << before;
    before += offset % 7 == 6 ? ' ' : 'x';
  }
  // What stands in two lines is not one.
  EXPECT_EQ(found(kManner, "f r e\ne d o\nm $\n5 $\n6 20\n% 30\n% !\n! 800-555-\n1234 \n-- x\n"),
            std::multiset<std::string>{});
}

}  // namespace
}  // namespace winnow
