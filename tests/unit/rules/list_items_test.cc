// Items of lists survive packing; what is no item is refused; aliases of mail addresses.
#include "rules/checks/lists/list_items.h"

#include <gtest/gtest.h>

#include "engine/mime/ip.h"

namespace winnow {
namespace {

TEST(ListItems, Pack) {
  Arena arena{1024, 4096};
  for (const std::string_view text :
       {"f,192.0.2.1", "f,2001:db8::1", "h,mx.example", "n,client.example", "r,2,5,1,198.51.100.7",
        "u,3,www.shop.example,shop.example", "u,9,192.0.2.9,192.0.2.9",
        "e,mail.example,mail.example,a,b", "p,mail.example,mail.example,ida", "s,beef,any, text"}) {
    const std::optional<ListItem> item = unpack_item(text);
    ASSERT_TRUE(item) << text;
    EXPECT_EQ(pack_item(*item, arena), text);
  }
  EXPECT_EQ(unpack_item("r,2,5,1,198.51.100.7")->position, 2u);
  EXPECT_TRUE(unpack_item("u,9,192.0.2.9,192.0.2.9")->ip.valid());
  EXPECT_EQ(unpack_item("e,mail.example,mail.example,a,b")->user, "a,b");
}

TEST(ListItems, Broken) {
  for (const std::string_view text :
       {"", "f", "f,", "f,1.2.3", "r,1,2,198.51.100.7", "u,x,host,domain", "s,zz,text",
        "d,x.example", "z,1", "u,300,host,domain", "hmx"})
    EXPECT_FALSE(unpack_item(text)) << text;
}

TEST(ListItems, Aliases) {
  struct Row {
    std::string_view user, host, expected;
  };
  for (const Row& row : {Row{"Carol.X+news", "Gmail.com", "carolx@gmail.com"},
                         {"c.a", "googlemail.com", "ca@gmail.com"},
                         {"Erin.Smith+a+b", "Mail.Example", "erin.smith@mail.example"},
                         {"+all", "mail.example", "+all@mail.example"},
                         {"...", "gmail.com", "@gmail.com"}}) {
    Arena arena{1024, 4096};
    std::string_view user = row.user, host = row.host;
    remove_aliases(user, host, arena);
    EXPECT_EQ(std::string(user) + "@" + std::string(host), row.expected);
  }
}

}  // namespace
}  // namespace winnow
