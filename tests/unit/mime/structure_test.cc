#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/mime/parsed.h"

namespace winnow {
namespace {

struct Row {
  const char* name;
  std::string input;     // LF; run as CRLF too
  std::string expected;  // tree()
  std::string faults;    // symbols, blank between; "" = none
};

const Row kRows[] = {
    {"empty", "", "0 text/plain [] missing\n", "MESSAGE_EMPTY"},
    {"headers only", "Subject: x\n", "0 text/plain [] missing\n", ""},
    {"plain text", "Content-Type: text/plain\n\nhello\n", "0 text/plain [hello\n]\n", ""},
    {"two parts",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: "
     "text/html\n\n<p>\n\n--b--\n",
     "0 multipart/mixed\n1 text/plain [one] missing\n1 text/html [<p>\n]\n", ""},
    {"trailing blanks and quoted boundary",
     "Content-Type: multipart/mixed; boundary=\"b c\"\n\n--b c \t\n\none\n--b c-- \n",
     "0 multipart/mixed\n1 text/plain [one] missing\n", ""},
    {"look-alikes",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n --b\n---b\n--a\n-- \n--b--\n",
     "0 multipart/mixed\n1 text/plain [ --b\n---b\n--a\n-- ] missing\n", ""},
    {"nested, the inner boundary begins as the outer one",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; "
     "boundary=b1\n\n--b1\n\nx\n--b1--\n--b\n\ny\n--b--\n",
     "0 multipart/mixed\n1 multipart/alternative\n2 text/plain [x] missing\n1 text/plain [y] "
     "missing\n",
     ""},
    {"no part between two delimiters",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\nx\n--b--\n",
     "0 multipart/mixed\n1 text/plain [x] missing\n", ""},
    {"empty part", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\n",
     "0 multipart/mixed\n1 text/plain [] missing\n", ""},
    {"not closed", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\ny",
     "0 multipart/mixed cut\n1 text/plain [x\ny] missing\n", "MIME_BOUNDARY_UNCLOSED"},
    {"inner one not closed: the outer delimiter ends it",
     "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; "
     "boundary=i\n\n--i\n\nx\n--o\n\ny\n--o--\n",
     "0 multipart/mixed\n1 multipart/mixed cut\n2 text/plain [x] missing\n1 text/plain [y] "
     "missing\n",
     "MIME_BOUNDARY_UNCLOSED"},
    {"inner and outer share a boundary",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; "
     "boundary=b\n\n--b\n\nx\n--b--\n",
     "0 multipart/mixed\n1 multipart/mixed\n1 text/plain [x] missing\n",
     "MIME_AMBIGUOUS "
     "MIME_BOUNDARY_UNCLOSED"},
    {"no boundary parameter: guessed",
     "Content-Type: multipart/mixed\n\n--zz\nContent-Type: text/html\n\n<p>\n--zz--\n",
     "0 multipart/mixed\n1 text/html [<p>]\n", "MIME_AMBIGUOUS MIME_BOUNDARY_MISSING"},
    {"another boundary than said: guessed",
     "Content-Type: multipart/mixed; boundary=zz_\n\n--zz\nContent-Type: "
     "text/html\n\n<p>\n--zz--\n",
     "0 multipart/mixed\n1 text/html [<p>]\n", "MIME_AMBIGUOUS MIME_BOUNDARY_UNCLOSED"},
    {"no boundary and none to guess", "Content-Type: multipart/mixed\n\njust text\n",
     "0 multipart/mixed\n1 text/plain [just text\n] virtual second\n",
     "MIME_AMBIGUOUS MIME_BOUNDARY_MISSING"},
    {"preamble with the usual sentence",
     "Content-Type: multipart/mixed; boundary=b\n\nThis is a multi-part message in MIME "
     "format.\n--b\n\nx\n--b--\n",
     "0 multipart/mixed\n1 text/plain [x] missing\n", ""},
    {"preamble and epilogue with links",
     "Content-Type: multipart/mixed; boundary=b\n\nsee http://a.example/\n--b\n\nx\n--b--\nor "
     "http://b.example/\n",
     "0 multipart/mixed\n1 text/plain [see http://a.example/] virtual second\n1 text/plain [x] "
     "missing\n1 text/plain [or http://b.example/\n] virtual second\n",
     ""},
    {"digest",
     "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: s\n\nx\n--b\nContent-Type: "
     "text/plain\n\ny\n--b--\n",
     "0 multipart/digest\n1 message/rfc822 missing\n2 text/plain [x] missing\n1 text/plain [y]\n",
     ""},
    {"message in base64",
     "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
     "U3ViamVjdDogcwoKaGlkZGVu\n",
     "0 message/rfc822\n1 text/plain [hidden] missing\n", ""},
    {"multipart in base64",
     "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n"
     "LS1iCgpoaWRkZW4KLS1iLS0K\n",
     "0 multipart/mixed\n1 text/plain [hidden] missing\n", ""},
    {"delivery-status is a leaf",
     "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nFinal-Recipient: x\n",
     "0 message/delivery-status [Reporting-MTA: dns; a\n\nFinal-Recipient: x\n]\n", ""},
    {"external-body has headers of its own",
     "Content-Type: message/external-body; access-type=URL; URL=\"http://a/\"\n\nContent-Type: "
     "text/html\n\nphantom\n",
     "0 message/external-body\n1 text/html [phantom\n]\n", ""},
    {"first piece of a cut message",
     "Content-Type: message/partial; number=1; id=x; total=2\n\nSubject: s\n\nx\n",
     "0 message/partial\n1 text/plain [x\n] missing\n", ""},
    {"second piece of a cut message",
     "Content-Type: message/partial; number=2; id=x; total=2\n\nrest\n",
     "0 message/partial [rest\n]\n", ""},
    {"uuencode in text", "Subject: x\n\nhello\nbegin 644 a.txt\n#0V%T\n`\nend\nbye\n",
     "0 text/plain [hello\nbegin 644 a.txt\n#0V%T\n`\nend\nbye\n] missing\n"
     "1 application/octet-stream [Cat] virtual a.txt\n",
     ""},
    {"pgp message in text",
     "Subject: x\n\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n",
     "0 text/plain [-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n] missing "
     "encrypted\n1 application/pgp-encrypted [-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP "
     "MESSAGE-----] virtual encrypted\n",
     ""},
    {"two types: both are read", "Content-Type: text/plain\nContent-Type: text/html\n\n<p>\n",
     "0 text/plain [<p>\n]\n1 text/html [<p>\n] second\n",
     "MIME_AMBIGUOUS "
     "TRANSFER_ENCODING_BROKEN"},
    {"two encodings: both are read",
     "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\nQ2F0\n",
     "0 text/plain [Q2F0\n] missing\n1 text/plain [Cat] missing second\n",
     "MIME_AMBIGUOUS TRANSFER_ENCODING_BROKEN"},
    {"parts after the closing delimiter",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b\n\nhidden\n--b--\n",
     "0 multipart/mixed\n1 text/plain [x] missing\n1 text/plain [hidden] missing second\n",
     "MIME_AMBIGUOUS"},
    {"delimiter with something after it",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b junk\nContent-Transfer-Encoding: "
     "base64\n\nQ2F0\n--b--\n",
     "0 multipart/mixed\n1 text/plain [x\n--b junk\nContent-Transfer-Encoding: base64\n\nQ2F0] "
     "missing\n1 text/plain [x] missing second\n1 text/plain [Cat] missing second\n",
     "MIME_AMBIGUOUS"},
    {"base64 with something after its padding",
     "Content-Transfer-Encoding: base64\n\nQ2E=\nQ2F0*\n",
     "0 text/plain [Ca] missing\n1 text/plain [CaCat] missing second\n",
     "MIME_AMBIGUOUS TRANSFER_ENCODING_BROKEN"},
    {"a line that is no header", "Subject: x\nthis is no header\nX-A: b\n\ntext\n",
     "0 text/plain [text\n] missing\n1 text/plain [this is no header\nX-A: b\n\ntext\n] missing "
     "second\n",
     "BROKEN_HEADERS MIME_AMBIGUOUS"},
    {"no empty line before the body",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n<p>text\n--b--\n",
     "0 multipart/mixed\n1 text/html [<p>text]\n", "HEADER_UNTERMINATED"},
    {"text right below a delimiter",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\njust text here\n\nmore\n--b--\n",
     "0 multipart/mixed\n1 text/plain [just text here\n\nmore] missing\n", "BROKEN_HEADERS"},
    {"a first delimiter without an empty line above it",
     "Content-Type: multipart/mixed; boundary=q\nrubbish\n--q \nContent-Type: "
     "text/html\n\n<p>\n--q--\n",
     "0 multipart/mixed\n1 text/html [<p>]\n", "BROKEN_HEADERS HEADER_UNTERMINATED"},
    {"the same of an inner multipart, above a part without headers",
     "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed;\n "
     "boundary=\"q\"\n--q\n\nx\n--q--\n--o--\n",
     "0 multipart/mixed\n1 multipart/mixed\n2 text/plain [x] missing\n", "HEADER_UNTERMINATED"},
    {"a delimiter of another boundary among the headers",
     "Content-Type: multipart/mixed; boundary=q\n--z\nX: y\n\n--q\n\nx\n--q--\n",
     "0 multipart/mixed\n1 text/plain [x] missing\n", "BROKEN_HEADERS"},
    {"a delimiter above the header that names it",
     "--q\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\nx\n--q--\n",
     "0 multipart/mixed\n1 text/plain [x] missing\n", "BROKEN_HEADERS"},
    {"nothing but a closing delimiter",
     "Content-Type: multipart/mixed; boundary=b\n\nshort\n--b--\n",
     "0 multipart/mixed\n1 text/plain [short] virtual second\n", ""},
    {"mbox line above the headers", "From nobody\nContent-Type: text/html\n\nx\n",
     "0 text/html [x\n]\n", ""},
    {"mbox line and nothing else", "From a@b Mon Jan  1 10:00:00 2001\n",
     "0 text/plain [] missing\n", ""},
    {"mbox line above a text", "From a@b Mon Jan  1 10:00:00 2001\n\nx\n",
     "0 text/plain [x\n] missing\n", ""},
    {"a text that begins as an mbox line", "From now on\nwe write.\n\nx\n",
     "0 text/plain [From now on\nwe write.\n\nx\n] missing\n", "BROKEN_HEADERS"},
    {"mbox lines of an attached message",
     "Content-Type: message/rfc822\n\n>From a@b Mon Jan  1 10:00:00 2001\nContent-Type: "
     "text/html\n\nx\n",
     "0 message/rfc822\n1 text/html [x\n]\n", ""},
    {"text of a part that begins as an mbox line",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\nFrom now on http://a.example/\n\nx\n--b\n"
     ">From now on\ny\n--b--\n",
     "0 multipart/mixed\n1 text/plain [From now on http://a.example/\n\nx] missing\n1 text/plain "
     "[>From now on\ny] missing\n",
     "BROKEN_HEADERS HEADER_UNTERMINATED"},
    {"such a line above a part's headers",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\nFrom now on\nContent-Type: "
     "text/html\n\nx\n--b--\n",
     "0 multipart/mixed\n1 text/html [x]\n1 text/html [From now on\nContent-Type: text/html\n\nx] "
     "second\n",
     "BROKEN_HEADERS MIME_AMBIGUOUS"},
    {"a link in an mbox line above a part's headers",
     "Content-Type: multipart/mixed; boundary=b\n\n--b\nFrom http://a.example/ 1 "
     "10:00\nContent-Type: text/html\n\nx\n--b--\n",
     "0 multipart/mixed\n1 text/html [x]\n2 text/plain [From http://a.example/ 1 10:00\n] virtual "
     "second\n",
     ""},
    {"encoding below a comment", "Content-Transfer-Encoding: (a (b)) (c) base64 (d)\n\nQ2F0\n",
     "0 text/plain [Cat] missing\n", ""},
    {"encoding inside a comment", "Content-Transfer-Encoding: (base64\n\nQ2F0\n",
     "0 text/plain [Q2F0\n] missing\n", "TRANSFER_ENCODING_BROKEN"},
    {"mail under another type, by its name",
     "Content-Type: application/octet-stream; name=a.EML\nContent-Transfer-Encoding: base64\n\n"
     "U3ViamVjdDogeApDb250ZW50LVR5cGU6IHRleHQvaHRtbAoKPHA+Cg==\n",
     "0 application/octet-stream [Subject: x\nContent-Type: text/html\n\n<p>\n] a.EML\n"
     "1 text/html [<p>\n] virtual\n",
     ""},
    {"the second name",
     "Content-Type: text/plain; name=a.mht\nContent-Disposition: attachment; filename=a.txt\n\n"
     "From me Mon Jan  1 10:00:00 2001\nSubject: x\n\ny\n",
     "0 text/plain [From me Mon Jan  1 10:00:00 2001\nSubject: x\n\ny\n] a.txt or a.mht\n"
     "1 text/plain [y\n] missing virtual\n",
     ""},
    {"no header in it", "Content-Type: application/octet-stream; name=a.eml\n\nwords\n",
     "0 application/octet-stream [words\n] a.eml\n", ""},
    {"base64 in other quotes", "Content-Transfer-Encoding: 'base64'\n\nQ2F0\n",
     "0 text/plain [Cat] missing\n", ""},
    {"base64 and a dot", "Content-Transfer-Encoding: base64.\n\nQ2F0\n",
     "0 text/plain [Cat] missing\n", ""},
    {"base64 misspelt", "Content-Transfer-Encoding: base-64\n\nQ2F0\n",
     "0 text/plain [Cat] missing\n", "TRANSFER_ENCODING_BROKEN"},
    {"quoted-printable misspelt", "Content-Transfer-Encoding: Quoted_Printable\n\n=43at\n",
     "0 text/plain [Cat\n] missing\n", "TRANSFER_ENCODING_BROKEN"},
    {"byte order mark",
     "\xEF\xBB\xBF"
     "Content-Type: text/html\n\nx\n",
     "0 text/html [x\n]\n", ""},
};

// Without what the headers' own tests look at.
std::string faults_of(const Parsed& parsed) {
  std::string faults = parsed.faults();
  constexpr std::string_view kDuplicate = "HEADER_DUPLICATE ";
  if (const size_t at = faults.find(kDuplicate); at != std::string::npos)
    faults.erase(at, kDuplicate.size());
  return faults;
}

TEST(Structure, is_what_mail_clients_see_with_lf_and_crlf) {
  Parsed parsed;
  for (const Row& row : kRows) {
    EXPECT_EQ(parsed.tree(row.input), row.expected) << row.name;
    EXPECT_EQ(faults_of(parsed), row.faults) << row.name;
    EXPECT_EQ(parsed.problem(), "") << row.name;
    // Decoded bodies keep their LF; everything else is CRLF now.
    if (row.input.find("base64") != std::string::npos) continue;
    std::string tree = parsed.tree(with_crlf(row.input));
    EXPECT_EQ(without_cr(tree), row.expected) << row.name << " with CRLF";
    EXPECT_EQ(faults_of(parsed), row.faults) << row.name << " with CRLF";
  }
}

TEST(Structure, reports_are_texts) {
  struct KindRow {
    std::string_view type;
    PartKind kind;
  };
  const KindRow rows[] = {
      {"message/rfc822", PartKind::kMessage},
      {"message/rfc2822", PartKind::kMessage},
      {"message/partial; number=1", PartKind::kMessage},
      {"message/partial; number=2", PartKind::kText},
      {"message/delivery-status", PartKind::kText},
      {"message/disposition-notification", PartKind::kText},
      {"message/feedback-report", PartKind::kText},
      {"message/x-unheard-of", PartKind::kText},
  };
  Parsed parsed;
  for (const KindRow& row : rows) {
    parsed.run(fmt::format("Content-Type: {}\n\na: b\n", row.type));
    EXPECT_EQ(parsed.batch.parts.row(0)[0].kind, row.kind) << row.type;
  }
}

TEST(Structure, carriage_returns_alone_end_lines_where_nothing_else_does) {
  Parsed parsed;
  EXPECT_EQ(parsed.tree("Content-Type: multipart/mixed; boundary=b\r\r--b\r\rone\r--b--\r"),
            "0 multipart/mixed\n1 text/plain [one] missing\n");
  EXPECT_EQ(parsed.batch.facts[0].newlines, Newlines::kCr);
}

TEST(Structure, carriage_returns_among_other_line_ends_are_read_both_ways) {
  Parsed parsed;
  EXPECT_EQ(parsed.tree("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\r--b\rContent-"
                        "Type: text/html\r\r<p>\n--b--\n"),
            "0 multipart/mixed\n"
            "1 text/plain [one\r--b\rContent-Type: text/html\r\r<p>] missing\n"
            "1 text/plain [one] missing second\n"
            "1 text/html [<p>] second\n");
  EXPECT_EQ(parsed.faults(), "MIME_AMBIGUOUS NEWLINES_MIXED");
}

TEST(Structure, a_boundary_guessed_at_a_bare_cr_cuts_nothing) {
  Parsed parsed;
  EXPECT_EQ(parsed.tree("Content-Type: multipart/mixed\n\nx\r--zz\rContent-Type: a/b\r\rz\n"),
            "0 multipart/mixed\n"
            "1 text/plain [x\r--zz\rContent-Type: a/b\r\rz\n] virtual second\n"
            "1 a/b [z\n] second\n");
}

TEST(Structure, facts_are_offsets_into_the_message) {
  Parsed parsed;
  parsed.tree("Subject: x\r\n\r\none\r\ntwo");
  const Facts& facts = parsed.batch.facts[0];
  EXPECT_EQ(facts.body_offset, 14u);
  EXPECT_EQ(facts.body_lines, 2u);
  EXPECT_EQ(facts.newlines, Newlines::kCrLf);
}

// --- Limits and hostile input -------------------------------------------------------------------

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Structure, half_of_a_wide_text_is_nul) {
  const std::string text("h\0i\0\n\0", 6);
  for (const auto& [charset, faults] :
       {std::pair{"utf-16le", ""}, {"UTF-16", ""}, {"utf-8", "BODY_NUL"}}) {
    Parsed parsed;
    parsed.tree(fmt::format("Content-Type: text/plain; charset={}\n\n{}", charset, text));
    EXPECT_EQ(parsed.faults(), faults) << charset;
  }
}

TEST(Structure, ten_thousand_parts_end_at_the_limit) {
  Parsed parsed;
  parsed.tree("Content-Type: multipart/mixed; boundary=b\n\n" + repeat("--b\n\nx\n", 10'000) +
              "--b--\n");
  EXPECT_EQ(parsed.batch.parts.row(0).size(), Limits{}.parts_max);
  EXPECT_EQ(parsed.faults(), "LIMIT_PARTS");
  EXPECT_EQ(parsed.problem(), "");
}

TEST(Structure, nesting_five_thousand_deep_ends_at_the_limit) {
  Parsed parsed;
  std::string multiparts;
  for (int i = 0; i < 5000; ++i)
    multiparts += fmt::format("Content-Type: multipart/mixed; boundary=b{}\n\n--b{}\n", i, i);
  parsed.tree(multiparts);
  EXPECT_EQ(parsed.batch.parts.row(0).back().depth, Limits{}.depth_max);
  EXPECT_NE(parsed.faults().find("LIMIT_DEPTH"), std::string::npos);
  EXPECT_EQ(parsed.problem(), "");

  parsed.tree(repeat("Content-Type: message/rfc822\n\n", 5000));
  EXPECT_EQ(parsed.batch.parts.row(0).back().depth, Limits{}.depth_max);
  EXPECT_EQ(parsed.faults(), "LIMIT_DEPTH");
}

TEST(Structure, nesting_without_empty_lines_ends_at_the_limit) {
  Parsed parsed;
  std::string multiparts;
  for (int i = 0; i < 1000; ++i)
    multiparts += fmt::format("Content-Type: multipart/mixed; boundary=b{}\n--b{}\n", i, i);
  parsed.tree(multiparts + "\nx\n");
  EXPECT_EQ(parsed.batch.parts.row(0).back().depth, Limits{}.depth_max);
  EXPECT_NE(parsed.faults().find("LIMIT_DEPTH"), std::string::npos);
  EXPECT_LT(parsed.batch.headers.row(0).size(), 2 * Limits{}.depth_max);
  EXPECT_EQ(parsed.problem(), "");
}

TEST(Structure, text_below_no_header_block_is_all_of_it) {
  Parsed parsed;
  parsed.envelope.headerless = true;
  for (const std::string text : {"Subject: a\n\nb\n", "\n\nSubject: a\n", "\xEF\xBB\xBF\n", ""}) {
    parsed.tree(text);
    ASSERT_EQ(parsed.batch.parts.row(0).size(), 1u);
    EXPECT_EQ(parsed.batch.parts.row(0)[0].decoded, text);
    EXPECT_TRUE(parsed.batch.headers.row(0).empty());
    EXPECT_EQ(parsed.batch.facts[0].body_offset, 0u);
    EXPECT_EQ(parsed.problem(), "");
  }
}

TEST(Structure, a_second_reading_of_such_text_finds_no_header_either) {
  Parsed parsed;
  parsed.envelope.headerless = true;
  parsed.tree("Subject: a\rTo: b\n\nbegin 644 f\n#0V%T\n`\nend\n");
  EXPECT_TRUE(parsed.batch.headers.row(0).empty());
}

TEST(Structure, layers_of_encoding_end_at_their_limit) {
  Parsed parsed;
  parsed.tree(
      repeat("Content-Type: message/rfc822\nContent-Transfer-Encoding: "
             "quoted-printable\n\n",
             50));
  EXPECT_EQ(parsed.faults(), "LIMIT_DEPTH");
  EXPECT_LE(parsed.batch.parts.row(0).size(), 10u);
}

TEST(Structure, a_million_look_alikes_make_no_part) {
  Parsed parsed;
  parsed.tree("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + repeat("--c\n", 1'000'000) +
              "--b--\n");
  EXPECT_EQ(parsed.batch.parts.row(0).size(), 2u);
  EXPECT_EQ(parsed.faults(), "");
}

TEST(Structure, second_readings_are_bounded_too) {
  Parsed parsed;
  std::string all = "Content-Type: multipart/mixed; boundary=b\n\n";
  for (int i = 0; i < 3000; ++i) all += fmt::format("--b\n\nx{}\n--b junk\n\ny{}\n", i, i);
  parsed.tree(all + "--b--\n");
  EXPECT_LE(parsed.batch.parts.row(0).size(), 2 * Limits{}.parts_max);
  EXPECT_EQ(parsed.problem(), "");
}

}  // namespace
}  // namespace winnow
