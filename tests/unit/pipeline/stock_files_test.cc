#include "pipeline/stock_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/crypt/digest.h"
#include "tests/unit/own_folder.h"

namespace winnow {
namespace {

namespace fs = std::filesystem;

struct StockFiles : ::testing::Test {
  OwnFolder folder;
  const fs::path site = fs::path(folder.path()) / "site";
  const std::string status = (fs::path(folder.path()) / "status").string();

  void write(const std::string& name, std::string_view text) {
    const fs::path path = site / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  // As dpkg has installed the package.
  void install(std::initializer_list<std::pair<const char*, const char*>> files) {
    std::ofstream out(status);
    out << "Package: other\nConffiles:\n /etc/rspamd/other.conf 0123\n\nPackage: "
           "rspamd\nConffiles:\n";
    for (const auto& [name, text] : files)
      out << " /etc/rspamd/" << name << ' '
          << write_digest(Digest(DigestKind::kMd5, text).view(), DigestForm::kHex) << '\n';
    out << "Description: x\n";
  }
  std::string said(const std::string& config) {
    std::string out;
    for (const Warning& one : edited_stock_files(config, status))
      out += fs::path(one.file).lexically_relative(site).string() + ": " + one.what + " " +
             one.advice + "\n";
    return out;
  }
};

TEST_F(StockFiles, of_an_installed_package) {
  install({{"rspamd.conf", "options {}\n"},
           {"actions.conf", "reject = 15;\n"},
           {"modules.d/spf.conf", "spf {}\n"}});
  write("rspamd.conf", "options {}\n");
  write("actions.conf", "reject = 15;\n");
  write("modules.d/spf.conf", "spf {}\n");
  write("local.d/actions.conf", "reject = 20;\n");
  write("own.conf", "x = 1;\n");  // whose it is nobody knows
  const std::string main = (site / "rspamd.conf").string();
  EXPECT_EQ(said(main), "");
  write("actions.conf", "reject = 11;\n");
  write("modules.d/spf.conf", "spf { x = 1; }\n");
  write("modules.d/mine.conf", "mine {}\n");
  const std::string expected =
      "actions.conf: This stock file was changed, and it is not read. What is to hold belongs into "
      "local.d/actions.conf.\n"
      "modules.d/mine.conf: Nothing reads this file. What is to hold belongs into "
      "local.d/mine.conf.\n"
      "modules.d/spf.conf: This stock file was changed, and it is not read. What is to hold "
      "belongs "
      "into local.d/spf.conf.\n";
  EXPECT_EQ(said(main), expected);
  EXPECT_EQ(said(site.string()), expected);
  write("rspamd.conf", "# nothing but words\n");
  EXPECT_EQ(said(main), expected);
}

TEST_F(StockFiles, where_no_package_is_known) {
  write("actions.conf", "reject = 11;\nadd_header = 6;\n");
  write("options.inc", "# nothing\n");
  EXPECT_EQ(
      said(site.string()),
      "actions.conf: Stock files are not read, and this one says otherwise: reject = 11 (here "
      "15). What is to hold belongs into local.d/actions.conf.\n");
  EXPECT_EQ(said(""), "");
}

}  // namespace
}  // namespace winnow
