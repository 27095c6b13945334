#include <gtest/gtest.h>

#include "tests/unit/archive/make_archive.h"

namespace winnow {
namespace {

using namespace std::string_literals;
using namespace test;

TEST(ArchiveZip, Listed) {
  struct Row {
    const char* name;
    std::string bytes;
    const char* filename;
    const char* dump;
  };
  const std::string two = make_zip({{"a.txt", "abc"}, {"d/", ""}, {"d/b.exe", "MZ"}});
  std::string wide_name(1, '\1');
  wide_name += std::string(4, '\0') + "\xD0\xB6.exe";
  std::string extra;
  put(extra, 0x7075, 2), put(extra, wide_name.size(), 2);
  extra += wide_name;
  std::string sizes;
  put(sizes, 1, 2), put(sizes, 8, 2), put(sizes, 5'000'000'000, 8);
  const Row rows[] = {
      {"two files", two, "x.zip", "zip: 0:a.txt=3 0:d/=0 dir 0:d/b.exe=2"},
      {"no files", make_zip({}), "", "zip:"},
      {"encrypted", make_zip({{"a", "x", 1}}), "", "zip enc: 0:a=1 enc"},
      {"encrypted in the local header only", make_zip({{"a", "x", 0, -1, 1}}), "",
       "zip enc: 0:a=1 enc"},
      {"misnamed", two, "x.rar", "zip misnamed: 0:a.txt=3 0:d/=0 dir 0:d/b.exe=2"},
      {"behind a program", "MZ some program" + two, "x.exe",
       "zip: 0:a.txt=3 0:d/=0 dir 0:d/b.exe=2"},
      {"behind junk", "junkjunk" + two, "x.zip", "zip: 0:a.txt=3 0:d/=0 dir 0:d/b.exe=2"},
      {"between junk", "junkjunk" + two + std::string(100, 'x'), "",
       "zip: 0:a.txt=3 0:d/=0 dir 0:d/b.exe=2"},
      {"trailing bytes", two + std::string(100, 'x'), "", "zip: 0:a.txt=3 0:d/=0 dir 0:d/b.exe=2"},
      {"cut: local headers", make_zip({{"a", "xyz"}, {"b", "1"}}, false), "",
       "zip truncated: 0:a=3 0:b=1"},
      {"name in UTF-8", make_zip({{"\xC3\xA9", "x", 1 << 11}}), "", "zip: 0:\xC3\xA9=1"},
      {"name in IBM 437", make_zip({{"\x82", "x"}}), "", "zip: 0:\xC3\xA9=1"},
      {"name said to be UTF-8", make_zip({{"\x82", "x", 1 << 11}}), "",
       "zip: 0:\xEF\xBF\xBD=1 obf"},
      {"Unicode extra field", make_zip({{"?", "x", 0, -1, 0, extra}}), "", "zip: 0:\xD0\xB6.exe=1"},
      {"right to left override", make_zip({{"a\xE2\x80\xAEgpj.exe", "x"}}), "",
       "zip: 0:a\xE2\x80\xAEgpj.exe=1 obf"},
      {"control character", make_zip({{"a\1", "x"}}), "", "zip: 0:a\1=1 obf"},
      {"inner zip", make_zip({{"in.zip", make_zip({{"x.js", "1"}})}}), "",
       "zip: 0:in.zip=107 1:x.js=1"},
      {"inner zip behind junk", "junk" + make_zip({{"in.zip", "junk" + make_zip({{"x.js", "1"}})}}),
       "", "zip: 0:in.zip=111 1:x.js=1"},
      {"zip in zip behind gzip's beginning",
       make_zip({{"in.zip", "\x1F\x8B\x08\0"s + make_zip({{"x.js", "1"}})}}), "",
       "zip: 0:in.zip=111 1:x.js=1"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    ArchiveRun run(row.bytes, row.filename);
    EXPECT_EQ(run.dump(), row.dump);
    EXPECT_EQ(run.fault(Fault::kArchiveBroken), run.archive().truncated);
  }
}

TEST(ArchiveZip, Zip64Size) {
  std::string sizes;
  put(sizes, 1, 2), put(sizes, 8, 2), put(sizes, 5'000'000'000, 8);
  ArchiveRun run(make_zip({{"a", "x", 0, 0xFFFFFFFF, 0, sizes}}));
  EXPECT_EQ(run.dump(), "zip truncated: 0:a=5000000000");
  EXPECT_TRUE(run.fault(Fault::kLimitArchive));
}

TEST(ArchiveRar, Listed) {
  struct Row {
    const char* name;
    std::string bytes;
    const char* dump;
  };
  // "a" and "b" by their low bytes, U+0436 by two bytes.
  const std::string wide = std::string("ab?.exe\0", 8) + std::string("\4\x0B\x61\x62\x36\x04\2", 7);
  const Row rows[] = {
      {"5", rar5(rar5_file("a.exe", 300, "data", false)), "rar: 0:a.exe=300"},
      {"5 encrypted", rar5(rar5_file("a", 5, "data", true)), "rar enc: 0:a=5 enc"},
      {"5 headers encrypted",
       std::string("Rar!\x1A\7\1\0", 8) + rar5_header(std::string("\4\0\0\0\17", 5)) + "junk",
       "rar enc unreadable:"},
      {"5 cut", rar5(rar5_file("a", 5, "data", false)).substr(0, 33), "rar truncated: 0:a=5"},
      {"4", rar4(rar4_file("a.exe", 0, 7, "data")), "rar: 0:a.exe=7"},
      {"4 encrypted", rar4(rar4_file("a", 4, 7, "data")), "rar enc: 0:a=7 enc"},
      {"4 directory", rar4(rar4_file("d", 0xE0, 0, "")), "rar: 0:d=0 dir"},
      {"4 headers encrypted", rar4("junk", 0x80), "rar enc unreadable:"},
      {"4 Unicode name", rar4(rar4_file(wide, 0x200, 1, "x")), "rar: 0:ab\xD0\xB6.exe=1"},
      {"4 cut", rar4(rar4_file("a", 0, 7, "data")).substr(0, 40), "rar truncated:"},
      {"unknown version", std::string("Rar!\x1A\7\3\0", 8), "rar truncated:"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    ArchiveRun run(row.bytes, "x.rar");
    EXPECT_EQ(run.dump(), row.dump);
  }
}

TEST(ArchiveStream, Listed) {
  const std::vector<ZipFile> files = {{"a.txt", "abc"}, {"b.exe", "MZ"}};
  struct Row {
    const char* name;
    std::string bytes;
    const char* filename;
    const char* dump;
  };
  const Row rows[] = {
      {"7z", make_archive("7zip", nullptr, files), "x.7z", "7z: 0:a.txt=3 0:b.exe=2"},
      {"tar", make_archive("ustar", nullptr, files), "x.tar", "tar: 0:a.txt=3 0:b.exe=2"},
      {"tar.gz", make_archive("ustar", "gzip", files), "x.tar.gz", "tar: 0:a.txt=3 0:b.exe=2"},
      {"tar.xz", make_archive("ustar", "xz", files), "x.txz", "tar: 0:a.txt=3 0:b.exe=2"},
      {"tar.bz2", make_archive("ustar", "bzip2", files), "x.tbz", "tar: 0:a.txt=3 0:b.exe=2"},
      {"tar.zst", make_archive("ustar", "zstd", files), "x.tar.zst", "tar: 0:a.txt=3 0:b.exe=2"},
      {"iso", make_archive("iso9660", nullptr, files), "x.iso",
       "iso: 0:.=0 dir 0:a.txt=3 0:b.exe=2"},
      {"gz", make_archive("raw", "gzip", {{"ignored", "hello"}}), "dir/bill.js.gz",
       "gzip: 0:bill.js=5"},
      {"zip in tar.gz", make_archive("ustar", "gzip", {{"in.zip", make_zip({{"x.js", "1"}})}}),
       "x.tgz", "tar: 0:in.zip=107 1:x.js=1"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    ArchiveRun run(row.bytes, row.filename);
    EXPECT_EQ(run.dump(), row.dump);
    EXPECT_FALSE(run.fault(Fault::kArchiveBroken));
  }
}

TEST(Archive7z, EncryptedList) {
  std::string bytes = std::string("7z\xBC\xAF\x27\x1C\0\4", 8) + std::string(4, '\0');
  const std::string list = std::string("\x17\6\0\1\x09\0\7\x0B\1\0\1\x24\x06\xF1\x07\x01", 16);
  put(bytes, 0, 8), put(bytes, list.size(), 8), put(bytes, 0, 4);
  EXPECT_EQ(ArchiveRun(bytes + list).dump(), "7z enc unreadable:");
  EXPECT_EQ(ArchiveRun(bytes).dump(), "7z truncated:");
}

TEST(Archive, NoArchive) {
  const std::string empty = "junk" + make_zip({});
  const std::string cut = "junk" + make_zip({{"a", "x"}}, false);
  for (const std::string& bytes :
       {std::string(), "hello"s, "PK"s, "MZ not a zip"s, "Rar"s, empty, cut}) {
    EXPECT_EQ(ArchiveRun(bytes).dump(), "none") << bytes;
  }
}

}  // namespace
}  // namespace winnow
