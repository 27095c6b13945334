#include "rules/lang/regexp.h"

#include <gtest/gtest.h>

#include "fmt/format.h"
#include "rules/lang/expression.h"

namespace winnow {
namespace {

std::string dump(const PatternSpec& spec, const HeaderNames& names) {
  std::string flags;
  const std::pair<PatternFlag, char> letters[] = {
      {PatternFlag::kIgnoreCase, 'i'},  {PatternFlag::kMultiLine, 'm'},
      {PatternFlag::kDotAll, 's'},      {PatternFlag::kExtended, 'x'},
      {PatternFlag::kUtf, 'u'},         {PatternFlag::kRaw, 'r'},
      {PatternFlag::kUnoptimised, 'O'}, {PatternFlag::kLeftmost, 'L'},
      {PatternFlag::kCountAll, 'A'},    {PatternFlag::kTrace, 'T'}};
  for (const auto& [flag, letter] : letters) {
    if (spec.flags & bit(flag)) flags += letter;
  }
  if (spec.strict_case) flags += 'S';
  std::string out(scope_name(spec.scope));
  if (spec.header != kNoId<HeaderId>) out += fmt::format(" {}", names.name(spec.header));
  if (!spec.name.empty()) out += fmt::format("={}", spec.name);
  return out + fmt::format(" [{}] {}", spec.regex, flags);
}

TEST(RegexpAtom, Reads) {
  struct Row {
    std::string_view atom;
    std::string_view expected;
  };
  const Row rows[] = {
      {"Subject=/free/i", "header Subject=Subject [free] i"},
      {"subject=/free/iH", "header Subject=subject [free] i"},
      {"Subject=/free/i{header}", "header Subject=Subject [free] i"},
      {"Subject=/=\\?utf/X", "raw_header Subject=Subject [=\\?utf] "},
      {"Subject=/x/{raw_header}", "raw_header Subject=Subject [x] "},
      {"Content-Type=/x/B", "mime_header Content-Type=Content-Type [x] "},
      {"Content-Type=/x/{mime_header}", "mime_header Content-Type=Content-Type [x] "},
      {"X-New-One=/x/", "header X-New-One=X-New-One [x] "},
      {"To=/x/S", "header To=To [x] S"},
      {"TO=/x/SX", "raw_header To=TO [x] S"},
      {"/a b/P", "part [a b] "},
      {"/a/{mime}", "part [a] "},
      {"/a/isr{mime}", "part [a] isr"},
      {"/a/M", "body [a] "},
      {"/a/{body}", "body [a] "},
      {"/a/R", "all_header [a] "},
      {"/a/Q", "raw_mime [a] "},
      {"/a/C", "sa_body [a] "},
      {"/a/D", "sa_raw_body [a] "},
      {"/a/U", "url [a] "},
      {"/a/{email}", "email [a] "},
      {"/a/{words}", "words [a] "},
      {"/a/{raw_words}", "raw_words [a] "},
      {"/a/u{stem_words}", "stem_words [a] u"},
      {"/a/{mime}i", "part [a] i"},
      {"/a/{folded}", "folded [a] "},
      {"subject=/a/{folded}", "selector=subject [a] "},
      {"/a/{filename}", "filename [a] "},
      {"/a/imsxuOLAT{url}", "url [a] imsxuOLAT"},
      {"/a\\/b/U", "url [a\\/b] "},
      {"/a(?:b|c)\\)/P", "part [a(?:b|c)\\)] "},
      {"/a/PU", "url [a] "},
      {"To=/a/{mime}", "part=To [a] "},
      {"m!a/b!U", "url [a/b] "},
      {"m{a{2}/b}iU", "url [a{2}/b] i"},
      {"From=m#/#", "header From=From [/] "},
      {"/a=b/P", "part [a=b] "},
      {"//P", "part [] "},
      {"user=/a/$", "selector=user [a] "},
      {"header('To').lower=/a/{selector}", ""},
      {"From=/a/ ", "header From=From [a] "},
  };
  for (const Row& row : rows) {
    HeaderNames names;
    const Result<PatternSpec> spec = parse_regexp_atom(row.atom, names);
    if (row.expected.empty()) {
      EXPECT_FALSE(spec) << row.atom;
      continue;
    }
    ASSERT_TRUE(spec) << row.atom << ": " << spec.error().what;
    EXPECT_EQ(dump(*spec, names), row.expected) << row.atom;
    EXPECT_TRUE(is_regexp_atom(row.atom));
  }
}

TEST(RegexpAtom, ErrorsSayWhereAndWhat) {
  struct Row {
    std::string_view atom;
    unsigned column;
    std::string_view what;
  };
  const Row rows[] = {
      {"", 1, "neither"},
      {"nothing", 1, "neither"},
      {"lua:check", 1, "Lua"},
      {"/a", 1, "not closed"},
      {"/a\\", 1, "not closed"},
      {"Subject=", 9, "regexp"},
      {"Subject=free", 9, "regexp"},
      {"Subject=~/free/", 9, "SpamAssassin"},
      {"/a/", 3, "type"},
      {"/a/i", 4, "type"},
      {"/a/z", 4, "flag"},
      {"/a/{nowhere}", 5, "no type"},
      {"/a/{M}", 5, "no type"},
      {"/a/{mime", 4, "not closed"},
      {"/a/H", 1, "header"},
      {"From=/a/{folded}", 1, "Subject alone"},
      {"Sub ject=/a/", 1, "header"},
      {"=/a/", 1, "header"},
      {"/a/$", 1, "selector"},
      {"Subject=/a(/", 12, "parenthesis"},
      {"Subject=/[z-a]/", 13, "range"},
      {"/a)/P", 3, "parenthesis"},
      {"/a/P more", 5, "flag"},
  };
  for (const Row& row : rows) {
    HeaderNames names;
    const Result<PatternSpec> spec = parse_regexp_atom(row.atom, names);
    ASSERT_FALSE(spec) << row.atom;
    EXPECT_NEAR(spec.error().column, row.column, 1) << row.atom << ": " << spec.error().what;
    EXPECT_NE(spec.error().what.find(row.what), std::string::npos)
        << row.atom << ": " << spec.error().what;
  }
}

TEST(RegexpAtom, IsToldFromFunctions) {
  EXPECT_FALSE(is_regexp_atom("header_exists(To)"));
  EXPECT_FALSE(is_regexp_atom("check_smtp_data(from, /=/)"));
  EXPECT_FALSE(is_regexp_atom("NAME"));
  EXPECT_TRUE(is_regexp_atom("To=/a/"));
}

TEST(RegexpAtom, EveryAtomOfAnExpressionIsRead) {
  HeaderNames names;
  std::vector<std::string> found;
  const auto sink = [&](std::string_view atom, size_t) -> Result<uint32_t> {
    Result<PatternSpec> spec = parse_regexp_atom(atom, names);
    if (!spec) return tl::unexpected<Error>(spec.error());
    found.push_back(dump(*spec, names));
    return static_cast<uint32_t>(found.size() - 1);
  };
  const auto program = parse_expression("(Subject=/a (b|c)/i & !/x & y/P) | To=/\\//H & /u!/{url}",
                                        ExpressionDialect::kRegexp, sink);
  ASSERT_TRUE(program) << program.error().what;
  EXPECT_EQ(found, (std::vector<std::string>{"header Subject=Subject [a (b|c)] i", "part [x & y] ",
                                             "header To=To [\\/] ", "url [u!] "}));
}

TEST(PlainRegexp, HasNoType) {
  const Result<PatternSpec> spec = parse_plain_regexp("/^a/iu");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->regex, "^a");
  EXPECT_EQ(spec->flags, bit(PatternFlag::kIgnoreCase) | bit(PatternFlag::kUtf));
  EXPECT_FALSE(parse_plain_regexp("/a/P"));
  EXPECT_FALSE(parse_plain_regexp("a"));
  EXPECT_FALSE(parse_plain_regexp(""));
  EXPECT_FALSE(parse_plain_regexp("/(/"));
}

}  // namespace
}  // namespace winnow
