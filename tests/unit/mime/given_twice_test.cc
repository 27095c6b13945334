// What a message says twice, and names: both readings of a boundary, other names of a part, what
// stands with encoded data as UTF-8.
#include <gtest/gtest.h>

#include "tests/unit/mime/parsed.h"

namespace winnow {
namespace {

struct Row {
  std::string_view name;
  std::string input;
  std::string_view expected;
  std::string_view faults;
};

constexpr std::string_view kTwo = "\n\n--a\n\none\n--b\n\ntwo\n--b--\n--a--\n";
constexpr std::string_view kBoth = "MIME_AMBIGUOUS MIME_PARAMETER_BROKEN";

const Row kBoundaries[] = {
    {"two plain ones", "Content-Type: multipart/mixed; boundary=a; boundary=b" + std::string(kTwo),
     "0 multipart/mixed\n1 text/plain [one\n--b\n\ntwo\n--b--] missing\n"
     "1 text/plain [two] missing second\n",
     kBoth},
    {"plain and extended",
     "Content-Type: multipart/mixed; boundary=a; boundary*=us-ascii''b" + std::string(kTwo),
     "0 multipart/mixed\n1 text/plain [two] missing\n"
     "1 text/plain [one\n--b\n\ntwo\n--b--] missing second\n",
     kBoth},
    {"plain and in sections",
     "Content-Type: multipart/mixed; boundary=a; boundary*0=b" + std::string(kTwo),
     "0 multipart/mixed\n1 text/plain [two] missing\n"
     "1 text/plain [one\n--b\n\ntwo\n--b--] missing second\n",
     kBoth},
    {"the same twice",
     "Content-Type: multipart/mixed; boundary=b; boundary=b\n\n--b\n\ntwo\n--b--\n",
     "0 multipart/mixed\n1 text/plain [two] missing\n", "MIME_PARAMETER_BROKEN"},
};

const Row kNames[] = {
    {"two parameters",
     "Content-Type: a/b\nContent-Disposition: attachment; filename=x.txt; filename=x.exe\n\nx",
     "0 a/b [x] x.txt or x.exe\n", "MIME_PARAMETER_BROKEN"},
    {"plain and extended",
     "Content-Type: a/b\nContent-Disposition: attachment; filename=x.exe; "
     "filename*=utf-8''x.txt\n\nx",
     "0 a/b [x] x.txt or x.exe\n", ""},
    {"a fallback for old readers",
     "Content-Type: a/b\nContent-Disposition: attachment; filename=\"_.TXT\"; "
     "filename*=utf-8''%C3%A4.txt\n\nx",
     "0 a/b [x] \xc3\xa4.txt\n", ""},
    {"two dispositions",
     "Content-Type: a/b\nContent-Disposition: attachment; filename=x.txt\n"
     "Content-Disposition: attachment; filename=x.exe\n\nx",
     "0 a/b [x] x.txt or x.exe\n", ""},
    {"disposition and type",
     "Content-Type: a/b; name=\"x.exe. \"\nContent-Disposition: attachment; filename=x.txt\n\nx",
     "0 a/b [x] x.txt or x.exe. \n", ""},
    {"a name without an extension is no other",
     "Content-Type: a/b; name=x\nContent-Disposition: attachment; filename=x.txt\n\nx",
     "0 a/b [x] x.txt\n", ""},
    {"quotes inside",
     "Content-Type: a/b\nContent-Disposition: attachment; filename=\"x.txt \"y\" z.exe\"\n\nx",
     "0 a/b [x] x.txt \"y\" z.exe or x.txt \n", "MIME_PARAMETER_BROKEN"},
    {"type and uuencoded body",
     "Content-Type: a/b; name=x.dat\nContent-Transfer-Encoding: x-uuencode\n\n"
     "begin 100644 y.scr\n#0V%T\n`\nend\n",
     "0 a/b [Cat] x.dat or y.scr\n", ""},
    {"names of uuencoded blocks are UTF-8",
     "Subject: x\n\nbegin 644 \xe9.txt\n#0V%T\n`\nend\n"
     "begin 644 =?utf-8?q?=C3=A9?=.exe\n#0V%T\n`\nend\n",
     "0 text/plain [begin 644 \xe9.txt\n#0V%T\n`\nend\n"
     "begin 644 =?utf-8?q?=C3=A9?=.exe\n#0V%T\n`\nend\n] missing\n"
     "1 application/octet-stream [Cat] virtual \xc3\xa9.txt\n"
     "1 application/octet-stream [Cat] virtual \xc3\xa9.exe\n",
     ""},
};

void expect_trees(std::span<const Row> rows) {
  Parsed parsed;
  for (const Row& row : rows) {
    EXPECT_EQ(parsed.tree(row.input), row.expected) << row.name;
    std::string faults = parsed.faults();
    constexpr std::string_view kDuplicate = "HEADER_DUPLICATE";
    if (const size_t at = faults.find(kDuplicate); at != std::string::npos)
      faults.erase(at, kDuplicate.size());
    EXPECT_EQ(faults, row.faults) << row.name;
    EXPECT_EQ(parsed.problem(), "") << row.name;
  }
}

TEST(GivenTwice, both_boundaries_are_read) { expect_trees(kBoundaries); }

TEST(GivenTwice, a_name_of_another_extension_is_kept) { expect_trees(kNames); }

// A TNEF stream with one attachment named "\xe4.txt" in Windows code page 1251.
TEST(GivenTwice, names_in_tnef_are_of_its_code_page) {
  Parsed parsed;
  parsed.tree(
      "Content-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\n"
      "eJ8+IgEAAQeQBgAIAAAA4wQAAAAAAAAAAAICkAYADgAAAAAAAAAAAAAAAAAAAAAAAAACEIABAAYAAADk"
      "LnR4dAAAAAIPgAYAAwAAAENhdAAA\n");
  const std::span<const Part> parts = parsed.batch.parts.row(0);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[1].filename, "\xd0\xb4.txt");
  EXPECT_EQ(parts[1].decoded, "Cat");
}

// CMS SignedData around "Subject: x\n\nhi", without signers.
TEST(GivenTwice, signed_data_is_known_by_its_name) {
  constexpr std::string_view kBody =
      "\nContent-Transfer-Encoding: base64\n\n"
      "MDMGCSqGSIb3DQEHAqAmMCQCAQExADAdBgkqhkiG9w0BBwGgEAQOU3ViamVjdDogeAoKaGk=\n";
  Parsed parsed;
  for (const std::string_view type :
       {"application/pkcs7-mime", "application/octet-stream; name=smime.P7M"}) {
    parsed.tree("Content-Type: " + std::string(type) + std::string(kBody));
    ASSERT_EQ(parsed.batch.parts.row(0).size(), 2u) << type;
    EXPECT_EQ(parsed.batch.parts.row(0)[1].decoded, "hi") << type;
  }
  parsed.tree("Content-Type: application/octet-stream; name=x.bin" + std::string(kBody));
  EXPECT_EQ(parsed.batch.parts.row(0).size(), 1u);
}

}  // namespace
}  // namespace winnow
