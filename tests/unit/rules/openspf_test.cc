// The openspf suite of RFC 4408 (not part of the repository). Where RFC 7208 judges otherwise the
// case is listed with its reason in tests/peer/differences.md.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "rules/checks/auth/identity.h"
#include "rules/checks/auth/spf_evaluate.h"
#include "rules/checks/text.h"
#include "tests/unit/rules/asking.h"

namespace winnow {
namespace {

namespace fs = std::filesystem;

std::string from_hex(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return out;
}

// The lines that openspf_table.py makes of the suite; empty where suite or PyYAML are not here.
std::vector<std::vector<std::string>> suite_lines() {
  const char* const set = std::getenv("WINNOW_SHARED");
  std::vector<std::vector<std::string>> lines;
  for (const fs::path& shared :
       {fs::path(set ? set : ""), fs::path(WINNOW_SOURCE_DIR) / "../shared",
        fs::path(WINNOW_SOURCE_DIR) / "../../shared"}) {
    const fs::path archive = shared / "corpus" / "suites.tar.zst";
    if (!fs::exists(archive)) continue;
    const std::string command =
        fmt::format("tar --zstd -xOf '{}' spf_openspf/rfc4408-tests.yml | python3 '{}'",
                    archive.string(), WINNOW_SOURCE_DIR "/tests/unit/rules/openspf_table.py");
    FILE* const pipe = popen(command.c_str(), "r");
    std::string all;
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) all.append(buffer, n);
    pclose(pipe);
    std::istringstream in(all);
    for (std::string line; std::getline(in, line);) {
      std::vector<std::string> fields;
      std::istringstream row(line);
      for (std::string one; std::getline(row, one, '\t');)
        fields.push_back(fields.empty() ? one : from_hex(one));
      fields.resize(7);
      lines.push_back(fields);
    }
    break;
  }
  return lines;
}

// Rows "| spf NAME | ours | reason |" of the list of differences.
std::map<std::string, std::string> listed_differences() {
  std::map<std::string, std::string> listed;
  std::ifstream in(WINNOW_SOURCE_DIR "/tests/peer/differences.md");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| spf ")) continue;
    const size_t bar = line.find(" | ", 6), end = line.find(" | ", bar + 3);
    listed[line.substr(6, bar - 6)] = line.substr(bar + 3, end - bar - 3);
  }
  return listed;
}

const char* code_name(SpfCode code) {
  static constexpr const char* kNames[] = {"none",     "neutral",   "pass",     "fail",
                                           "softfail", "temperror", "permerror"};
  return kNames[static_cast<size_t>(code)];
}

// The result; `explanation` is what the domain says of a failure.
std::string judge_case(const std::vector<TableRecord>& records, const std::string& helo,
                       const std::string& ip, const std::string& from, std::string& explanation) {
  explanation.clear();
  Asking asking(records);
  Envelope envelope;
  envelope.from = from;
  envelope.helo = helo;
  envelope.ip = parse_ip(ip).value();
  const SpfIdentity identity = spf_identity(envelope);
  if (identity.domain.empty()) return "none";
  const SpfInput input{envelope.ip, identity.local, identity.domain, helo};
  const SpfResult result =
      asking.run([&] { return evaluate_spf(input, {.explain = true}, asking); });
  explanation = result.explanation;
  return code_name(result.code);
}

TEST(OpenSpf, AgreesOrIsListed) {
  const auto lines = suite_lines();
  if (lines.empty()) GTEST_SKIP() << "the suite or PyYAML is not here";
  std::map<std::string, std::string> listed = listed_differences();
  std::vector<TableRecord> records;
  size_t cases = 0, explained = 0;
  for (const auto& line : lines) {
    if (line[0] == "zone") records.clear();
    if (line[0] == "record") {
      if (line[2] == "*")
        records.push_back({line[1], "", {}, "timeout"});
      else
        records.push_back({line[1], line[2], {line[3]}, ""});
    }
    if (line[0] != "test") continue;
    ++cases;
    std::string explanation;
    const std::string ours = judge_case(records, line[2], line[3], line[4], explanation);
    if (ours == "fail") {
      // Nibbles of addresses are small letters here, as in the examples of RFC 7208 7.4.
      EXPECT_TRUE(equal_caseless(explanation.empty() ? "DEFAULT" : explanation, line[6]))
          << line[1] << ": " << explanation << ", the suite says " << line[6];
      explained += !explanation.empty();
    }
    const bool agrees = ("," + line[5] + ",").find("," + ours + ",") != std::string::npos;
    const auto at = listed.find(line[1]);
    if (at == listed.end())
      EXPECT_TRUE(agrees) << line[1] << ": " << ours << ", the suite says " << line[5];
    else
      EXPECT_EQ(agrees ? "agrees: take it off the list" : ours, at->second) << line[1];
    if (at != listed.end()) listed.erase(at);
  }
  EXPECT_EQ(cases, 191u);
  EXPECT_EQ(explained, 14u);
  for (const auto& [name, ours] : listed) ADD_FAILURE() << name << " is listed but not there";
}

}  // namespace
}  // namespace winnow
