// How much the extension of a file's name weighs, attached and wrapped into an archive. Where
// Rspamd knows an extension the weights are those that rspamd 3.4 was seen to give.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rules/checks/check.h"

namespace winnow {
extern const Check kMimeTypes;

namespace {

// "NAME*weight" of each insertion that speaks of extensions, for an attachment of this name that
// holds `members`; no archive where there are none.
std::string said(std::string_view name, const std::vector<std::string_view>& members = {}) {
  HeaderNames names;
  const Limits limits;
  CompileContext context{.headers = names, .limits = limits};
  const std::unique_ptr<CheckPlan> plan = kMimeTypes.compile(context);
  for (uint32_t i = 0; i < kMimeTypes.symbols.size(); ++i) plan->symbols.push_back(SymbolId{i});
  Batch batch;
  batch.add("x", 0, Envelope(), {});
  Part part;
  part.type = "application";
  part.subtype = "octet-stream";
  part.filename = name;
  if (!members.empty()) {
    part.archive = 0;
    Archive archive;
    archive.format = "zip";
    archive.members = {0, static_cast<uint32_t>(members.size())};
    batch.archives.values.push_back(archive);
    for (const std::string_view member : members)
      batch.archive_members.values.emplace_back().name = member;
  }
  batch.parts.values.push_back(part);
  batch.parts.end_row();
  batch.archives.end_row();
  batch.archive_members.end_row();
  kMimeTypes.content(*plan, batch);
  std::string out;
  for (const SymbolHit& hit : batch.symbols) {
    const std::string_view symbol = kMimeTypes.symbols[index(hit.symbol)].name;
    if (symbol.find("EXTENSION") == std::string_view::npos && symbol != "MIME_ARCHIVE_IN_ARCHIVE")
      continue;
    out += fmt::format("{}{}*{}", out.empty() ? "" : " ", symbol, hit.weight);
  }
  return out;
}

TEST(FileNames, AttachedPrograms) {
  EXPECT_EQ(said("a.txt"), "");
  EXPECT_EQ(said("a.exe"), "MIME_BAD_EXTENSION*1");
  EXPECT_EQ(said("a.EXE"), "MIME_BAD_EXTENSION*1");
  for (const std::string_view name : {"a.bat", "a.js", "a.jar", "a.hta", "a.xll", "a.vbs", "a.one"})
    EXPECT_EQ(said(name), "MIME_BAD_EXTENSION*2") << name;
  EXPECT_EQ(said("a.cab"), "MIME_BAD_EXTENSION*3");
  for (const std::string_view name : {"a.scr", "a.lnk", "a.ace", "a.iso", "a.img", "a.vhd"})
    EXPECT_EQ(said(name), "MIME_BAD_EXTENSION*4") << name;
  for (const std::string_view name : {"a.docm", "a.html", "a.svg", "a.doc", "a.z", "a.uue", "a"})
    EXPECT_EQ(said(name), "") << name;
}

TEST(FileNames, TheOnlyFileOfAnArchive) {
  EXPECT_EQ(said("a.zip", {"b.js"}), "MIME_BAD_EXTENSION*0.5");
  EXPECT_EQ(said("a.zip", {"b.js", "c.txt"}), "MIME_BAD_EXTENSION*2");
  EXPECT_EQ(said("a.zip", {"b.jar"}), "MIME_BAD_EXTENSION*3");
  EXPECT_EQ(said("a.zip", {"b.hta"}), "MIME_BAD_EXTENSION*4");
  EXPECT_EQ(said("a.zip", {"b.exe"}), "MIME_BAD_EXTENSION*1");
  EXPECT_EQ(said("a.zip", {"b.docx"}), "MIME_BAD_EXTENSION*0.1");
  EXPECT_EQ(said("a.zip", {"b.docx", "c.txt"}), "");
  for (const std::string_view name : {"b.doc", "b.docm", "b.xlsm", "b.html", "b.svg"})
    EXPECT_EQ(said("a.zip", {name}), "") << name;
}

TEST(FileNames, NamesThatHideTheirEnd) {
  EXPECT_EQ(said("a.exe."), "MIME_DOUBLE_BAD_EXTENSION*1");
  EXPECT_EQ(said("a.bat . "), "MIME_DOUBLE_BAD_EXTENSION*2");
  EXPECT_EQ(said("a.txt."), "");
  EXPECT_EQ(said("..."), "");
  EXPECT_EQ(said("a.pdf.exe"), "MIME_DOUBLE_BAD_EXTENSION*1");
  EXPECT_EQ(said("a.2026.exe"), "MIME_BAD_EXTENSION*1");
}

TEST(FileNames, ArchivesPromise) {
  EXPECT_EQ(said("a.pdf.zip", {"b.exe"}), "MIME_BAD_EXTENSION*1 MIME_DOUBLE_BAD_EXTENSION*2");
  EXPECT_EQ(said("a.pdf.tar.gz", {"b.exe"}), "MIME_BAD_EXTENSION*1 MIME_DOUBLE_BAD_EXTENSION*2");
  EXPECT_EQ(said("a.tar.gz", {"b.exe"}), "MIME_BAD_EXTENSION*1");
  EXPECT_EQ(said("a.tar", {"b.exe"}), "MIME_BAD_EXTENSION*1");
  EXPECT_EQ(said("a.exe.zip", {"b.exe"}), "MIME_BAD_EXTENSION*1");
}

TEST(FileNames, WrappedArchives) {
  EXPECT_EQ(said("a.zip", {"b.rar"}), "MIME_ARCHIVE_IN_ARCHIVE*1");
  EXPECT_EQ(said("a.zip", {"b.ace", "c.txt"}), "MIME_ARCHIVE_IN_ARCHIVE*1 MIME_BAD_EXTENSION*4");
  for (const std::string_view name : {"b.tar", "b.gz", "b.tgz", "b.apk", "b.docx"})
    EXPECT_EQ(said("a.zip", {name, "c.txt"}), "") << name;
  EXPECT_EQ(said("a.zip.7z"), "MIME_ARCHIVE_IN_ARCHIVE*1");
  EXPECT_EQ(said("a.tar.gz"), "");
  EXPECT_EQ(said("a.zip.001"), "");
}

}  // namespace
}  // namespace winnow
