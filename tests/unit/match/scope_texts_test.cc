#include "engine/match/scope_texts.h"

#include <gtest/gtest.h>

#include "engine/match/pattern.h"
#include "engine/match/utf8_valid.h"
#include "fmt/format.h"
#include "tests/unit/match/mail.h"

namespace winnow {
namespace {

Mail sample() {
  Mail mail;
  mail.raw = "Subject: x\n\nwhole message";
  mail.header_block = "Subject: x\n";
  mail.headers = {{header_id(known::kSubject), "Subject", "sub\nject"},
                  {header_id(known::kContentType), "Content-Type", "text/plain", "", 1}};
  mail.texts = {"one two\nthree\r\nfour\r", "attached"};
  mail.text_flags = {0, static_cast<uint16_t>(TextFlag::kAttached)};
  Url url;
  url.normal = "http://a.example/%C3%A9%0A";
  Url image = url, mailto = url;
  image.flags = static_cast<uint32_t>(UrlFlag::kImage);
  mailto.scheme = UrlScheme::kMailto;
  mail.urls = {image, url, mailto};
  mail.emails = {"user@a.example"};
  mail.filenames = {"", "doc.pdf"};
  mail.members = {"inside.exe"};
  mail.words = {"one", "two", "three"};
  return mail;
}

std::string dump(ScopeKind scope, const Batch& batch, bool attached) {
  std::string out;
  TextRoom room;
  const auto add = [&](uint32_t item, std::string_view text) {
    out += fmt::format("{}[{}]", item, text);
  };
  if (is_word_scope(scope)) {
    each_word(scope, batch, 0, add);
  } else {
    each_text(scope, batch, 0, attached, room, add);
  }
  return out;
}

TEST(ScopeTexts, EachScopeHasItsTexts) {
  MailBatch mails;
  mails.add(sample());
  struct Row {
    ScopeKind scope;
    bool attached;
    std::string_view expected;
  };
  const Row rows[] = {
      {ScopeKind::kAllHeaders, false, "0[Subject: x\n]"},
      {ScopeKind::kBody, false, "0[Subject: x\n\nwhole message]"},
      {ScopeKind::kPart, false, "0[one two\nthree\r\nfour\r]1[attached]"},
      {ScopeKind::kPart, true, "0[one two\nthree\r\nfour\r]1[attached]"},
      {ScopeKind::kRawPart, false, "0[RAW:one two\nthree\r\nfour\r]1[RAW:attached]"},
      {ScopeKind::kSaBody, false, "0[sub ject]1[one two three four ]2[attached]"},
      {ScopeKind::kSaBody, true, "0[sub ject]1[one two three four ]2[attached]"},
      {ScopeKind::kSaRawBody, false, "0[<p>one two\nthree\r\nfour\r</p>]1[<p>attached</p>]"},
      {ScopeKind::kFolded, false, "0[folded one two\nthree\r\nfour\r]1[folded attached]"},
      {ScopeKind::kUrl, false, "1[http://a.example/\xC3\xA9%0A]4[http://a.example/%C3%A9%0A]"},
      {ScopeKind::kEmail, false, "0[user@a.example]"},
      {ScopeKind::kFilename, false, "1[doc.pdf]2[inside.exe]"},
      {ScopeKind::kWord, false, "0[one]1[two]2[three]"},
      {ScopeKind::kStemWord, false, "0[on]1[tw]2[thre]"},
      {ScopeKind::kRawWord, false, "0[one]1[two]2[three]"},
      {ScopeKind::kSelector, false, ""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(dump(row.scope, mails.batch, row.attached), row.expected) << scope_name(row.scope);
  }
}

TEST(ScopeTexts, OfALongAttachmentTheHeadIsSeen) {
  Mail mail = sample();
  mail.texts = {std::string(2 * kAttachedBytesMax, 'b'),
                std::string(kAttachedBytesMax - 1, 'a') + "\u00e9" + "tail"};
  MailBatch mails;
  mails.add(mail);
  const auto sizes = [&](bool attached) {
    TextRoom room;
    std::vector<size_t> found;
    each_text(ScopeKind::kPart, mails.batch, 0, attached, room,
              [&](uint32_t, std::string_view text) { found.push_back(text.size()); });
    return found;
  };
  EXPECT_EQ(sizes(false), (std::vector<size_t>{2 * kAttachedBytesMax, kAttachedBytesMax - 1}));
  EXPECT_EQ(sizes(true), (std::vector<size_t>{2 * kAttachedBytesMax, kAttachedBytesMax + 5}));
}

TEST(ScopeTexts, AHeadEndsBetweenCharacters) {
  EXPECT_EQ(utf8_head("abc", 3), "abc");
  EXPECT_EQ(utf8_head("ab\u20ac", 4), "ab");
  EXPECT_EQ(utf8_head("a\U0001F600", 4), "a");
  // Raw parts may be anything: no more is lost than one character of UTF-8 has.
  EXPECT_EQ(utf8_head(std::string(100, '\x80'), 50).size(), 47u);
}

TEST(ScopeTexts, ANamedLetterIsWhatItsMessageBeginsWith) {
  struct Node {
    uint32_t parent;
    std::string_view subtype;
  };
  struct Row {
    std::string_view name;
    std::vector<Node> nodes;  // the last is the page
    bool letter;
  };
  const Node root{kNoIndex, "mixed"};
  const Row rows[] = {
      {"the message itself", {{kNoIndex, "html"}}, true},
      {"the first part", {root, {0, "html"}}, true},
      {"the second part", {root, {0, "plain"}, {0, "html"}}, false},
      {"a side of an alternative", {{kNoIndex, "alternative"}, {0, "plain"}, {0, "html"}}, true},
      {"a side of the first", {root, {0, "alternative"}, {1, "plain"}, {1, "html"}}, true},
      {"with its pictures",
       {root, {0, "alternative"}, {1, "plain"}, {1, "related"}, {3, "html"}},
       true},
      {"first in the second", {root, {0, "plain"}, {0, "mixed"}, {2, "html"}}, false},
      {"alone in an alternative", {root, {0, "plain"}, {0, "alternative"}, {2, "html"}}, false},
      {"in a message", {root, {0, "plain"}, {0, "rfc822"}, {2, "html"}}, true},
  };
  for (const Row& row : rows) {
    std::vector<Part> parts;
    for (const Node& node : row.nodes) {
      Part& part = parts.emplace_back();
      part.parent = node.parent;
      part.subtype = node.subtype;
      part.kind = node.subtype == "rfc822" ? PartKind::kMessage : PartKind::kMultipart;
    }
    parts.back().kind = PartKind::kHtml;
    parts.back().filename = "page.html";
    EXPECT_EQ(is_named_letter(parts, static_cast<uint32_t>(parts.size() - 1)), row.letter)
        << row.name;
  }
}

TEST(ScopeTexts, TextOfAHitIsWhatThePatternSaw) {
  MailBatch mails;
  mails.add(sample());
  TextRoom room;
  const auto text = [&](ScopeKind scope, uint32_t item) {
    return std::string(scope_text(mails.batch, 0, {scope, item, 0, 0}, room));
  };
  EXPECT_EQ(text(ScopeKind::kSaBody, 0), "sub ject");
  EXPECT_EQ(text(ScopeKind::kSaBody, 1), "one two three four ");
  EXPECT_EQ(text(ScopeKind::kHeader, 0), "sub\nject");
  EXPECT_EQ(text(ScopeKind::kMimeHeader, 1), "text/plain");
  EXPECT_EQ(text(ScopeKind::kFilename, 2), "inside.exe");
  EXPECT_EQ(text(ScopeKind::kWord, 2), "three");
  EXPECT_EQ(text(ScopeKind::kUrl, 1), "http://a.example/\xC3\xA9%0A");
  EXPECT_EQ(text(ScopeKind::kUrl, 99), "");
  EXPECT_EQ(text(ScopeKind::kSaBody, 99), "");
  EXPECT_EQ(text(ScopeKind::kHeader, 99), "");
}

TEST(ScopeTexts, NamesAndTypes) {
  for (std::string_view name : {"header", "raw_header", "mime_header", "all_header", "body", "part",
                                "raw_mime", "sa_body", "sa_raw_body", "url", "email", "words",
                                "raw_words", "stem_words", "selector", "folded", "filename"}) {
    EXPECT_EQ(scope_name(scope_from_name(name)), name);
  }
  EXPECT_EQ(scope_from_name("M"), ScopeKind::kBody);
  EXPECT_EQ(scope_from_name("mime"), ScopeKind::kPart);
  EXPECT_EQ(scope_from_name("no such"), ScopeKind::kNowhere);
}

TEST(Utf8Valid, TellsValidFromBroken) {
  struct Row {
    std::string_view text;
    bool valid;
  };
  const Row rows[] = {
      {"", true},
      {"plain", true},
      {"é€𐍈", true},
      {"0123456789abcdef0123é", true},
      {"0123456789abcdefg\xff", false},
      {"\x80", false},
      {"\xc3", false},
      {"\xc0\xaf", false},      // overlong
      {"\xe0\x80\x80", false},  // overlong
      {"\xe0\xa0\x80", true},
      {"\xed\xa0\x80", false},  // surrogate
      {"\xed\x9f\xbf", true},
      {"\xf0\x80\x80\x80", false},  // overlong
      {"\xf4\x8f\xbf\xbf", true},
      {"\xf4\x90\x80\x80", false},  // over U+10FFFF
      {"\xf5\x80\x80\x80", false},
      {"\xe2\x82", false},
      {"a\xe2\x82z", false},
  };
  for (const Row& row : rows) EXPECT_EQ(is_valid_utf8(row.text), row.valid) << row.text;
}

}  // namespace
}  // namespace winnow
