#include "rules/checks/lists/url_compose.h"

#include <gtest/gtest.h>

#include "engine/url/suffix.h"

namespace winnow {
namespace {

std::string told;

UrlCompose compose(const std::string& text) {
  told.clear();
  MapBuilder builder(MapKind::kLines);
  builder.add_lines(text, 0);
  const std::shared_ptr<const Map> map = builder.finish();
  return UrlCompose(*map, [](std::string sentence) { told += sentence + "\n"; });
}

// What Debian's rspamd 3.4 asks for these hosts under these rules.
TEST(UrlCompose, rows) {
  const UrlCompose rules = compose(
      "foo.com\n*.foo2.com\n*.x.foo3.com\n!e.foo2.com\nb.foo6.com\nfoo6.com\n*.foo7.com\n"
      "z.foo7.com\nco.uk\na.deep.net\n");
  EXPECT_EQ(told, "");
  const struct {
    const char *host, *expected;
  } rows[] = {
      {"a.b.c.d.foo.com", "d.foo.com"},
      {"foo.com", "foo.com"},
      {"d.foo.com", "d.foo.com"},
      {"a.b.c.d.foo2.com", "a.b.c.d.foo2.com"},
      {"foo2.com", "foo2.com"},
      {"d.foo2.com", "d.foo2.com"},
      {"a.b.c.x.foo3.com", "a.b.c.x.foo3.com"},
      {"x.foo3.com", "x.foo3.com"},
      {"y.foo3.com", "foo3.com"},
      {"a.e.foo2.com", "foo2.com"},
      {"e.foo2.com", "foo2.com"},
      {"a.c.b.foo6.com", "c.b.foo6.com"},
      {"b.foo6.com", "b.foo6.com"},
      {"q.r.foo6.com", "r.foo6.com"},
      {"a.b.z.foo7.com", "a.b.z.foo7.com"},
      {"a.b.q.foo7.com", "a.b.q.foo7.com"},
      {"a.b.bar.co.uk", "bar.co.uk"},
      {"www.a.deep.net", "www.a.deep.net"},
      {"a.deep.net", "a.deep.net"},
      {"www.plain.org", "plain.org"},
      {"xfoo.com", "xfoo.com"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(rules.part(row.host, find_suffix(row.host).domain), row.expected) << row.host;
}

TEST(UrlCompose, lines) {
  const UrlCompose rules =
      compose("# foo.com\n\n  FOO8.com  \nfoo9.com value\n/re[0-9]/\n!/x/\n*\na..b\n");
  EXPECT_EQ(rules.part("a.b.foo8.com", "foo8.com"), "b.foo8.com");
  EXPECT_EQ(rules.part("a.b.foo9.com", "foo9.com"), "b.foo9.com");
  EXPECT_EQ(rules.part("a.b.foo.com", "foo.com"), "foo.com");
  EXPECT_EQ(told,
            "line 5 of url_compose_map is no rule: /re[0-9]/\n"
            "line 6 of url_compose_map is no rule: !/x/\n"
            "line 7 of url_compose_map is no rule: *\n"
            "line 8 of url_compose_map is no rule: a..b\n");
}

}  // namespace
}  // namespace winnow
