// The language: text in, JSON or the one error out. What Rspamd 3.4 reads from the same text was
// looked at for each row; where ours differs on purpose the row says so.
#include <gtest/gtest.h>

#include "rules/config/dump.h"
#include "rules/config/ucl_parse.h"

namespace winnow {
namespace {

struct Row {
  const char* name;
  std::string_view input;
  std::string_view expected;  // compact JSON, or "file:line:column: message" of the error
};

std::string run(std::string_view input) {
  UclOptions options;
  options.variables = {{"DBDIR", "/var/db"}, {"CONFDIR", "/etc/c"}, {"CONF", "short"}};
  auto result = parse_ucl(input, "t", options);
  if (!result) return result.error().text();
  return dump(result->document->root(), {.format = DumpFormat::kJsonCompact});
}

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(run(row.input), row.expected) << row.name;
}

TEST(Ucl, Separators) {
  check({
      {"nothing", "", "{}"},
      {"only comments", "\n\n# x\n", "{}"},
      {"equals", "a = 1", R"({"a":1})"},
      {"colon", "a: 1", R"({"a":1})"},
      {"none", "a 1", R"({"a":1})"},
      {"no spaces", "a=1;b:2", R"({"a":1,"b":2})"},
      {"commas", "a = 1, b = 2,", R"({"a":1,"b":2})"},
      {"semicolons", ";; a = 1;; b = 2;", R"({"a":1,"b":2})"},
      {"newline ends", "a = 1\nb = 2\n", R"({"a":1,"b":2})"},
      {"value on the next line", "a =\n 5\n", R"({"a":5})"},
      {"block on one line", "a { b = 1 } c { d = 2 }", R"({"a":{"b":1},"c":{"d":2}})"},
      {"block without separator", "a{b=1}", R"({"a":{"b":1}})"},
      {"block with equals", "a = { b = 1, c = 2, }", R"({"a":{"b":1,"c":2}})"},
      {"brace on its own line", "a\n{\n b = 2\n}", R"({"a":{"b":2}})"},
      {"semicolon after brace", "a { b = 1; };\nc = 2", R"({"a":{"b":1},"c":2})"},
      {"list", "a = [1,2,3,]", R"({"a":[1,2,3]})"},
      {"list without equals", R"(g [ "x", y, 5 ])", R"({"g":["x","y",5]})"},
      {"list over lines", "k = [ a\n b\n]", R"({"k":["a","b"]})"},
      {"list of blocks", "a [ {b=1} {c=2} ] d = 3", R"({"a":[{"b":1},{"c":2}],"d":3})"},
      {"lists in lists", "a = [[1,2],[3],[]]", R"({"a":[[1,2],[3],[]]})"},
      {"empty", "a = []; b = {}; c = \"\"; d = ''", R"({"a":[],"b":{},"c":"","d":""})"},
      {"null at the end", "a =", R"({"a":null})"},
      {"carriage returns", "a = 1\r\nb = x y\r\nc {\r\n d = \"e\"\r\n}\r\n",
       R"({"a":1,"b":"x y","c":{"d":"e"}})"},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "a = 1",
       R"({"a":1})"},
      {"no newline at the end", "a = 1 # no", R"({"a":1})"},
  });
}

TEST(Ucl, JsonIsASubset) {
  check({
      {"object", R"({"a": 1, "b": [1,2,{"c": null}], "d": "x\/y"})",
       R"({"a":1,"b":[1,2,{"c":null}],"d":"x/y"})"},
      {"list", "[1,2,3]", "[1,2,3]"},
      {"numbers", R"({"a":-1.5e3,"b":0,"c":true})", R"({"a":-1500.0,"b":0,"c":true})"},
      {"escapes", R"({"a":"\u00e9\n\t\"\\ \ud83d\ude00"})",
       "{\"a\":\"\xC3\xA9\\n\\t\\\"\\\\ \xF0\x9F\x98\x80\"}"},
      {"braced after comment", "# c\n{ a = 1 }", R"({"a":1})"},
      {"what follows is left out", "{ a = 1 }\nb = 2", R"({"a":1})"},
  });
}

