// milter_headers {}: what routines write of one verdict.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/mime/ip.h"
#include "tests/unit/rules/compiled.h"
#include "tests/unit/rules/judged.h"

namespace winnow {
namespace {

// "POSITION NAME=VALUE;" of each header that is added, "-POSITION NAME;" of each that goes, then
// warnings. MIME_GOOD is found with the option text/plain, FROM_NO_DN with none.
std::string edits(const std::string& options) {
  const auto rules =
      compiled("milter_headers { remove_upstream_spam_flag = false; " + options + " }", {});
  Message message;
  message.bytes = MessageBytes("From: a@there.example\nSubject: pears\n\nripe\n");
  message.from = "a@there.example";
  message.ip = *parse_ip("203.0.113.9");
  const std::unique_ptr<Case> one = judged(rules, std::move(message));
  std::string out;
  for (const Edit& edit : one->verdict.edits)
    out += edit.kind == EditKind::kAddHeader
               ? fmt::format("{} {}={};", edit.position, edit.name, edit.value)
               : fmt::format("-{} {};", edit.position, edit.name);
  for (const ConfigWarning& warning : rules->warnings) out += "\n" + warning.text();
  return out;
}

TEST(MilterHeaders, EachHeaderGoesOnce) {
  EXPECT_EQ(edits("use = [x-virus, remove-header, remove-headers]; routines {"
                  "x-virus { status_clean = clean; } remove-header { header = X-A; remove = 1; } "
                  "remove-headers { headers { X-B = 2; x-virus = 0; x-a = 0; x-b = 2; } } }"),
            "-0 X-Virus;-1 X-Virus=clean;-2 X-B;-0 x-a;");
}

TEST(MilterHeaders, ValuesOfAddedHeaders) {
  const std::string place = "t.conf:1: ";
  const struct {
    const char *headers, *expected;
  } rows[] = {
      {"X-A = yes; X-B = 5;", "-0 X-A;-0 X-B;2 X-A=yes;2 X-B=5;"},
      {"X-A = \"\";", "-0 X-A;2 X-A=;"},
      {"X-A = one; X-A = two;", "-0 X-A;2 X-A=two;"},
      {"X-A = [one];", "-0 X-A;2 X-A=one;"},
      {"X-A = [one, two];",
       "-0 X-A;2 X-A=two;\nof a list the last value alone is written as header X-A"},
      {"X-A = [{ value = one; order = 1 }, { value = two; order = -1 }];",
       "-0 X-A;-1 X-A=two;\nof a list the last value alone is written as header X-A"},
      {"X-A = { value = one; order = 1 };", "-0 X-A;1 X-A=one;"},
      {"X-A = { value = one; order = 0 };", "-0 X-A;1 X-A=one;"},
      {"X-A = { value = one; };", "-0 X-A;2 X-A=one;"},
      {"X-A = { order = 1; }; X-B = b;",
       "-0 X-B;2 X-B=b;\nheader X-A is no text, nor { value, order }; it is left out"},
      {"X-A = [];", "\nheader X-A is no text, nor { value, order }; it is left out"},
      {"X-A = { value = [a]; };", "\nheader X-A is no text, nor { value, order }; it is left out"}};
  for (const auto& row : rows) {
    std::string told = edits(fmt::format(
        "default_headers_order = 2; use = [add-headers]; routines {{ add-headers {{ headers {{ {} "
        "}} }} }}",
        row.headers));
    if (const size_t at = told.find(place); at != std::string::npos) told.erase(at, place.size());
    EXPECT_EQ(told, row.expected) << row.headers;
  }
}

TEST(MilterHeaders, SeveralOfAName) {
  EXPECT_EQ(edits("use = [remove-headers]; routines { remove-headers { headers { X-A = [1, -2]; "
                  "X-B = 1; } } }"),
            "-1 X-A;--2 X-A;-1 X-B;");
}

// A symbol without options is a finding all the same.
TEST(MilterHeaders, Viruses) {
  const struct {
    const char *options, *value;
  } rows[] = {{"symbols = [MIME_GOOD]; status_clean = clean;", "text/plain"},
              {"symbols = [FROM_NO_DN]; status_clean = clean;", "unknown"},
              {"symbols = [FROM_NO_DN];", "unknown"},
              {"symbols = [FROM_NO_DN, NOT_FOUND, MIME_GOOD]; status_infected = infected;",
               "infected, unknown,text/plain"},
              {"symbols = [NOT_FOUND]; status_clean = clean; status_infected = infected;", "clean"},
              {"symbols = [NOT_FOUND];", ""}};
  for (const auto& row : rows) {
    const std::string added =
        *row.value != '\0' ? fmt::format("-1 X-Virus={};", row.value) : std::string();
    EXPECT_EQ(edits(fmt::format("use = [x-virus]; routines {{ x-virus {{ {} }} }}", row.options)),
              "-0 X-Virus;" + added)
        << row.options;
  }
}

}  // namespace
}  // namespace winnow
