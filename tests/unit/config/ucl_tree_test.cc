// Reading and changing the tree: typed getters, paths, lists, places, shadows.
#include <gtest/gtest.h>

#include "rules/config/dump.h"
#include "rules/config/ucl_parse.h"

namespace winnow {
namespace {

std::string json(const UclObject& value) {
  return dump(value, {.format = DumpFormat::kJsonCompact});
}

TEST(UclTree, Getters) {
  auto result = parse_ucl(
      "i = 5; d = 2.5; t = 5min; s = text; q = \"7\"; b = yes; qb = \"off\"; n = null;\n"
      "half = .5; plus = +3; l = [a, 1, [x]]; last = 1; last = 2; port = 11333; one = 1; f = 3.0",
      "t");
  ASSERT_TRUE(result);
  const UclObject& root = result->document->root();
  EXPECT_EQ(root.integer("i", 0), 5);
  EXPECT_EQ(root.integer("q", 0), 7);
  EXPECT_EQ(root.integer("d", -1), -1);
  EXPECT_EQ(root.integer("f", 0), 3);
  EXPECT_EQ(root.integer("plus", 0), 3);
  EXPECT_EQ(root.number("d", 0), 2.5);
  EXPECT_EQ(root.number("half", 0), 0.5);
  EXPECT_EQ(root.number("s", -2), -2);
  EXPECT_EQ(root.seconds("t", 0), 300);
  EXPECT_EQ(root.seconds("i", 0), 5);
  EXPECT_TRUE(root.flag("b", false));
  EXPECT_FALSE(root.flag("qb", true));
  EXPECT_TRUE(root.flag("one", false));
  EXPECT_TRUE(root.flag("s", true));
  EXPECT_EQ(root.string("s", ""), "text");
  EXPECT_EQ(root.string("port", ""), "11333");
  EXPECT_EQ(root.string("n", "none"), "none");
  EXPECT_EQ(root.string("l", "none"), "none");
  EXPECT_EQ(root.integer("last", 0), 2);
  EXPECT_EQ(root.integer("absent", 9), 9);
  EXPECT_EQ(root.strings("l"), (std::vector<std::string_view>{"a", "1"}));
  EXPECT_EQ(root.strings("s"), (std::vector<std::string_view>{"text"}));
}

TEST(UclTree, PathsAndNames) {
  auto result =
      parse_ucl("w \"a\" { x = 1; p { q.r = 5 } } w \"b\" { y = 2 } w { c { z = 3 } d = 4 }", "t");
  ASSERT_TRUE(result);
  const UclObject& root = result->document->root();
  EXPECT_EQ(root.get("w.a.x")->as_int(), 1);
  EXPECT_EQ(root.get("w.b.y")->as_int(), 2);
  EXPECT_EQ(root.get("w.c.z")->as_int(), 3);
  EXPECT_EQ(root.get("w.a.p.q.r")->as_int(), 5);
  EXPECT_EQ(root.get("w.e"), nullptr);
  EXPECT_EQ(root.get("w.a.x.y"), nullptr);
  std::string names;
  for (const UclObject* section : root.find("w")->named()) names += std::string(section->key());
  EXPECT_EQ(names, "abcd");
  EXPECT_EQ(root.get("w.a.p.q.r")->path(), "w.a.p.q.r");
}

TEST(UclTree, PlacesAndShadows) {
  MemoryFiles files;
  files.add("/low", "s {\n  a = 1\n}");
  files.add("/mid", "s {\n\n a = 2 }");
  files.add("/high", "s { a = 3 }");
  UclOptions options;
  options.files = &files;
  auto result = parse_ucl(
      ".include \"/low\"\n.include(priority=10,duplicate=merge) \"/high\"\n"
      ".include(priority=1,duplicate=merge) \"/mid\"\n",
      "/main", options);
  ASSERT_TRUE(result);
  const UclObject* winner = result->document->root().get("s.a");
  ASSERT_TRUE(winner);
  EXPECT_EQ(winner->as_int(), 3);
  std::string chain;
  for (const UclObject* at = winner; at; at = at->shadow())
    chain += at->place().text() + "=" + std::string(at->text()) + " p" +
             std::to_string(at->priority()) + "\n";
  EXPECT_EQ(chain, "/high:1:9=3 p10\n/low:2:7=1 p0\n/mid:3:6=2 p1\n");
  EXPECT_EQ(winner->key_place().text(), "/high:1:5");
}

TEST(UclTree, ManyKeysAreFoundThroughTheIndex) {
  std::string text;
  for (int i = 0; i < 5000; ++i)
    text += "key" + std::to_string(i) + " = " + std::to_string(i) + "\n";
  for (int i = 0; i < 5000; i += 7) text += "key" + std::to_string(i) + " = again\n";
  auto result = parse_ucl("s {\n" + text + "}", "t");
  ASSERT_TRUE(result);
  UclDocument& document = *result->document;
  UclObject& section = document.mutable_of(*document.root().find("s"));
  EXPECT_EQ(section.size(), 5000u);
  for (int i = 0; i < 5000; ++i) {
    const UclObject* value = section.find("key" + std::to_string(i));
    ASSERT_TRUE(value) << i;
    EXPECT_EQ(value->as_int(), i);
    EXPECT_EQ(value->repeated(), i % 7 == 0);
  }
  for (int i = 0; i < 4995; ++i) ASSERT_TRUE(document.remove(section, "key" + std::to_string(i)));
  EXPECT_EQ(section.size(), 5u);
  EXPECT_EQ(section.find("key10"), nullptr);
  for (int i = 0; i < 100; ++i)
    document.set(section, "key" + std::to_string(i), document.make_int(-i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(section.find("key" + std::to_string(i))->as_int(), -i);
  EXPECT_EQ(section.find("key4000"), nullptr);
  EXPECT_EQ(section.find("key4999")->as_int(), 4999);
}

TEST(UclTree, Changes) {
  auto result = parse_ucl("a = 1; b { c = 2 } d = [1]; d = 2;", "t");
  ASSERT_TRUE(result);
  UclDocument& document = *result->document;
  UclObject& root = document.root();
  document.set(root, "a", document.make_string("x"));
  document.set(document.object_at(root, "b")[0], "e", document.make_bool(true));
  document.set(*document.object_at(root, "new"), "f", document.make_double(1.5));
  EXPECT_EQ(json(root), R"({"a":"x","b":{"c":2,"e":true},"d":[1,2],"new":{"f":1.5}})");
  EXPECT_EQ(root.find("a")->shadow()->as_int(), 1);
  UclObject* copy = document.copy_tree(*root.find("d"), 1000);
  document.remove(root, "d");
  document.set(root, "g", copy);
  EXPECT_EQ(json(root), R"({"a":"x","b":{"c":2,"e":true},"new":{"f":1.5},"g":[1,2]})");
  EXPECT_EQ(document.remove(root, "none"), nullptr);
}

}  // namespace
}  // namespace winnow