TEST(Ucl, NamedSections) {
  check({
      {"one name", R"(rule "x" { a = 1 })", R"({"rule":{"x":{"a":1}}})"},
      {"bare name", "rule x { a = 1 }", R"({"rule":{"x":{"a":1}}})"},
      {"tight", R"(rule x{a=1} s "b"{c=2})", R"({"rule":{"x":{"a":1}},"s":{"b":{"c":2}}})"},
      {"two names", R"(s "a" "b c" { x = 1 })", R"({"s":{"a":{"b c":{"x":1}}}})"},
      {"list", "a foo [ 1, 2 ]", R"({"a":{"foo":[1,2]}})"},
      {"repeated", R"(w "a" { x = 1 } w "b" { y = 2 })", R"({"w":[{"a":{"x":1}},{"b":{"y":2}}]})"},
      {"named and not", R"(w { z=1 } w "n" { q=1 })", R"({"w":[{"z":1},{"n":{"q":1}}]})"},
      {"brace on the next line", "s foo\n{\n a = 1\n}", R"({"s":{"foo":{"a":1}}})"},
      {"not a name", "a foo = 1", R"({"a":"foo = 1"})"},
      {"text with spaces", "key with spaces = 1", R"({"key":"with spaces = 1"})"},
      {"a pattern with braces", "re /foo{2}/", R"({"re":"/foo{2}/"})"},
      {"dollar in a name", R"(s "$DBDIR" { a = 1 })", R"({"s":{"$DBDIR":{"a":1}}})"},
  });
}

TEST(Ucl, ImplicitArrays) {
  check({
      {"scalars", "k = a; k = b; k = [c,d];", R"({"k":["a","b",["c","d"]]})"},
      {"lists join", "a = [1]; a = [2]; a = 3", R"({"a":[1,2,3]})"},
      {"blocks", "o { a = 1 } o { a = 2; b = 3 }", R"({"o":[{"a":1},{"a":2,"b":3}]})"},
      {"mixed", "a = { b = 1 }; a = { c = 2 }; a = 5;", R"({"a":[{"b":1},{"c":2},5]})"},
      {"same name", R"(s "a" {x=1} s "a" {x=2})", R"({"s":[{"a":{"x":1}},{"a":{"x":2}}]})"},
  });
}

