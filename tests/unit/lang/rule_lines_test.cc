#include "rules/lang/rule_lines.h"

#include <gtest/gtest.h>

#include "fmt/format.h"

namespace winnow {
namespace {

std::string dump(std::string_view line) {
  const Result<RuleLine> rule = parse_rule_line(line);
  if (!rule) return "error: " + rule.error().what;
  constexpr const char* kKinds[] = {"nothing", "pattern", "meta", "score", "description"};
  std::string out = kKinds[static_cast<size_t>(rule->kind)];
  if (!rule->name.empty()) out += " " + rule->name;
  if (rule->kind == RuleLine::Kind::kScore) return out + fmt::format(" {}", rule->score);
  return rule->text.empty() ? out : out + " " + rule->text;
}

TEST(RuleLines, AreRead) {
  struct Row {
    std::string_view line, expected;
  };
  for (const Row& row : {
           Row{"", "nothing"},
           Row{"  # a comment", "nothing"},
           Row{"header A Subject =~ /x y/i", "pattern A Subject=/x y/i{header}"},
           Row{"header  A\tSubject  =~  /x#y/ # why", "pattern A Subject=/x#y/{header}"},
           Row{"header A Subject !~ /x/", "pattern A !Subject=/x/{header}"},
           Row{"header A X-B:raw =~ /x/\r", "pattern A X-B=/x/{raw_header}"},
           Row{"header A ALL =~ /x/m", "pattern A /x/m{all_header}"},
           Row{"header A exists:X-Mailer", "pattern A header_exists(X-Mailer)"},
           Row{"header A To =~ /x/ [if-unset: y]", "pattern A To=/x/{header}"},
           Row{"header A To:addr =~ /x/", "error: A: the modifier :addr is not there yet"},
           Row{"header A To /x/", "error: A: =~ or !~ is missing"},
           Row{"header A To =~ x", "error: A: \"x\" is no /pattern/"},
           Row{"body A /a\\/b/", "pattern A /a\\/b/{sa_body}"},
           Row{"rawbody A m{a}i", "pattern A m{a}i{sa_raw_body}"},
           Row{"uri A m!^http://a!", "pattern A m!^http://a!{url}"},
           Row{"full A /a/ /b/", "error: A: \"/b/\" after the pattern is not known"},
           Row{"body A /a/{mime}", "error: A: \"/a/{mime}\" has a type of its own"},
           Row{"body A eval:check()", "error: A: \"eval:check()\" is no /pattern/"},
           Row{"meta A __B && (C + D > 1) # x", "meta A __B && (C + D > 1)"},
           Row{"meta A", "error: A: the expression is missing"},
           Row{"score A -1.5 0 0 0", "score A -1.5"},
           Row{"score A x", "error: A: \"x\" is no number"},
           Row{"score A 1e99", "error: A: \"1e99\" is no number"},
           Row{"describe A What # it is", "description A What # it is"},
           Row{"body 1A /x/", "error: \"1A\" is no name of a rule"},
           Row{"tflags A nice", "error: \"tflags\" is not known here"},
       })
    EXPECT_EQ(dump(row.line), row.expected) << row.line;
}

TEST(RuleLines, PartsAreKnownByTheirNames) {
  EXPECT_TRUE(parse_rule_line("body __A /x/")->is_part());
  EXPECT_FALSE(parse_rule_line("body _A /x/")->is_part());
}

}  // namespace
}  // namespace winnow
