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
