#include "rules/config/template.h"

#include <gtest/gtest.h>

namespace winnow {
namespace {

TemplateOptions options() {
  TemplateOptions out;
  out.env = {{"KEY", "k1"}, {"EMPTY", ""}, {"PORT", "11332"}};
  out.paths = {{"DBDIR", "/var/db"}};
  out.vars = {{"hostname", "mx.example"}, {"version", "4.1.0"}, {"custom", "c"}};
  return out;
}

std::string run(std::string_view text) {
  std::vector<uint32_t> lines;
  std::vector<Warning> warnings;
  auto result = run_template(text, "t", options(), lines, warnings);
  if (!result) return result.error().text();
  for (const Warning& warning : warnings) *result += "|" + warning.text();
  return *result;
}

struct Row {
  std::string_view input, expected;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(run(row.input), row.expected) << row.input;
}

TEST(Template, Prints) {
  check({
      {"", ""},
      {"a = { b = 1 }", "a = { b = 1 }"},
      {"x{= env.KEY =}y", "xk1y"},
      {"{=env.KEY=}", "k1"},
      {"{= paths.DBDIR =}/x", "/var/db/x"},
      {"{= hostname =} {= env.hostname =} {= version =} {= custom =}",
       "mx.example mx.example 4.1.0 c"},
      {"{= \"text\" =}{= 'it' =}{= \"a\\\"b=}\" =}", "textita\"b=}"},
      {"{= 5 =} {= 2.5 =} {= true =} {= none =}", "5 2.5 true "},
      {"a{# comment {= x =} #}b", "ab"},
      {"{= env.NONE | default \"d\" =}", "d"},
      {"{= env.NONE | default(\"d\") =}", "d"},
      {"{= env.KEY | default(\"d\") =}", "k1"},
      {"{= env.EMPTY | default(\"d\") =}.{= env.EMPTY | default(\"d\", true) =}", ".d"},
      {"{= env.NONE =}",
       "|t:1: \"env.NONE\" has no value; nothing is printed. Set RSPAMD_NONE in the environment, "
       "or add | default(\"…\")."},
      {"{= what =}",
       "|t:1: \"what\" has no value; nothing is printed. Set it, or add | default(\"…\")."},
  });
}

TEST(Template, Expressions) {
  check({
      {"{= 1 + 2 * 3 =}", "7"},
      {"{= (1 + 2) * 3 =}", "9"},
      {"{= 7 // 2 =} {= 7 % 3 =} {= 7 / 2 =} {= -3 + 1 =}", "3 1 3.5 -2"},
      {"{= \"a\" ~ 1 ~ \"b\" =} {= \"a\" .. \"b\" =}", "a1b ab"},
      {"{= 1 < 2 and 2 < 1 or \"x\" =}", "x"},
      {"{= not false =} {= not not false =}", "true false"},
      {"{= 1 == 1 =} {= 1 != 1 =} {= \"a\" == \"a\" =} {= 2 >= 3 =}", "true false true false"},
      {"{= \"b\" in [\"a\", \"b\"] =} {= \"c\" not in [\"a\"] =} {= \"b\" in \"abc\" =}",
       "true true true"},
      {"{= env.KEY is defined =} {= env.NONE is defined =} {= env.NONE is not defined =}",
       "true false true"},
      {"{= \"yes\" if env.KEY else \"no\" =} {= \"yes\" if env.NONE else \"no\" =}", "yes no"},
      {"{= [1, 2, 3][1] =} {= {\"a\": 5}.a =} {= {\"a\": 5}[\"a\"] =}", "2 5 5"},
      {"{= [1, \"x\"] =} {= {\"k\": [true]} =}", "[1,\"x\"] {\"k\":[true]}"},
      {"{= range(3) | join(\",\") =} {= range(2, 9, 3) | join(\" \") =}", "0,1,2 2 5 8"},
  });
}

TEST(Template, Filters) {
  check({
      {"{= \"aB\" | upper =} {= \"aB\" | lower =} {= \"aB\" | capitalize =}", "AB ab Ab"},
      {"{= \"a-b-c\" | replace(\"-\", \"+\") =} {= \"a-b-c\" | replace(\"-\", \"+\", 1) =}",
       "a+b+c a+b-c"},
      {"{= [1, 2] | join(\", \") =} {= \"abc\" | length =} {= [1, 2] | count =}", "1, 2 3 2"},
      {"{= \"a,b,c\" | split(\",\") | last =} {= \" a  b \" | split | first =}", "c a"},
      {"{= \"5k\" | int =} {= \"2.7\" | int =} {= \"2.5\" | float =} {= \"x\" | int =}",
       "5000 2 2.5 0"},
      {"{= [3, 1, 2] | sort | join =} {= [1, 2] | reverse | join =} {= [1, 1, 2] | unique | join "
       "=}",
       "123 21 12"},
      {"{= [1, 2, 3] | sum =} {= [1, 3, 2] | max =} {= [3, 1] | min =} {= (0 - 2) | abs =}",
       "6 3 1 2"},
      {"{= \"  x \" | trim =}.{= \"q\\\"\" | tojson =}.{= \"a\" | safe =}", "x.\"q\\\"\".a"},
      {"{= \"secret\" | pbkdf =}", "secret"},
      {"{= \"a\" | uper =}", "t:1: unknown filter \"uper\". Did you mean \"upper\"?"},
  });
}

TEST(Template, Statements) {
  check({
      {"{% if env.KEY %}a{% endif %}b", "ab"},
      {"{% if env.NONE %}a{% endif %}b", "b"},
      {"{% if env.NONE %}a{% else %}c{% endif %}b", "cb"},
      {"{% if 1 > 2 %}a{% elif 2 > 1 %}b{% elif true %}c{% else %}d{% endif %}", "b"},
      {"{% if 0 %}a{% elif 0 %}b{% else %}d{% endif %}", "d"},
      {"{% if 1 %}a{% elif 1 %}b{% else %}d{% endif %}e", "ae"},
      {"{% for x in [1, 2, 3] %}{= x =};{% endfor %}", "1;2;3;"},
      {"{% for x in [] %}{= x =}{% else %}none{% endfor %}.", "none."},
      {"{% for x in [1] %}{= x =}{% else %}none{% endfor %}.", "1."},
      {"{% for k, v in {\"a\": 1, \"b\": 2} %}{= k =}{= v =}{% endfor %}", "a1b2"},
      {"{% for i, v in [\"x\", \"y\"] %}{= i =}{= v =}{% endfor %}", "1x2y"},
      {"{% for x in [1, 2] %}{% for y in [3, 4] %}{= x * y =} {% endfor %}{% endfor %}",
       "3 4 6 8 "},
      {"{% for x in [1, 2] %}{% for y in [] %}{% else %}e{= x =}{% endfor %}{% endfor %}", "e1e2"},
      {"{% for x in [1, 2] %}{= loop.index =}{= loop.last =}{% endfor %}", "1false2true"},
      {"{% for x in [1, 2, 3] %}{% if x == 2 %}two{% else %}{= x =}{% endif %}{% endfor %}",
       "1two3"},
      {"{% set a = 5 %}{= a + 1 =}", "6"},
      {"{% set s = \"\" %}{% for x in [1, 2] %}{% set s = s ~ x %}{% endfor %}{= s =}", "12"},
      {"{% raw %}{= x =}{% endraw %}!", "{= x =}!"},
      {"a  {%- if 1 -%}  b  {%- endif -%}\n c", "abc"},
      {"x {=- 1 -=} y", "x1y"},
  });
}

TEST(Template, Errors) {
  check({
      {"a\n{= 1",
       "t:2: {= is never closed; write =} after it, or put a space between the two "
       "signs if no template is meant"},
      {"{% if 1 %}a", "t:1: if is never closed by endif"},
      {"\n\n{% endfor %}", "t:3: endfor without its for"},
      {"{% if 1 %}{% endfor %}", "t:1: endfor without its for"},
      {"{% else %}", "t:1: else without an if or for before it"},
      {"{% include \"x\" %}",
       "t:1: unknown statement \"include\" in a template; there is if, elif, else, endif, for, "
       "endfor, set, raw"},
      {"{= 1 + =}", "t:1: the expression ends where a value should be"},
      {"{= (1 =}", "t:1: expected ) in the expression"},
      {"{= [1 =}", "t:1: expected , between the arguments"},
      {"{= 1 2 =}", "t:1: unexpected \"2 \" in the expression"},
      {"{= 1 / 0 =}", "t:1: division by zero"},
      {"{= \"a\" is odd =}",
       "t:1: unknown test \"is odd\"; there is defined, none, string, number"},
      {"{% for x %}{% endfor %}", "t:1: a loop is written {% for name in list %}"},
      {"{% set x %}", "t:1: a value is set by {% set name = expression %}"},
  });
}

TEST(Template, EndsWhateverIsAsked) {
  TemplateOptions few = options();
  few.steps_max = 1000;
  few.output_bytes_max = 10'000;
  std::vector<uint32_t> lines;
  std::vector<Warning> warnings;
  const std::string_view hostile[] = {
      "{% for a in range(100000) %}{% endfor %}",
      "{% for a in range(900) %}{% for b in range(900) %}x{% endfor %}{% endfor %}",
      "{% set a = \"xxxxxxxx\" %}{% for i in range(99) %}{% set a = a ~ a %}{% endfor %}",
      "{% set a = [1] %}{% for i in range(99) %}{% set a = [a] %}{% endfor %}{= a =}",
      "{% set a = \"aaaaaaaa\" %}{% for i in range(90) %}{% set a = a | replace(\"a\", a) %}"
      "{% endfor %}",
      "{% for i in range(900) %}{= \"0123456789012345678901234567890123456789\" =}{% endfor %}",
  };
  for (std::string_view text : hostile)
    EXPECT_FALSE(run_template(text, "t", few, lines, warnings)) << text;
  EXPECT_FALSE(run_template("{= " + std::string(100'000, '(') + " =}", "t", few, lines, warnings));
  EXPECT_FALSE(run_template("{= " + std::string(100'000, '[') + " =}", "t", few, lines, warnings));
  // Shared elements: small as a value, huge as text; the text is cut.
  auto shared = run_template(
      "{% set a = [1] %}{% for i in range(30) %}{% set a = [a, a] %}{% endfor %}{= a | length =}",
      "t", options(), lines, warnings);
  ASSERT_TRUE(shared);
  EXPECT_EQ(*shared, "2");
}

TEST(Template, LinesOfTheSource) {
  std::vector<uint32_t> lines;
  std::vector<Warning> warnings;
  auto same = run_template("a\n{= 1 =}\nb\n", "t", options(), lines, warnings);
  ASSERT_TRUE(same);
  EXPECT_TRUE(lines.empty());
  auto loop =
      run_template("a\n{% for x in [1, 2] %}\nb\n{% endfor %}\nc", "t", options(), lines, warnings);
  ASSERT_TRUE(loop);
  EXPECT_EQ(*loop, "a\n\nb\n\nb\n\nc");
  EXPECT_EQ(lines, (std::vector<uint32_t>{1, 2, 3, 4, 3, 4, 5}));
}

}  // namespace
}  // namespace winnow