TEST(Ucl, Strings) {
  check({
      {"unquoted", "s = foo bar baz;", R"({"s":"foo bar baz"})"},
      {"comment ends it", "s = foo bar # c", R"({"s":"foo bar"})"},
      {"hash inside too", "s = http://a.b/c#d;", R"({"s":"http://a.b/c"})"},
      {"quoted hash", "s = \"a#b\" # c", R"({"s":"a#b"})"},
      {"quotes inside", "c = x\"y\"z; d = it's", R"({"c":"x\"y\"z","d":"it's"})"},
      {"brackets inside", "e = a{b}c; f = a[1]; g { k = a{b} }",
       R"({"e":"a{b}c","f":"a[1]","g":{"k":"a{b}"}})"},
      {"equals and colon inside", "g = a:b; h = a=b", R"({"g":"a:b","h":"a=b"})"},
      {"comma ends it", "e = foo,bar = 3", R"({"e":"foo","bar":3})"},
      {"escapes", R"(s = "a\tb\nA\q\"x\x41\/\\")", R"({"s":"a\tb\nAq\"xx41/\\"})"},
      {"escapes unquoted", R"(d = x\;y)", R"({"d":"x;y"})"},
      {"escaped newline", "s = foo\\\nbar", R"({"s":"foo\nbar"})"},
      {"regexp loses its backslash", R"(x = /\bfoo\.bar/i;)", R"({"x":"/\bfoo.bar/i"})"},
      {"broken unicode escape", R"(a = "\u00x\uD800")", "{\"a\":\"u00x\xEF\xBF\xBD\"}"},
      {"single quotes", R"(a = 'a\tb\'c"')", R"({"a":"a\\tb'c\""})"},
      {"single quotes keep backslashes", R"(t = 'a\\b\\')", R"({"t":"a\\\\b\\\\"})"},
      {"single quotes over lines", "a = 'x\ny\\\nz'", R"({"a":"x\nyz"})"},
      {"heredoc", "a <<EOD\nline1\nline2\nEOD\nb = <<X\nx\nX;\n",
       R"({"a":"line1\nline2","b":"x"})"},
      {"heredoc keeps look-alikes", "a <<EOD\n EOD\nEOD x\nEODx\nEOD\n",
       R"({"a":" EOD\nEOD x\nEODx"})"},
      {"heredoc without text", "a <<EOD\nEOD\nb = 1", R"({"a":"","b":1})"},
      {"heredoc with carriage returns", "f = <<EOD\r\nx\ty\r\nEOD\r\n", R"({"f":"x\ty"})"},
      {"heredoc keeps escapes", "a <<EOD\n\\n \"x\"\nEOD\n", R"({"a":"\\n \"x\""})"},
      {"heredoc mark in quotes", "d = \"<<EOD\"; e = <<", R"({"d":"<<EOD","e":"<<"})"},
      {"keys", "a.b = 1; a-b = 2; /re/ = 5; \"q k\" = 6; 1k = 7; _x = 3; \xC3\xA9 = 4",
       "{\"a.b\":1,\"a-b\":2,\"/re/\":5,\"q k\":6,\"1k\":7,\"_x\":3,\"\xC3\xA9\":4}"},
      {"quoted keys", R"("k\"k" = 3; "k\tk"=4; 's q' = 5)", R"({"k\"k":3,"k\tk":4,"s q":5})"},
      {"quoted is no number", "a = \"5\"; b = \"true\"; c = 'null'",
       R"({"a":"5","b":"true","c":"null"})"},
  });
}

