// Configurations of real sites, which are not part of the repository.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "rules/config/dump.h"
#include "rules/config/layers.h"

namespace winnow {
namespace {

namespace fs = std::filesystem;

// Puts every .conf and .inc file below `from` into memory under "/e".
bool take(const fs::path& from, MemoryFiles& into) {
  if (!fs::is_directory(from)) return false;
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    const std::string end = entry.path().extension();
    if (!entry.is_regular_file() || (end != ".conf" && end != ".inc")) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    into.add("/e/" + fs::relative(entry.path(), from).string(),
             std::string(std::istreambuf_iterator<char>(in), {}));
  }
  return true;
}

fs::path shared() {
  const char* set = std::getenv("WINNOW_SHARED");
  return set ? fs::path(set) : fs::path(WINNOW_SOURCE_DIR) / ".." / ".." / "shared";
}

struct Site {
  const char* folder;
  std::vector<std::pair<const char*, const char*>> values;  // path, JSON
  size_t warnings;
};

class Sites : public ::testing::TestWithParam<Site> {};

TEST_P(Sites, LoadsAndMeansWhatItSays) {
  MemoryFiles files;
  if (!take(shared() / "configs" / GetParam().folder, files)) GTEST_SKIP() << "not here";
  LoadOptions options;
  options.config_path = "/e/rspamd.conf";
  auto config = load_config(files, options);
  ASSERT_TRUE(config) << config.error().text();
  for (const auto& [path, json] : GetParam().values) {
    const UclObject* value = config->root().get(path);
    ASSERT_TRUE(value) << path;
    EXPECT_EQ(dump(*value, {.format = DumpFormat::kJsonCompact}), json) << path;
  }
  std::string told;
  for (const Warning& warning : config->warnings) told += warning.text() + "\n";
  EXPECT_EQ(config->warnings.size(), GetParam().warnings) << told;
  auto again = load_config(files, options);
  EXPECT_EQ(dump(again->root()), dump(config->root()));
}

INSTANTIATE_TEST_SUITE_P(
    Real, Sites,
    ::testing::Values(
        Site{"docker-mailserver/target/rspamd",
             {{"actions.greylist", "4"}, {"actions.add_header", "6"}, {"actions.reject", "11"}},
             0},
        Site{"grapheneos/rspamd",
             {{"worker.normal.enabled", "false"},
              {"dmarc.actions.reject", "\"reject\""},
              {"hfilter.mid_enabled", "true"},
              {"symbols.LEAKED_PASSWORD_SCAM.weight", "0.0"},
              {"rbl.rbls.sem.enabled", "false"},
              {"rbl.rbls.PSBL.checks", "[\"from\",\"received\"]"},
              {"group.headers.symbols.MISSING_MID.weight", "6.0"}},
             5},
        Site{"martinschaible", {}, 2}));

}  // namespace
}  // namespace winnow
