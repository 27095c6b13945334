#include "engine/url/suffix.h"

#include <gtest/gtest.h>
#include <libpsl.h>

#include <fstream>
#include <memory>
#include <string>

namespace winnow {
namespace {

struct Row {
  std::string_view host, tld, domain;
  bool known;
};

TEST(Suffix, finds_public_suffix_and_organisational_domain) {
  const Row rows[] = {
      {"example.com", "com", "example.com", true},
      {"a.b.example.com", "com", "example.com", true},
      {"com", "com", "com", true},
      {"example.co.uk", "co.uk", "example.co.uk", true},
      {"www.example.co.uk", "co.uk", "example.co.uk", true},
      {"co.uk", "co.uk", "co.uk", true},
      {"uk", "uk", "uk", true},
      // wildcard: *.ck, and its exception !www.ck
      {"ck", "ck", "ck", false},
      {"foo.ck", "foo.ck", "foo.ck", true},
      {"bar.foo.ck", "foo.ck", "bar.foo.ck", true},
      {"www.ck", "ck", "www.ck", true},
      {"a.www.ck", "ck", "www.ck", true},
      {"city.kawasaki.jp", "kawasaki.jp", "city.kawasaki.jp", true},
      {"a.b.kawasaki.jp", "b.kawasaki.jp", "a.b.kawasaki.jp", true},
      // private section
      {"user.github.io", "github.io", "user.github.io", true},
      {"x.user.github.io", "github.io", "user.github.io", true},
      // names in Unicode stand as A-labels
      {"xn--55qx5d.cn", "xn--55qx5d.cn", "xn--55qx5d.cn", true},
      {"a.xn--p1ai", "xn--p1ai", "a.xn--p1ai", true},
      // unknown: the default rule
      {"foo.bar.invalidtld", "invalidtld", "bar.invalidtld", false},
      {"localhost", "localhost", "localhost", false},
      // rubbish does not get lost
      {"", "", "", false},
      {".com", "com", ".com", true},
      {"a..com", "com", ".com", true},
      {"..", "", ".", false},
  };
  for (const Row& row : rows) {
    const Suffix got = find_suffix(row.host);
    EXPECT_EQ(got.tld, row.tld) << row.host;
    EXPECT_EQ(got.domain, row.domain) << row.host;
    EXPECT_EQ(got.known, row.known) << row.host;
  }
}

TEST(Suffix, knows_top_level_domains) {
  EXPECT_TRUE(shipped_suffixes().is_tld("com"));
  EXPECT_TRUE(shipped_suffixes().is_tld("xn--p1ai"));
  EXPECT_FALSE(shipped_suffixes().is_tld("co.uk"));
  EXPECT_FALSE(shipped_suffixes().is_tld("exe"));
  EXPECT_FALSE(shipped_suffixes().is_tld(""));
}

// Every rule of the list, with up to two labels before it, gives what libpsl gives.
TEST(Suffix, agrees_with_libpsl_on_every_rule) {
  const std::string path = std::string(::testing::TempDir()) + "/winnow_suffix_test.dat";
  const std::string_view list = shipped_suffix_list();
  std::ofstream(path, std::ios::binary) << list;
  const std::unique_ptr<psl_ctx_t, decltype(&psl_free)> psl(psl_load_file(path.c_str()), psl_free);
  ASSERT_NE(psl, nullptr);
  size_t rules = 0, hosts = 0;
  std::string_view rest = list;
  while (!rest.empty()) {
    std::string rule(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(rule.size() + 1, rest.size()));
    if (rule.empty() || rule.starts_with("//")) continue;
    ++rules;
    if (rule.starts_with("!")) rule.erase(0, 1);
    if (rule.starts_with("*.")) rule.replace(0, 1, "wild");
    char* ascii = nullptr;
    ASSERT_EQ(psl_str_to_utf8lower(rule.c_str(), "utf-8", nullptr, &ascii), PSL_SUCCESS);
    psl_free_string(ascii);
    bool is_ascii = true;
    for (const char c : rule) is_ascii &= static_cast<signed char>(c) >= 0;
    if (!is_ascii) continue;  // libpsl compares what it was given; ours takes A-labels
    for (const char* before : {"", "example.", "www.example."}) {
      const std::string host = before + rule;
      const char* domain = psl_registrable_domain(psl.get(), host.c_str());
      const char* suffix = psl_unregistrable_domain(psl.get(), host.c_str());
      const Suffix got = find_suffix(host);
      EXPECT_EQ(got.domain, domain ? domain : host) << host;
      EXPECT_EQ(got.tld, suffix ? suffix : "") << host;
      ++hosts;
    }
  }
  EXPECT_GT(rules, 5000u);
  EXPECT_EQ(shipped_suffixes().rules(), rules);
  EXPECT_GT(hosts, 15000u);
}

}  // namespace
}  // namespace winnow