TEST(Ucl, Comments) {
  check({
      {"nested", "/* a /* nested */ b = 1; */ c = 2 /* */", R"({"c":2})"},
      {"between", "a /* x */ = /* y */ 1 /* z */;", R"({"a":1})"},
      {"in lists", "k = [ \"a\" # c\n \"b\", /* c */ \"c\" ]", R"({"k":["a","b","c"]})"},
      {"slashes are text", "d = 3 // x\n", R"({"d":"3 // x"})"},
      {"at once", "#a\n#b\na=1#c\n#d", R"({"a":1})"},
  });
}

TEST(Ucl, Variables) {
  check({
      {"braces", "a = ${DBDIR}/x; b = \"${DBDIR}/y\"", R"({"a":"/var/db/x","b":"/var/db/y"})"},
      {"bare", "a = $DBDIR/x; b = \"$DBDIRx\"", R"({"a":"/var/db/x","b":"/var/dbx"})"},
      {"longest name", "a = $CONFDIR $CONF $CONFX", R"({"a":"/etc/c short shortX"})"},
      {"unknown stay", "a = \"${SCANNER}: ${VIRUS}\"; b = $UNK",
       R"({"a":"${SCANNER}: ${VIRUS}","b":"$UNK"})"},
      {"unclosed", "d = ${DBDIR", R"({"d":"${DBDIR"})"},
      {"not in single quotes", "f='$DBDIR'", R"({"f":"$DBDIR"})"},
      {"not in keys", "\"$DBDIR\" = 1", R"({"$DBDIR":1})"},
      {"in heredoc", "g <<EOD\n$DBDIR ${DBDIR}\nEOD\n", R"({"g":"/var/db /var/db"})"},
      {"doubled stays", "a = \"$$DBDIR\"; b = \"$${DBDIR}\"", R"({"a":"$$DBDIR","b":"$${DBDIR}"})"},
      {"escaped is text (Rspamd replaces it)", R"(a = "\$DBDIR"; b = \${DBDIR})",
       R"({"a":"$DBDIR","b":"${DBDIR}"})"},
      {"after an escape", R"(h = "\n$DBDIR")", R"({"h":"\n/var/db"})"},
      {"file", "a = $FILENAME; b = $CURDIR", R"({"a":"t","b":"."})"},
      {"lone dollars", "a = \"$ $1 cost$\"", R"({"a":"$ $1 cost$"})"},
  });
}

TEST(Ucl, Errors) {
  check({
      {"no value", "a", "t:1:1: \"a\" has no value; write `a = value;`, or = null for none"},
      {"no value before semicolon", "x = 1;\na = ;",
       "t:2:5: \"a\" has no value; write null or \"\""},
      {"closes nothing", "a = 1\n}", "t:2:1: this } closes nothing; remove it"},
      {"closes nothing after value", "a = 1 ]", "t:1:7: this ] closes nothing; remove it"},
      {"never closed", "b = 2\na { b = 1", "t:2:3: this { is never closed"},
      {"list never closed", "a = [1,2", "t:1:5: this [ is never closed"},
      {"wrong bracket", "a = [1,2 }",
       "t:1:10: expected ] for the bracket opened at line 1, found '}'"},
      {"quote over a line", "a = \"x\ny\"",
       "t:1:5: the quote is not closed on its line; close it, or use <<EOD for text of several "
       "lines"},
      {"quote at the end", "a = \"x", "t:1:5: the quote is never closed"},
      {"single quote", "a = 'x\n", "t:1:5: the single quote is never closed"},
      {"heredoc", "a <<EOD\nx\n EOD\n",
       "t:1:3: the text is never closed; write EOD alone at the start of a line after it"},
      {"comment", "a = 1\n /* x /* y */",
       "t:2:2: this comment is never closed; close it with */, or quote the text if /* belongs "
       "to a value"},
      {"two values", "a = \"x\" \"y\"",
       "t:1:9: expected ; or a new line after the quoted value, found '\"'"},
      {"missing semicolon", "a = \"x\" b = 2",
       "t:1:9: expected ; or a new line after the quoted value, found 'b'"},
      {"two separators", "a == 1", "t:1:4: one = or : is enough between key and value"},
      {"empty key", "\"\" = 1", "t:1:1: a key cannot be empty"},
      {"key with a star", "a*b = 3", "t:1:2: unexpected '*' in a key; put quotes around the key"},
      {"key starts wrong", "*.com = 8",
       "t:1:1: a key cannot start with '*'; put quotes around it, or look for a missing value or "
       "bracket before"},
      {"unknown macro", ".inclde \"x\"", "t:1:1: unknown macro .inclde. Did you mean \"include\"?"},
      {"place after a tab", "a {\n\tb = [\n\t\t\"x\ny\" ]\n}",
       "t:3:3: the quote is not closed on its line; close it, or use <<EOD for text of several "
       "lines"},
  });
}

TEST(Ucl, LimitsAreErrors) {
  UclOptions options;
  options.limits.depth_max = 8;
  options.limits.nodes_max = 100;
  options.limits.text_bytes_max = 1000;
  EXPECT_TRUE(parse_ucl("a=[[[[[[1]]]]]]", "t", options));
  EXPECT_EQ(parse_ucl("a=[[[[[[[[1]]]]]]]]", "t", options).error().what,
            "brackets are nested deeper than 8");
  std::string many;
  for (int i = 0; i < 200; ++i) many += "a=1;";
  EXPECT_EQ(parse_ucl(many, "t", options).error().what, "more values than the limit of 100");
  EXPECT_EQ(parse_ucl(std::string(1001, ' '), "t", options).error().what,
            "configuration is larger than the limit of 1000 bytes");
  // Deep nesting neither recurses nor takes more than one frame a bracket.
  EXPECT_FALSE(parse_ucl(std::string(1'000'000, '['), "t"));
  std::string deep = "a ";
  for (int i = 0; i < 1'000'000; ++i) deep += "/*";
  EXPECT_FALSE(parse_ucl(deep, "t"));
}

TEST(Ucl, DumpReadsBack) {
  const std::string_view text =
      "a = 1; b = 2.5; c = yes; d = null; e = \"q\\\"\\n$DBDIR ${DBDIR}\"; f = [1, [2, {x=3}], "
      "[]];\n"
      "g { h {} i = 5min; } r \"x\" { a = 1 } r \"y z\" { b = 2 } l = [1]; l = [2]; u = inf; v = "
      "nan;";
  UclOptions options;
  auto first = parse_ucl(text, "t", options);
  ASSERT_TRUE(first);
  const std::string ucl = dump(first->document->root());
  options.variables["DBDIR"] = "gone";
  auto second = parse_ucl(ucl, "t2", options);
  ASSERT_TRUE(second) << second.error().text() << "\n" << ucl;
  EXPECT_EQ(dump(second->document->root()), ucl);
  const DumpOptions json{.format = DumpFormat::kJsonCompact};
  EXPECT_EQ(dump(second->document->root(), json), dump(first->document->root(), json));
  auto third = parse_ucl(dump(first->document->root(), {.format = DumpFormat::kJson}), "t3");
  ASSERT_TRUE(third);
  EXPECT_EQ(dump(third->document->root(), {.format = DumpFormat::kJson}),
            dump(first->document->root(), {.format = DumpFormat::kJson}));
}

// They are numbers of UCL, and nobody's weight or time.
TEST(Ucl, NumbersThatAreNone) {
  auto read = parse_ucl("a = inf; b = nan; c = 1e308y; d = \"nan\"; e = -1e308y; f = 1e308", "t");
  ASSERT_TRUE(read);
  for (const std::string_view key : {"a", "b", "c", "d", "e"}) {
    const UclObject& value = *read->document->root().find(key);
    EXPECT_FALSE(value.as_number() || value.as_seconds() || value.as_int()) << key;
    EXPECT_EQ(read->document->root().seconds(key, 5), 5) << key;
  }
  EXPECT_EQ(read->document->root().number("f", 0), 1e308);
  EXPECT_EQ(dump(read->document->root()),
            "a = inf;\nb = nan;\nc = inf;\nd = \"nan\";\ne = \"-inf\";\nf = 1e+308;\n");
}

TEST(Ucl, DumpOfEmptyListsUnderOneKeyReadsBack) {
  auto first = parse_ucl("h = []; h = []; l = [1]; l = []; s {} s {}", "t");
  ASSERT_TRUE(first);
  const std::string ucl = dump(first->document->root());
  EXPECT_EQ(ucl, "h = [];\nl [\n    1,\n]\ns {}\ns {}\n");
  auto second = parse_ucl(ucl, "t2");
  ASSERT_TRUE(second);
  EXPECT_EQ(dump(second->document->root()), ucl);
}

// What starts like a byte order mark is quoted, or the text would not read back.
TEST(Ucl, DumpOfAKeyThatStartsLikeAByteOrderMark) {
  for (const std::string_view mark : {"\xEF\xBB\xBF", "\xFE\xFF", "\xFF\xFE"}) {
    auto first = parse_ucl("\"" + std::string(mark) + "key\" = 1;", "t");
    ASSERT_TRUE(first);
    const std::string ucl = dump(first->document->root());
    auto second = parse_ucl(ucl, "t2");
    ASSERT_TRUE(second) << second.error().text();
    EXPECT_EQ(dump(second->document->root()), ucl);
    EXPECT_EQ(second->document->root().children().begin()->key(), std::string(mark) + "key");
  }
}

TEST(Ucl, DumpLooksAsUsersKnowIt) {
  auto result = parse_ucl("a = 1; s { t = \"x\"; l = [1, two]; e {} } w \"n\" { q = 1.0 }", "t");
  ASSERT_TRUE(result);
  EXPECT_EQ(dump(result->document->root()),
            "a = 1;\n"
            "s {\n"
            "    t = \"x\";\n"
            "    l [\n"
            "        1,\n"
            "        \"two\",\n"
            "    ]\n"
            "    e {}\n"
            "}\n"
            "w {\n"
            "    n {\n"
            "        q = 1.0;\n"
            "    }\n"
            "}\n");
  EXPECT_EQ(dump_entry(*result->document->root().find("a"), {.format = DumpFormat::kJsonCompact}),
            R"({"a":1})");
}

}  // namespace
}  // namespace winnow
