// Includes and the other macros, and what priority and duplicate do to values.
#include <gtest/gtest.h>

#include "rules/config/dump.h"
#include "rules/config/ucl_parse.h"

namespace winnow {
namespace {

const std::vector<std::pair<const char*, const char*>> kFiles = {
    {"/c/inc", "x = 10\no { p = 1; q = [1]; }\nl = [a]\ns = \"i\""},
    {"/c/i2", "o { p = 2; r = 5; q = [2]; }\nl = [b]\ns = \"j\""},
    {"/c/twice", "rule { j = 2 }\nrule { h = 3 }"},
    {"/c/five", "o = 5"},
    {"/c/empty", ""},
    {"/c/json", "{ \"j\": 1 }"},
    {"/c/nested", ".include \"/c/five\"\nb = 2"},
    {"/c/named", "rule \"one\" { k = other; sub { n = 2 } }\nrule \"local\" { l = 1 }"},
    {"/c/list", "[1]"},
    {"/c/self", ".include \"self\""},
    {"/c/ping", ".include \"pong\""},
    {"/c/pong", ".include \"ping\""},
    {"/c/broken", "a = 1\nb { c = 2"},
    {"/c/d/a.conf", "k1 = 1"},
    {"/c/d/b.conf", "k2 = $CURDIR"},
    {"/c/d/c.txt", "k3 = 3"},
    {"/c/num", " 42\n"},
    {"/c/text", "two\nlines\n"},
    {"/c/null", "a = null"},
};

std::string run(std::string_view input) {
  MemoryFiles files;
  for (const auto& [path, text] : kFiles) files.add(path, text);
  UclOptions options;
  options.files = &files;
  options.variables = {{"DIR", "/c"}};
  auto result = parse_ucl(input, "/c/main", options);
  if (!result) return result.error().text();
  std::string out = dump(result->document->root(), {.format = DumpFormat::kJsonCompact});
  for (const Warning& warning : result->warnings) out += "\n" + warning.text();
  return out;
}

struct Row {
  const char* name;
  std::string_view input;
  std::string_view expected;
};

TEST(UclInclude, Rows) {
  const Row rows[] = {
      {"plain", ".include \"/c/inc\"", R"({"x":10,"o":{"p":1,"q":[1]},"l":["a"],"s":"i"})"},
      {"unquoted", ".include /c/five;\na = 1", R"({"o":5,"a":1})"},
      {"variable", ".include \"$DIR/five\"", R"({"o":5})"},
      {"beside this file", ".include \"five\"", R"({"o":5})"},
      {"file scheme", ".include \"file:///c/five\"", R"({"o":5})"},
      {"in a section", "s { .include \"five\"\n a = 1 }", R"({"s":{"o":5,"a":1}})"},
      {"empty file", ".include \"empty\"\na = 1", R"({"a":1})"},
      {"json file in a section", "s { .include \"json\"; x = 1 }", R"({"s":{"j":1,"x":1}})"},
      {"same priority: implicit arrays", ".include \"inc\"\n.include \"i2\"",
       R"({"x":10,"o":[{"p":1,"q":[1]},{"p":2,"r":5,"q":[2]}],"l":["a","b"],"s":["i","j"]})"},
      {"local.d merges", ".include \"inc\"\n.include(try=true,priority=1,duplicate=merge) \"i2\"",
       R"({"x":10,"o":{"p":2,"q":[1,2],"r":5},"l":["a","b"],"s":"j"})"},
      {"semicolons between parameters",
       ".include \"inc\"\n.include(try=true; priority=1; duplicate=merge) \"i2\"",
       R"({"x":10,"o":{"p":2,"q":[1,2],"r":5},"l":["a","b"],"s":"j"})"},
      {"override.d replaces", ".include \"inc\"\n.include(priority=10) \"i2\"",
       R"({"x":10,"o":{"p":2,"r":5,"q":[2]},"l":["b"],"s":"j"})"},
      {"override first", ".include(priority=10) \"i2\"\n.include \"inc\"",
       R"({"o":{"p":2,"r":5,"q":[2]},"l":["b"],"s":"j","x":10})"},
      {"local then override",
       ".include \"inc\"\n.include(priority=1,duplicate=merge) \"i2\"\n"
       ".include(priority=10) \"i2\"",
       R"({"x":10,"o":{"p":2,"r":5,"q":[2]},"l":["b"],"s":"j"})"},
      {"merge replaces other types", "o { p = 1 }\n.include(priority=1,duplicate=merge) \"five\"",
       R"({"o":5})"},
      {"merge of lower priority keeps",
       ".priority 3\no = 6\n.include(priority=1,duplicate=merge) \"five\"", R"({"o":6})"},
      {"null wins", "a = 1\n.include(priority=1) \"null\"", R"({"a":null})"},
      {"two of higher priority", "rule { k = 1 }\n.include(priority=1) \"twice\"",
       R"({"rule":[{"j":2},{"h":3}]})"},
      {"merge into a repeated section",
       "rule { k = 1 }\nrule { z = 1 }\n.include(priority=1,duplicate=merge) \"twice\"",
       R"({"rule":[{"k":1,"j":2,"h":3},{"z":1}]})"},
      {"merge finds the name",
       "rule \"two\" { k = 1 }\nrule \"one\" { k = 2; sub { m = 1 } }\n"
       ".include(priority=1,duplicate=merge) \"named\"",
       R"({"rule":[{"two":{"k":1},"local":{"l":1}},{"one":{"k":"other","sub":{"m":1,"n":2}}}]})"},
      {"rewrite", "o = 1\n.include(duplicate=rewrite) \"five\"", R"({"o":5})"},
      {"error", "o = 1\n.include(duplicate=error) \"five\"",
       "/c/five:1:1: \"o\" is set already at /c/main:1:1"},
      {"absent", ".include \"none\"",
       "/c/main:1:1: cannot include /c/none: no such file; create it, or write try=true if it "
       "may be absent"},
      {"absent, try", ".include(try=true) \"none\"\n.try_include \"none\"\na = 1", R"({"a":1})"},
      {"broken, try", "\n.include(try=true) \"broken\"", "/c/broken:2:3: this { is never closed"},
      {"glob", ".include(glob=true) \"/c/d/*.conf\"", R"({"k1":1,"k2":"/c/d"})"},
      {"glob, none", ".include(glob=true,try=true) \"/x/*.conf\"", "{}"},
      {"glob, none, required", ".include(glob=true) \"/x/*.conf\"",
       "{}\n/c/main:1:1: No file matches /x/*.conf. Write try=true if that is meant."},
      {"prefix", ".include(prefix=true) \"five\"", R"({"five":{"o":5}})"},
      {"prefix and key", ".include(prefix=true,key=\"k\") \"five\"", R"({"k":{"o":5}})"},
      {"prefix and list",
       ".include(prefix=true,key=k,target=array) \"five\"\n"
       ".include(prefix=true,key=k,target=array) \"json\"",
       R"({"k":[{"o":5},{"j":1}]})"},
      {"path", ".include(path=[\"/x\",\"/c/d\"]) \"a.conf\"", R"({"k1":1})"},
      {"unknown parameter", ".include(tri=true) \"five\"",
       "{\"o\":5}\n/c/main:1:1: .include has no parameter \"tri\". Did you mean \"try\"?"},
      {"unknown duplicate", ".include(duplicate=join) \"five\"",
       "/c/main:1:1: duplicate=join is unknown; it is append, merge, error or rewrite"},
      {"open arguments", ".include(try=true \"five\"",
       "/c/main:1:1: the ( of .include is never closed"},
      {"no value", ".include(try=true)", "/c/main:1:1: .include needs a value"},
      {"itself", ".include \"self\"",
       "/c/self:1:1: /c/self includes itself; remove one of the two"},
      {"in a circle", ".include \"ping\"",
       "/c/pong:1:1: /c/ping includes itself; remove one of the two"},
      {"list into a section", ".include \"list\"\na = 1",
       "/c/list:1:1: a list cannot be included into a section; give it a key"},
      {"network", ".include \"http://x.example/a\"",
       "/c/main:1:1: configuration is not read from the network: http://x.example/a; fetch it "
       "into a file and include that"},
      {"network, try", ".include(try=true) \"https://x.example/a\"",
       "{}\n/c/main:1:1: Configuration is not read from the network: https://x.example/a is left "
       "out. Fetch it into a file and include that."},
      {"map", ".include_map \"fallback+file:///c/five\"", R"({"o":5})"},
      {"unsigned", ".includes \"five\"",
       "/c/main:1:1: the signature of /c/five does not verify; it is not included"},
      {"nested without priority", ".include(priority=10) \"nested\"\no = 4",
       "{\"o\":[5,4],\"b\":2}\n/c/nested:1:1: This include has priority 0, though the file around "
       "it has priority 10: what it sets loses to shipped values. Write .include(priority=10,…)."},
  };
  for (const Row& row : rows) EXPECT_EQ(run(row.input), row.expected) << row.name;
}

TEST(UclInclude, OtherMacros) {
  const Row rows[] = {
      {"priority", ".priority 5\na = 1\n.priority 3\na = 2", R"({"a":1})"},
      {"priority, wrong", ".priority high", "/c/main:1:1: .priority takes a number from 0 to 15"},
      {"load", ".load(key=t) \"text\"", R"({"t":"two\nlines\n"})"},
      {"load, trim", ".load(key=t,trim=true) \"text\"", R"({"t":"two\nlines"})"},
      {"load, number", ".load(key=n,target=int) \"num\"", R"({"n":42})"},
      {"load, no number", ".load(key=n,target=int) \"text\"",
       "/c/main:1:1: /c/text holds no whole number"},
      {"load, absent", ".load(key=n) \"none\"", "/c/main:1:1: cannot load /c/none: no such file"},
      {"load, absent, try", ".load(key=n,try=true) \"none\"", "{}"},
      {"load, no key", ".load \"text\"",
       "/c/main:1:1: .load needs the key to load into: .load(key=name) \"path\""},
      {"inherit", "base { a = 1; b { c = 2 } }\nd { .inherit \"base\"; a = 7; e = 3 }",
       R"({"base":{"a":1,"b":{"c":2}},"d":{"a":7,"b":{"c":2},"e":3}})"},
      {"inherit after", "base { a = 1; x = 2 }\nd { a = 7; .inherit \"base\"\n }",
       R"({"base":{"a":1,"x":2},"d":{"a":7,"x":2}})"},
      {"inherit, replace", "base { a = 1 }\nd { a = 7; .inherit(replace=true) \"base\"\n }",
       R"({"base":{"a":1},"d":{"a":1}})"},
      {"inherit nothing", "d { .inherit \"base\" }",
       "/c/main:1:5: there is no section \"base\" before this place to inherit"},
      {"inherit itself", "d { .inherit \"d\" }",
       "/c/main:1:5: a section cannot inherit itself or what it stands in"},
  };
  for (const Row& row : rows) EXPECT_EQ(run(row.input), row.expected) << row.name;
}

TEST(UclInclude, LimitsAreErrors) {
  MemoryFiles files;
  for (int i = 0; i < 40; ++i)
    files.add("/f" + std::to_string(i), ".include \"/f" + std::to_string(i + 1) + "\"");
  files.add("/two", ".try_include \"/none\"\n.try_include \"/none\"\n.try_include \"/none\"");
  UclOptions options;
  options.files = &files;
  EXPECT_EQ(parse_ucl_file("/f0", options).error().text(),
            "/f15:1:1: files include files deeper than 16");
  options.limits.includes_max = 2;
  EXPECT_EQ(parse_ucl_file("/two", options).error().text(),
            "/two:3:1: more than 2 files are included");
  // Inheritance doubles at each step: the number of values bounds it.
  std::string text = "s0 { a = 1 }\n";
  for (int i = 1; i < 60; ++i) {
    const std::string before = "\"s" + std::to_string(i - 1) + "\"";
    text += "s" + std::to_string(i) + " { x { .inherit " + before + " }; y { .inherit " + before +
            " } }\n";
  }
  EXPECT_EQ(parse_ucl(text, "t").error().what, "more values than the limit allows");
}

TEST(UclInclude, FilesAskedForAreListed) {
  MemoryFiles files;
  files.add("/c/a", "x = 1");
  UclOptions options;
  options.files = &files;
  auto result = parse_ucl(".include(priority=3) \"/c/a\"\n.try_include \"/c/b\"", "t", options);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->includes.size(), 2u);
  EXPECT_EQ(result->includes[0].path, "/c/a");
  EXPECT_TRUE(result->includes[0].found);
  EXPECT_EQ(result->includes[0].priority, 3u);
  EXPECT_EQ(result->includes[1].path, "/c/b");
  EXPECT_FALSE(result->includes[1].found);
}

TEST(Glob, Rows) {
  const struct {
    std::string_view pattern, path;
    bool match;
  } rows[] = {
      {"*.conf", "a.conf", true},
      {"*.conf", "d/a.conf", false},
      {"d/*.conf", "d/a.conf", true},
      {"d/**/*.conf", "d/a.conf", true},
      {"d/**/*.conf", "d/x/y/a.conf", true},
      {"d/**/*.conf", "e/a.conf", false},
      {"?.c", "a.c", true},
      {"?.c", "ab.c", false},
      {"[a-c]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[!a]x", "bx", true},
      {"[", "[", true},
      {"*", "", true},
      {"", "", true},
      {"", "a", false},
      {"a*b*c", "axxbyyc", true},
      {"a*b*c", "axxbyy", false},
      {"**/z", "z", true},
  };
  for (const auto& row : rows)
    EXPECT_EQ(glob_match(row.pattern, row.path), row.match) << row.pattern << " " << row.path;
}

}  // namespace
}  // namespace winnow
