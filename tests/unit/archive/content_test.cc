#include "engine/content/content.h"

#include <gtest/gtest.h>

#include "engine/content/detect.h"
#include "engine/content/image_size.h"
#include "tests/unit/archive/make_archive.h"

namespace winnow {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using namespace test;

std::string padded(std::string head, size_t at, const std::string& what) {
  head.resize(at, '\0');
  return head + what;
}

// A compound file with one directory sector of one named stream.
std::string ole(const std::string& stream) {
  std::string out = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"s;
  out.resize(30, '\0');
  put(out, 9, 2);
  out.resize(48, '\0');
  put(out, 0, 4);
  out.resize(76, '\0');
  put(out, 0xFFFFFFFF, 4);
  out.resize(512, '\0');
  for (const char c : stream) put(out, static_cast<uint8_t>(c), 2);
  out.resize(512 + 64, '\0');
  put(out, stream.size() * 2 + 2, 2);
  out.resize(1024, '\0');
  return out;
}

TEST(Detect, HtmlByItsTags) {
  struct Row {
    std::string text;
    bool html;
  };
  const std::string four = "<p>a<A HREF=x>b<div>c<span\n>d";
  const Row rows[] = {
      {"", false},
      {"plain words", false},
      {"<html>one tag may be quoted", false},
      {"hello <HTML lang=en><p>x", true},
      {"<!DOCTYPE html><a href=x>", true},
      {"<!doctype html>", false},
      {"<html><head>x", false},
      {"<body><p>x", false},
      {"<body><p>x<p>y", true},
      {"<table><script>", true},
      {"<p>x<p>y<p>z", false},
      {four, true},
      {"<pre><article><bodyx><tablet><htmlx>", false},
      {"to <a@b.example>, <p@b.example>, <div@b.example>, <span@b.example>", false},
      {"<p/><p/><p/><p/>", true},
      {"<p><p><p><p", false},
      {std::string(4096 - four.size(), 'x') + four, true},
      {std::string(4097 - four.size(), 'x') + four, true},  // the last tag's name and blank fit
      {std::string(4102 - four.size(), 'x') + four, false},
  };
  for (const Row& row : rows) EXPECT_EQ(looks_like_html(row.text), row.html) << row.text;
}

TEST(Detect, Types) {
  std::string pe = padded("MZ", 60, "\x40\0\0\0"s) + "PE\0\0"s;
  pe.resize(0x40 + 22, '\0');
  struct Row {
    std::string bytes;
    const char* filename;
    const char* extension;
    const char* type;
  };
  const Row rows[] = {
      {"", "", "", ""},
      {"%PDF-1.4", "", "pdf", "application/pdf"},
      {"junk before\n%PDF-1.4", "", "pdf", "application/pdf"},
      {"\x89PNG\r\n\x1A\n", "", "png", "image/png"},
      {"\xFF\xD8\xFF\xE0", "x.txt", "jpg", "image/jpeg"},
      {"GIF89a", "", "gif", "image/gif"},
      {"RIFF\0\0\0\0WEBP"s, "", "webp", "image/webp"},
      {"\0\0\0\x18"
       "ftypisom"s,
       "", "mp4", "video/mp4"},
      {"\x7F"
       "ELF",
       "", "elf", "application/x-executable"},
      {pe + "\2\0"s, "", "exe", "application/x-msdownload"},
      {pe + "\2\x20"s, "", "dll", "application/x-msdownload"},
      {"MZ", "", "exe", "application/x-dosexec"},
      {"\xCA\xFE\xBA\xBE\0\0\0\x34\0"s, "", "class", "application/java-vm"},
      {"\xCA\xFE\xBA\xBE\0\0\0\2\0"s, "", "macho", "application/x-mach-binary"},
      {"L\0\0\0\1\x14\2\0"s, "", "lnk", "application/x-ms-shortcut"},
      {"ITSF\3\0\0\0"s, "", "chm", "application/vnd.ms-htmlhelp"},
      {"{\\rtf1", "", "rtf", "application/rtf"},
      {"MSCF\0\0\0\0"s, "", "cab", "application/vnd.ms-cab-compressed"},
      {rar5(""), "", "rar", "application/x-rar"},
      {padded("", 257, "ustar"), "", "tar", "application/x-tar"},
      {padded("", 32769, "CD001"), "", "iso", "application/x-iso9660-image"},
      {make_zip({{"a", "x"}}), "", "zip", "application/zip"},
      {make_zip({{"[Content_Types].xml", ""}, {"word/document.xml", ""}}), "", "docx",
       "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
      {make_zip({{"word/document.xml", ""}, {"word/vbaProject.bin", ""}}), "", "docm",
       "application/vnd.ms-word.document.macroenabled.12"},
      {make_zip({{"xl/workbook.xml", ""}}, false), "", "xlsx",
       "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
      {make_zip({{"mimetype", "application/vnd.oasis.opendocument.text"}}), "", "odt",
       "application/vnd.oasis.opendocument.text"},
      {make_zip({{"META-INF/MANIFEST.MF", ""}}), "", "jar", "application/java-archive"},
      {make_zip({{"META-INF/MANIFEST.MF", ""}, {"AndroidManifest.xml", ""}}), "", "apk",
       "application/vnd.android.package-archive"},
      {ole("WordDocument"), "", "doc", "application/msword"},
      {ole("Workbook"), "", "xls", "application/vnd.ms-excel"},
      {ole("PowerPoint Document"), "", "ppt", "application/vnd.ms-powerpoint"},
      {ole("__properties_version1.0"), "", "msg", "application/vnd.ms-outlook"},
      {ole("x"), "", "ole", "application/x-ole-storage"},
      {"\x78\x9F\x3E\x22\1"s, "", "tnef", "application/ms-tnef"},
      {"\x30\x82\x10\1\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02", "", "p7s",
       "application/pkcs7-signature"},
      {"\x30\x80\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03", "", "p7m", "application/pkcs7-mime"},
      {"\r\n<style>b{}</style>", "", "html", "text/html"},
      {"[InternetShortcut]\r\n", "", "url", "application/x-mswinurl"},
      {"hello", "", "txt", "text/plain"},
      {"BM is a text", "", "txt", "text/plain"},
      {"BM\x36\4\0\0"s, "", "bmp", "image/bmp"},
      {" <!DOCTYPE HTML>", "x.txt", "html", "text/html"},
      {"\xEF\xBB\xBF<html>", "", "html", "text/html"},
      {"<?xml version='1.0'?><svg>", "", "svg", "image/svg+xml"},
      {"<?xml version='1.0'?><a>", "", "xml", "text/xml"},
      {"BEGIN:VCALENDAR\r\n", "", "ics", "text/calendar"},
      {"BEGIN:VCARD\r\n", "", "vcf", "text/vcard"},
      {"#!/bin/sh\n", "", "sh", "text/x-shellscript"},
      {"#!//:\xFD", "x.js", "sh", "text/x-script"},
      {"WScript.Echo 1", "x.VBS", "vbs", "text/vbscript"},
      {"var x", "a.b.js", "js", "application/javascript"},
      {"\1\2\3\4\5", "x.js", "", ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.bytes.substr(0, 20) + " " + row.type);
    const DetectedType type = detect_type(row.bytes, row.filename);
    EXPECT_EQ(type.extension, row.extension);
    EXPECT_EQ(type.type, row.type);
    EXPECT_NE(extension_fit(type.extension, type.type), ExtensionFit::kDiffers);
  }
}

TEST(Extensions, Fit) {
  EXPECT_EQ(extension_fit("PDF", "application/pdf"), ExtensionFit::kFits);
  EXPECT_EQ(extension_fit("pdf", "Application/X-Pdf"), ExtensionFit::kFits);
  EXPECT_EQ(extension_fit("pdf", "image/png"), ExtensionFit::kDiffers);
  EXPECT_EQ(extension_fit("nosuch", "image/png"), ExtensionFit::kUnknownExtension);
  EXPECT_EQ(extension_fit("", ""), ExtensionFit::kUnknownExtension);
  EXPECT_EQ(type_of_extension("zst"), "application/zstd");
  EXPECT_EQ(type_of_extension("7Z"), "application/x-7z-compressed");
}

TEST(Content, PartsAreReadAsWhatOpensThem) {
  struct Row {
    const char *type, *subtype;
    PartKind before, after;
    std::string bytes = "See\n<html><a href=x>this</a>";
    const char *filename = "", *other_filename = "";
  };
  const std::string quoted = "See\n+<html>\n <body>\n> <a href=x>this</a>";
  const std::string calendar = "BEGIN:VCALENDAR\r\n", card = "begin:vcard\r\n";
  const PartKind text = PartKind::kText, html = PartKind::kHtml, other = PartKind::kOther;
  const Row rows[] = {
      {"text", "plain", text, html},
      {"text", "csv", text, html},
      {"application", "octet-stream", other, html},
      {"image", "png", other, html},
      {"text", "html", html, html},
      {"text", "calendar", text, text},
      {"application", "pdf", other, other},
      // A text that quotes a page is none; what opens a file goes by its bytes.
      {"text", "plain", text, text, quoted},
      {"text", "x-patch", text, text, quoted, "a.patch"},
      {"text", "plain", text, html, "\xEF\xBB\xBF \r\n<html><a href=x>this</a>"},
      {"application", "octet-stream", other, html, quoted},
      // Names under which a page is opened, behind whatever stands above it.
      {"application", "octet-stream", other, html, "<form>", "a.html"},
      {"application", "octet-stream", other, html, std::string(5000, ' ') + "<p>", "a.HTM"},
      {"application", "octet-stream", other, html, "\xFF\xFE<\0p\0"s, "a.shtml"},
      {"application", "octet-stream", other, html, "<p>", "a.txt", "a.xhtml"},
      {"text", "plain", text, html, "words", "a.html. "},
      {"application", "octet-stream", other, other, "<form>", "a.txt"},
      {"application", "octet-stream", other, other, "GIF89a", "a.html"},
      {"application", "pdf", other, other, "<form>", "a.html"},
      // Calendars and cards are texts whatever they are called.
      {"application", "ics", other, text, calendar, "a.ics"},
      {"application", "octet-stream", other, text, card},
      {"application", "ics", other, other, "words", "a.ics"},
  };
  for (const Row& row : rows) {
    Batch batch;
    batch.add("", 0, Envelope(), {});
    Part part;
    part.type = row.type;
    part.subtype = row.subtype;
    part.kind = row.before;
    part.decoded = row.bytes;
    part.filename = row.filename;
    part.other_filename = row.other_filename;
    batch.parts.values.push_back(part);
    batch.parts.end_row();
    const Limits limits;
    content({&limits}, batch);
    EXPECT_EQ(batch.parts.row(0)[0].kind, row.after)
        << row.type << '/' << row.subtype << ' ' << row.filename << ' ' << row.bytes;
  }
}

TEST(Content, FillsPartsAndArchives) {
  const std::string zip = make_zip({{"a.exe", "MZ"}});
  const std::string docx = make_zip({{"word/document.xml", ""}});
  Batch batch;
  for (int row = 0; row < 2; ++row) {
    batch.add("", 0, Envelope(), {});
    Part root;
    root.kind = PartKind::kMultipart;
    Part text, file, office;
    text.decoded = "hello";
    file.decoded = zip;
    file.kind = office.kind = PartKind::kOther;
    file.filename = "a.zip";
    office.decoded = docx;
    for (const Part& part : {root, text, file, office}) batch.parts.values.push_back(part);
    batch.parts.end_row();
  }
  const Limits limits;
  content({&limits}, batch);
  ASSERT_EQ(batch.archives.rows(), 2u);
  for (uint32_t row = 0; row < 2; ++row) {
    const auto parts = batch.parts.row(row);
    EXPECT_EQ(parts[0].detected.type, "");
    EXPECT_EQ(parts[1].detected.type, "text/plain");
    EXPECT_EQ(parts[2].detected.type, "application/zip");
    EXPECT_EQ(parts[3].detected.extension, "docx");
    ASSERT_EQ(batch.archives.row(row).size(), 1u);
    EXPECT_EQ(parts[2].archive, 0u);
    EXPECT_EQ(parts[3].archive, kNoIndex);
    EXPECT_EQ(batch.archives.row(row)[0].part, 2u);
    ASSERT_EQ(batch.archive_members.row(row).size(), 1u);
    EXPECT_EQ(batch.archive_members.row(row)[0].name, "a.exe");
  }
}

TEST(Content, ZipsBehindJunkAreListedWhereTheyArePromised) {
  struct Row {
    const char *name, *type, *subtype, *filename;
    bool listed;
    std::string junk = "PK junk";
  };
  const Row rows[] = {
      {"type", "application", "zip", "", true},
      {"Windows' type", "application", "x-zip-compressed", "a", true},
      {"another type of ZIPs", "application", "x-zip", "a", true},
      {"name", "application", "octet-stream", "a.ZIP", true},
      {"gzip's beginning", "application", "zip", "a", true, "\x1F\x8B\x08\0filler"s},
      {"RAR's beginning", "application", "octet-stream", "a.zip", true, "Rar!\x1A\7\0"s},
      {"7z's beginning", "application", "zip", "a.zip", true, "7z\xBC\xAF\x27\x1C"s},
      {"gzip, as it says", "application", "gzip", "a.gz", false, "\x1F\x8B\x08\0filler"s},
      {"another type", "text", "zip", "", false},
      {"another name", "application", "octet-stream", "a.zip.bin", false},
  };
  for (const Row& row : rows) {
    const std::string bytes = row.junk + make_zip({{"a.exe", "MZ"}});
    Batch batch;
    batch.add("", 0, Envelope(), {});
    Part part;
    part.kind = PartKind::kOther;
    part.type = row.type;
    part.subtype = row.subtype;
    part.filename = row.filename;
    part.decoded = bytes;
    batch.parts.values.push_back(part);
    batch.parts.end_row();
    const Limits limits;
    content({&limits}, batch);
    const auto members = batch.archive_members.row(0);
    EXPECT_EQ(members.size() == 1 && members[0].name == "a.exe", row.listed) << row.name;
  }
}

TEST(Content, DrawingsThatAreOpenedAsPages) {
  struct Row {
    const char *name, *type, *subtype, *filename, *bytes;
    bool attached, svg;
  };
  const Row rows[] = {
      {"bytes", "image", "png", "", "<svg>", false, true},
      {"bytes behind XML's line", "application", "octet-stream", "", "<?xml?><svg>", false, true},
      {"type", "image", "svg+xml", "", "<!-- long comment --><svg>", false, true},
      {"name", "application", "octet-stream", "a.SVG", "<!-- long comment --><svg>", true, true},
      {"UTF-16", "application", "octet-stream", "a.svg", "\xFF\xFE<", true, true},
      {"XML attached", "text", "xml", "a.xml", "<svg>", true, true},
      {"XML that a reader shows", "text", "xml", "a.xml", "<svg>", false, false},
      {"text that a reader shows", "text", "plain", "", "<svg> is a tag", false, false},
      {"another image", "image", "svg+xml", "a.svg", "GIF89a", true, false},
      {"a page", "image", "svg+xml", "a.svg", "<html><body><p>", true, false},
      {"another name", "application", "octet-stream", "a.xml", "<?xml?><a>", true, false},
  };
  for (const Row& row : rows) {
    Batch batch;
    batch.add("", 0, Envelope(), {});
    Part part;
    part.kind = row.type == "text"sv ? PartKind::kText : PartKind::kOther;
    part.type = row.type;
    part.subtype = row.subtype;
    part.filename = row.filename;
    part.decoded = row.bytes;
    if (row.attached) part.flags = static_cast<uint16_t>(PartFlag::kAttachment);
    batch.parts.values.push_back(part);
    batch.parts.end_row();
    const Limits limits;
    content({&limits}, batch);
    EXPECT_EQ(is_svg_page(batch.parts.row(0)[0]), row.svg) << row.name;
  }
}

// "WxH", or nothing.
std::string size_of(const std::string& bytes) {
  const std::optional<ImageSize> size = image_size(bytes);
  return size ? std::to_string(size->width) + "x" + std::to_string(size->height) : "";
}

TEST(Content, SizesOfImages) {
  const std::string png = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\2\x58\0\0\1\x90"s;
  const std::string gif = "GIF89a\x58\2\x90\1"s;
  const std::string frame = "\xFF\xC2\0\x11\x08\1\x90\2\x58\3"s;
  const std::string jpeg = "\xFF\xD8\xFF\xE0\0\4ab\xFF\xC4\0\3x\xFF"s + frame;
  const std::string bmp = padded("BM", 14, "\x28\0\0\0\x58\2\0\0\x90\1\0\0"s);
  for (const std::string& bytes : {png, gif, jpeg, bmp}) {
    EXPECT_EQ(size_of(bytes), "600x400");
    // A byte less: what ends in its header has no size. JPEG's frame has one byte to spare.
    EXPECT_EQ(size_of(bytes.substr(0, bytes.size() - (bytes == jpeg ? 2 : 1))), "") << bytes;
  }
  EXPECT_EQ(size_of(padded("BM", 14, "\x28\0\0\0\2\0\0\0\xFF\xFF\xFF\xFF"s)), "2x1");
  EXPECT_EQ(size_of("\xFF\xD8\xFF\xDA\0\2"s + frame), "");  // pixels before any frame
  EXPECT_EQ(size_of("\xFF\xD8\xFF\xE0\0\1"s + frame), "");  // a segment shorter than itself
  std::string segments = "\xFF\xD8"s;
  for (int i = 0; i < 255; ++i) segments += "\xFF\xE0\0\2"s;
  EXPECT_EQ(size_of(segments + frame), "600x400");
  EXPECT_EQ(size_of(segments + "\xFF\xE0\0\2"s + frame), "");  // beyond the limit
  EXPECT_EQ(size_of("hello, this is a text of some length"), "");
  EXPECT_EQ(size_of(""), "");
}

}  // namespace
}  // namespace winnow
