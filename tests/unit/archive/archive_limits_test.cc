#include <gtest/gtest.h>

#include "tests/unit/archive/make_archive.h"

namespace winnow {
namespace {

using namespace test;

TEST(ArchiveLimits, Members) {
  Limits limits;
  limits.archive_members_max = 2;
  ArchiveRun at(make_zip({{"a", ""}, {"b", ""}}), "", limits);
  EXPECT_FALSE(at.fault(Fault::kLimitArchive));
  ArchiveRun beyond(make_zip({{"a", ""}, {"b", ""}, {"c", ""}}), "", limits);
  EXPECT_TRUE(beyond.fault(Fault::kLimitArchive));
  EXPECT_EQ(beyond.dump(), "zip truncated: 0:a=0 0:b=0");
}

TEST(ArchiveLimits, UnpackedAndRatio) {
  Limits limits;
  limits.archive_unpacked_max = 1000;
  EXPECT_FALSE(ArchiveRun(make_zip({{"a", "", 0, 1000}}), "", limits).fault(Fault::kLimitArchive));
  EXPECT_TRUE(ArchiveRun(make_zip({{"a", "", 0, 1001}}), "", limits).fault(Fault::kLimitArchive));
  limits = {};
  limits.archive_ratio_max = 100;
  // Under a megabyte nothing is a bomb.
  EXPECT_FALSE(
      ArchiveRun(make_zip({{"a", "", 0, 1'000'000}}), "", limits).fault(Fault::kLimitArchive));
  EXPECT_TRUE(
      ArchiveRun(make_zip({{"a", "", 0, 2'000'000}}), "", limits).fault(Fault::kLimitArchive));
}

TEST(ArchiveLimits, Depth) {
  std::string bytes = make_zip({{"x.js", "1"}});
  for (int i = 0; i < 3; ++i) bytes = make_zip({{"in.zip", bytes}});
  ArchiveRun at(bytes);
  EXPECT_FALSE(at.fault(Fault::kLimitArchive));
  EXPECT_EQ(at.batch.archive_members.open_row().back().depth, 3);
  EXPECT_EQ(at.batch.archive_members.open_row().back().name, "x.js");
  ArchiveRun beyond(make_zip({{"in.zip", bytes}}));
  EXPECT_TRUE(beyond.fault(Fault::kLimitArchive));
  EXPECT_EQ(beyond.batch.archive_members.open_row().back().name, "in.zip");
}

TEST(ArchiveLimits, ManyInnerArchives) {
  std::vector<ZipFile> files;
  const std::string inner = make_zip({{"x", ""}});
  for (int i = 0; i < 100; ++i) files.push_back({std::to_string(i) + ".zip", inner});
  ArchiveRun run(make_zip(files));
  EXPECT_TRUE(run.fault(Fault::kLimitArchive));
  EXPECT_LE(run.batch.archive_members.open_row().size(), 100u + 64u);
}

TEST(ArchiveLimits, CompressedTarIsNotUnpackedForever) {
  // 100 members that claim 1 MB each and are there: over 64 MB would have to be produced.
  std::string tar;
  const std::string one = make_archive("ustar", nullptr, {{"a", std::string(500'000, 'x')}});
  std::vector<ZipFile> files = {{"z.tar", one}};
  ArchiveRun run(make_archive("ustar", "gzip", files), "x.tgz");
  EXPECT_EQ(run.dump(), "tar: 0:z.tar=" + std::to_string(one.size()) + " 1:a=500000");
}

TEST(ArchiveHostile, EveryPrefixAndManyFlips) {
  const std::string inputs[] = {
      make_zip({{"a.txt", "abc"}, {"in.zip", make_zip({{"x.js", "1"}})}}),
      rar5(rar5_file("a.exe", 300, "data", true)),
      rar4(rar4_file(std::string("ab\0\4\x0A\x61\x62\x36\x04", 9), 0x200, 1, "x")),
      make_archive("7zip", nullptr, {{"a.txt", "abc"}}),
      make_archive("ustar", "gzip", {{"a.txt", "abc"}}),
  };
  for (const std::string& input : inputs) {
    const size_t step = input.size() / 400 + 1;
    for (size_t cut = 0; cut < input.size(); cut += step) {
      ArchiveRun run(std::string_view(input).substr(0, cut));
    }
    for (size_t at = 0; at < input.size(); at += step) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        std::string broken = input;
        broken[at] = static_cast<char>(broken[at] ^ flip);
        ArchiveRun run(broken);
      }
    }
  }
}

TEST(ArchiveHostile, ManyEndRecords) {
  std::string bytes = "PK\3\4";
  for (int i = 0; i < 20'000; ++i) bytes += "PK\5\6";
  ArchiveRun run(bytes);
  EXPECT_TRUE(run.fault(Fault::kArchiveBroken));
}

}  // namespace
}  // namespace winnow
