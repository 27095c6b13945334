// `phrases`, `scope` and {said} of a rule: which atoms they become, and what is wrong with one.
#include <algorithm>

#include "tests/unit/rules/compiled.h"

namespace winnow {
namespace {

// The atoms that rule A reads, in order, separated by blanks.
std::string atoms(const std::string& rule) {
  const auto rules = compiled("regexp { A { " + rule + " } }", {});
  std::string out;
  for (const RuleInfo& info : rules->rules)
    for (const AtomId atom : info.atoms)
      out += (out.empty() ? "" : " ") + rules->atoms[index(atom)].text;
  return out;
}

std::string warning(const std::string& rule) {
  const auto rules = compiled("regexp { A { " + rule + " } }", {});
  for (const ConfigWarning& one : rules->warnings)
    if (one.what.starts_with("rule A")) return one.what;
  return "";
}

TEST(Phrases, BecomeAtoms) {
  struct Row {
    std::string_view rule, expected;
  };
  const Row rows[] = {
      {"re = '/free/{said}';", "Subject=/free/{folded} /free/{folded}"},
      {"re = '/free/s{said} & Subject=/x/';",
       "Subject=/free/s{folded} /free/s{folded} Subject=/x/"},
      {"phrases = ['free', 'gift\\b'];",
       "Subject=/free/{folded} /free/{folded} Subject=/gift\\b/{folded} /gift\\b/{folded}"},
      {"phrases = ['a b', 'c']; scope = 'folded';", "/a b/{folded} /c/{folded}"},
      {"phrases = ['x']; scope = 'mime'; re = 'PHRASES & From=/y/';", "/x/{mime} From=/y/"},
      {"phrases = 'one';", "Subject=/one/{folded} /one/{folded}"},
      {"re = 'Subject=/free/{said}';", ""},
  };
  for (const Row& row : rows) EXPECT_EQ(atoms(std::string(row.rule)), row.expected) << row.rule;
}

TEST(Phrases, AMistakeNamesThePhrase) {
  EXPECT_NE(warning("phrases = ['free', 'gift('];").find("phrase 2: bad pattern /gift(/"),
            std::string::npos);
  EXPECT_NE(warning("phrases = ['a/b'];").find("phrase 1: a '/' in it must be escaped"),
            std::string::npos);
  EXPECT_NE(warning("phrases = ['a']; scope = 'nowhere';").find("{nowhere}"), std::string::npos);
  EXPECT_NE(warning("phrases = [];").find("PHRASES"), std::string::npos);
  EXPECT_NE(warning("re = 'PHRASES';").find("PHRASES"), std::string::npos);
  EXPECT_EQ(warning("phrases = ['a'];"), "");
}

}  // namespace
}  // namespace winnow
