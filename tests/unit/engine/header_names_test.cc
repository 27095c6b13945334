#include "engine/mime/header_names.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace winnow {
namespace {

TEST(HeaderNames, known_names_have_their_fixed_ids_in_any_case) {
  HeaderNames names;
  EXPECT_EQ(names.find("from"), header_id(known::kFrom));
  EXPECT_EQ(names.find("MESSAGE-ID"), header_id(known::kMessageId));
  EXPECT_EQ(names.find("status"), header_id(known::kStatus));
  EXPECT_EQ(names.find("X-Nobody-Asks"), kNoId<HeaderId>);
}

TEST(HeaderNames, added_names_are_found_after_the_table_grew) {
  HeaderNames names;
  for (int i = 0; i < 500; ++i) names.add(fmt::format("X-Own-{}", i));
  const uint32_t size = names.size();
  for (int i = 0; i < 500; ++i) {
    const HeaderId id = names.find(fmt::format("x-own-{}", i));
    ASSERT_NE(id, kNoId<HeaderId>);
    EXPECT_EQ(names.name(id), fmt::format("X-Own-{}", i));
    EXPECT_EQ(names.add(fmt::format("X-OWN-{}", i)), id);
  }
  EXPECT_EQ(names.size(), size);
}

}  // namespace
}  // namespace winnow
