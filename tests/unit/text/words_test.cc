#include "engine/text/words.h"

#include <gtest/gtest.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/ustring.h>

#include <deque>
#include <random>
#include <string>

#include "engine/match/scope_texts.h"
#include "engine/text/folded_subject.h"
#include "engine/text/texts.h"
#include "engine/text/utf8.h"

namespace winnow {
namespace {

using namespace std::string_view_literals;

struct PartSpec {
  std::string_view charset, decoded;
  PartKind kind = PartKind::kText;
  uint16_t flags = 0;
  std::string_view subtype = "plain";
  uint32_t parent = 0;  // where there is one
};

using Parts = std::vector<PartSpec>;

// A batch of one message whose parts are given as the parse stage leaves them.
class OneMessage {
 public:
  explicit OneMessage(Parts parts, std::string_view parent = "", std::string_view subject = "",
                      std::string_view from = "") {
    batch.add("x", 0, {}, {});
    if (!parent.empty()) {
      Part root;
      root.kind = PartKind::kMultipart;
      root.type = "multipart", root.subtype = parent;
      batch.parts.values.push_back(root);
    }
    for (const PartSpec& spec : parts) {
      Part part;
      part.kind = spec.kind;
      part.parent = parent.empty() ? kNoIndex : spec.parent;
      part.subtype = spec.subtype;
      if (spec.subtype == "svg+xml") part.type = "image", part.detected = {"image/svg+xml", "svg"};
      part.charset = spec.charset, part.decoded = spec.decoded, part.flags = spec.flags;
      batch.parts.values.push_back(part);
    }
    batch.parts.end_row();
    if (!subject.empty()) {
      Header header;
      header.decoded = subject;
      batch.headers.values.push_back(header);
      batch.facts[0].subject = 0;
    }
    batch.headers.end_row();
    if (!from.empty()) {
      Address address;
      address.name = from;
      batch.addresses.values.push_back(address);
    }
    batch.addresses.end_row();
  }
  const Text& text(size_t i = 0) { return batch.texts.row(0)[i]; }
  bool fault(Fault fault) { return batch.facts[0].faults.has(fault); }
  std::string stems(Range range) {
    std::string out;
    for (uint32_t i = range.begin; i < range.end; ++i) {
      const Word& word = batch.words.row(0)[i];
      if (!out.empty()) out += ' ';
      out += word.stem;
      if (word.flags & static_cast<uint8_t>(WordFlag::kStop)) out += '*';
      if (word.flags & static_cast<uint8_t>(WordFlag::kInvisible)) out += '~';
    }
    return out;
  }
  void run(const TextPlan& plan = {}) {
    texts(plan, text_scratch, batch);
    words(plan, word_scratch, batch);
  }

  Batch batch;
  TextScratch text_scratch;
  WordScratch word_scratch{1 << 10};
};

uint16_t flags_of(std::initializer_list<TextFlag> flags) {
  uint16_t out = 0;
  for (const TextFlag flag : flags) out |= static_cast<uint16_t>(flag);
  return out;
}

constexpr std::string_view kRussian = "Добрый день, коммерческое предложение";
constexpr std::string_view kRussianKoi8 =
    "\344\317\302\322\331\312 \304\305\316\330, \313\317\315\315\305\322\336\305\323\313\317\305 "
    "\320\322\305\304\314\317\326\305\316\311\305";
constexpr std::string_view kRussianDos =
    "\204\256\241\340\353\251 \244\245\255\354, \252\256\254\254\245\340\347\245\341\252\256\245 "
    "\257\340\245\244\253\256\246\245\255\250\245";

TEST(Texts, chooses_the_charset) {
  struct Row {
    std::string_view name;
    PartSpec part;
    std::string_view charset, utf8;
    uint16_t flags;
    int fault;  // -1 = none
  };
  using enum TextFlag;
  const Row rows[] = {
      {"declared", {"koi8-r", "\xF0\xD2"}, "koi8-r", "Пр", flags_of({kCharsetDeclared}), -1},
      {"none, ascii", {"", "hi"}, "utf-8", "hi", flags_of({kCharsetGuessed}), -1},
      {"none, utf-8", {"", "h\u00fc"}, "utf-8", "h\u00fc", flags_of({kCharsetGuessed}), -1},
      {"unknown label",
       {"klingon", "hi"},
       "utf-8",
       "hi",
       flags_of({kCharsetGuessed}),
       static_cast<int>(Fault::kCharsetUnknown)},
      {"ascii that is utf-8",
       {"us-ascii", "h\u00fc"},
       "utf-8",
       "h\u00fc",
       flags_of({kCharsetGuessed}),
       static_cast<int>(Fault::kCharsetWrong)},
      {"a mark of UTF-8 beats the label",
       {"koi8-r", "\xEF\xBB\xBFh\u00fc"},
       "utf-8",
       "h\u00fc",
       flags_of({kCharsetGuessed}),
       static_cast<int>(Fault::kCharsetWrong)},
      {"a mark of UTF-16 beats the label",
       {"iso-8859-1", "\xFF\xFEh\0\xFC\0"sv},
       "utf-16le",
       "h\u00fc",
       flags_of({kCharsetGuessed}),
       static_cast<int>(Fault::kCharsetWrong)},
      {"a mark of the other byte order",
       {"utf-16be", "\xFF\xFEh\0"sv},
       "utf-16le",
       "h",
       flags_of({kCharsetGuessed}),
       static_cast<int>(Fault::kCharsetWrong)},
      {"a mark under a label of its own",
       {"utf-16", "\xFE\xFF\0h"sv},
       "utf-16",
       "h",
       flags_of({kCharsetDeclared}),
       -1},
      {"a mark before what is not in its charset",
       {"windows-1251", "\xEF\xBB\xBF\xCF\xF0\xE8"},
       "windows-1251",
       "п»ї\u041f\u0440\u0438",
       flags_of({kCharsetDeclared}),
       -1},
      {"utf-8 that is latin",
       {"utf-8",
        "Sch\xF6ne Gr\xFC\xDF"
        "e aus M\xFCnchen, wir w\xFCnschen f\xFCr das Jahr Gl\xFC"
        "ck"},
       "windows-1252",
       "Schöne Grüße aus München, wir wünschen für das Jahr Glück",
       flags_of({kCharsetGuessed}),
       static_cast<int>(Fault::kCharsetWrong)},
      {"the first guess does not fit",
       {"utf-8", kRussianKoi8},
       "koi8-r",
       kRussian,
       flags_of({kCharsetGuessed}),
       static_cast<int>(Fault::kCharsetWrong)},
      {"Cyrillic of DOS", {"", kRussianDos}, "ibm866", kRussian, flags_of({kCharsetGuessed}), -1},
      {"not in UTF-16 without a NUL",
       {"",
        "Ger\xE7"
        "ek adres"},
       "windows-1252",
       "Gerçek adres",
       flags_of({kCharsetGuessed}),
       -1},
      {"broken UTF-8",
       {"", "h\u00fcgel gr\u00fc\u00df\xC3 "},
       "utf-8",
       "h\u00fcgel gr\u00fc\u00df\ufffd ",
       flags_of({kCharsetGuessed}),
       static_cast<int>(Fault::kUnicodeBad)},
      {"in no charset",
       {"utf-8", "x \x81"},
       "windows-1252",
       "x \xC2\x81",
       flags_of({kCharsetGuessed, kRaw}),
       static_cast<int>(Fault::kCharsetWrong)},
  };
  for (const Row& row : rows) {
    OneMessage message(Parts{row.part});
    message.run();
    EXPECT_EQ(message.text().charset, row.charset) << row.name;
    EXPECT_EQ(message.text().utf8, row.utf8) << row.name;
    EXPECT_EQ(message.text().flags, row.flags) << row.name;
    if (row.fault >= 0)
      EXPECT_TRUE(message.fault(static_cast<Fault>(row.fault))) << row.name;
    else
      EXPECT_FALSE(message.batch.facts[0].faults.any()) << row.name;
    EXPECT_EQ(message.batch.parts.row(0)[0].text, 0u);
  }
}

TEST(Texts, counts) {
  OneMessage message(Parts{{"utf-8", "Hello  World 42\r\n\r\n \u00c4\u4e2d x\u00a0y\nend"}});
  message.run();
  const Text& text = message.text();
  EXPECT_EQ(text.lines, 4u);
  EXPECT_EQ(text.empty_lines, 1u);
  EXPECT_EQ(text.spaces, 5u);
  EXPECT_EQ(text.double_spaces, 1u);
  EXPECT_EQ(text.non_ascii, 3u);
  EXPECT_EQ(text.letters, 17u);
  EXPECT_EQ(text.capitals, 3u);
  EXPECT_EQ(text.digits, 2u);
}

TEST(Texts, counters_do_not_overflow) {
  const std::string many(100'003, 'Q');
  OneMessage message(Parts{{"", many}});
  message.run();
  EXPECT_EQ(message.text().letters, many.size());
  EXPECT_EQ(message.text().capitals, many.size());
}

TEST(Texts, bad_unicode_is_hidden_between_letters) {
  struct Row {
    std::string_view text;
    bool bad, zero_width;
  };
  const Row rows[] = {
      {"vi\u200bagra", true, true},        {"a \u200b b", false, true},
      {"\u200c\u00a0\u200c", false, true}, {"x\u202ey", true, true},
      {"\u0645\u200c\u0646", false, true}, {"plain", false, false},
      {"\u0440\u200d\u0430", true, true},  {"bad \ufffd", true, false},
      {"a\u200b\u200bb", true, true},      {"a\u200b.b", false, true},
  };
  for (const Row& row : rows) {
    OneMessage message(Parts{{"utf-8", row.text}});
    message.run();
    EXPECT_EQ(message.fault(Fault::kUnicodeBad), row.bad) << row.text;
    EXPECT_EQ((message.text().flags & flags_of({TextFlag::kZeroWidth})) != 0, row.zero_width)
        << row.text;
  }
}

TEST(Texts, are_cut_at_their_limit_between_characters) {
  TextPlan plan;
  plan.limits.text_bytes_max = 10;
  for (const std::string_view body : {"123456789\u00fc", "12345678\u4e2d\u4e2d",
                                      "1234567\U0001F600\U0001F600", "1234567890", "12345678901"}) {
    OneMessage message(Parts{{"utf-8", body}});
    message.run(plan);
    EXPECT_TRUE(is_utf8(message.text().utf8));
    EXPECT_LE(message.text().utf8.size(), 10u);
    EXPECT_GE(message.text().utf8.size(), 7u);
    EXPECT_EQ(message.fault(Fault::kLimitText), body.size() > 10) << body;
    EXPECT_FALSE(message.fault(Fault::kCharsetWrong)) << body;
  }
}

TEST(Texts, format_flowed_is_undone_in_plain) {
  OneMessage message(
      {{"utf-8", "one \r\ntwo\r\n", PartKind::kText, static_cast<uint16_t>(PartFlag::kFlowed)}});
  message.run();
  EXPECT_EQ(message.text().plain.substr(0, 7), "one two");
  EXPECT_EQ(message.text().utf8, "one \r\ntwo\r\n");
}

TEST(Words, split_normalise_stem) {
  struct Row {
    std::string_view text, stems;
  };
  const Row rows[] = {
      {"", ""},
      {"Don't stop the running 3.14 AbC_DeF!", "dont stop the* run 314 abc_def"},
      {"happy meetings -- $100, (e.g. this)", "happi meet $ 100 eg* this*"},
      {"a,b 1,000.50 x.y 1.x", "a b 100050 xy 1 x"},
      {"vi\u200bagra", "viagra~"},
      {"caf\u00e9 cafe\u0301", "caf\u00e9 caf\u00e9"},
  };
  for (const Row& row : rows) {
    OneMessage message(Parts{{"utf-8", row.text}});
    message.run();
    EXPECT_EQ(message.stems(message.text().words), row.stems) << row.text;
  }
}

TEST(Words, offsets_name_the_raw_word) {
  OneMessage message(Parts{{"utf-8", "Gr\u00fc\u00dfe AUS M\u00fcnchen"}});
  message.run();
  std::string raws;
  for (const Word& word : message.batch.words.row(0)) {
    raws += message.text().plain.substr(word.offset, word.length);
    raws += '|';
    EXPECT_EQ(word.hash, word_hash(word.stem));
  }
  EXPECT_EQ(raws, "Gr\u00fc\u00dfe|AUS|M\u00fcnchen|");
}

// Rspamd's classifier stores counts under these hashes: token = h(word) + 3 h(one before), + 5
// h(two before).
TEST(Words, hashes_are_those_of_rspamds_classifier) {
  EXPECT_EQ(word_hash("happen") + word_hash("are") * 3, 18123587569763488254u);
  EXPECT_EQ(word_hash("happen") + word_hash("meet") * 5, 11237206416146261952u);
}

TEST(Words, urls_are_one_word_each) {
  OneMessage message(Parts{{"utf-8", "see http://x.example.com/a now me@b.example ok"}});
  Url url;
  url.domain = "example.com";
  message.batch.urls.values.push_back(url);
  message.batch.urls.end_row();
  message.batch.url_spans.values.push_back({0, 4, 26, 0});
  message.batch.url_spans.values.push_back({0, 31, 43, kNoIndex});
  message.batch.url_spans.end_row();
  message.run();
  EXPECT_EQ(message.stems(message.text().words), "see example.com now* !!EX!! ok");
}

TEST(Words, meta_words_follow_and_take_the_first_texts_language) {
  OneMessage message(
      Parts{{"utf-8", "Wir haben die Lieferungen und Rechnungen nicht mit der Post bekommen"}}, "",
      "Lieferungen heute", "Kundendienst M\u00fcller");
  message.run();
  EXPECT_EQ(message.text().language, "de");
  const Range meta = message.batch.meta_words[0];
  EXPECT_EQ(message.stems(meta), "liefer heut kundendien mull");
  EXPECT_EQ(meta.end, message.batch.words.row(0).size());
  EXPECT_TRUE(message.batch.words.row(0)[meta.begin].flags &
              static_cast<uint8_t>(WordFlag::kHeader));
  // What patterns see: behind the words of the texts those of the Subject and of From's name.
  std::string raw;
  each_word(ScopeKind::kRawWord, message.batch, 0, [&](uint32_t item, std::string_view word) {
    if (item >= meta.begin) raw.append(word).append(" ");
  });
  EXPECT_EQ(raw, "Lieferungen heute Kundendienst M\u00fcller ");
}

TEST(Words, limits_and_decay) {
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "word" + std::to_string(i) + " ";
  {
    OneMessage message(Parts{{"utf-8", many}});
    message.run();
    EXPECT_GT(message.text().words.size(), 600u);
    EXPECT_LT(message.text().words.size(), 4000u);
    EXPECT_FALSE(message.fault(Fault::kLimitWords));
  }
  TextPlan plan;
  plan.limits.words_max = 10;
  {
    OneMessage message(Parts{{"utf-8", many}});
    message.run(plan);
    EXPECT_EQ(message.text().words.size(), 10u);
    EXPECT_TRUE(message.fault(Fault::kLimitWords));
  }
  plan.limits = {};
  plan.limits.words_text_bytes_max = 12;
  {
    OneMessage message(Parts{{"utf-8", many}, {"utf-8", many}});
    message.run(plan);
    EXPECT_EQ(message.stems({0, 2}), "word0 word1");
    EXPECT_EQ(message.batch.words.row(0).size(), 2u);
  }
}

TEST(Texts, an_attachment_is_one_where_there_is_a_body) {
  constexpr auto kAttachment = static_cast<uint16_t>(PartFlag::kAttachment);
  constexpr auto kSecond = static_cast<uint16_t>(PartFlag::kSecondReading);
  constexpr std::string_view kLetter =
      "Please find the minutes of our last two meetings in the file that is attached to this.";
  std::string unseen;
  for (int i = 0; i < 100; ++i) unseen += "\u200B.";
  const PartSpec body{"", kLetter}, blank{"", " \n"}, brief{"", "."}, hollow{"", unseen},
      other{"", kLetter, PartKind::kText, kSecond};
  const PartSpec calendar{"", kLetter, PartKind::kText, 0, "calendar"};
  const PartSpec forwarded{"", "", PartKind::kMessage, 0, "rfc822"},
      forwarded_letter{"", kLetter, PartKind::kText, 0, "plain", 1};
  const PartSpec folder{"", "", PartKind::kMultipart, kAttachment, "mixed"};
  const PartSpec attached{"", "hello", PartKind::kText, kAttachment};
  const PartSpec page{"", "<p>hello", PartKind::kHtml, kAttachment};
  const PartSpec image{"", "<svg><a href='x'>y", PartKind::kOther, 0, "svg+xml"};
  struct Row {
    std::string_view name, parent;
    Parts parts;
    std::string_view attached;  // of each text: x = flagged
  };
  const Row rows[] = {
      {"the message itself", "", {attached}, "-"},
      {"the only part", "mixed", {attached}, "-"},
      {"an image alone", "", {image}, "x"},
      {"an image beside a dot", "related", {brief, image}, "-x"},
      {"both sides of an alternative", "alternative", {attached, page}, "--"},
      {"beside a letter", "mixed", {body, attached, page}, "-xx"},
      {"before a letter", "mixed", {attached, body}, "x-"},
      {"beside nothing to read", "mixed", {blank, attached}, "--"},
      {"beside another reading", "mixed", {other, attached}, "--"},
      {"beside a dot", "mixed", {brief, attached}, "--"},
      {"beside what has no width", "mixed", {hollow, attached}, "--"},
      {"beside a calendar", "mixed", {calendar, attached}, "--"},
      {"beside a forwarded letter", "mixed", {forwarded, forwarded_letter, attached}, "--"},
      {"beside an attached multipart", "mixed", {folder, forwarded_letter, attached}, "--"},
      {"beside a letter and more", "mixed", {forwarded, forwarded_letter, body, attached}, "--x"},
  };
  for (const Row& row : rows) {
    OneMessage message(row.parts, row.parent);
    message.run();
    std::string flagged;
    for (const Text& text : message.batch.texts.row(0))
      flagged += text.flags & flags_of({TextFlag::kAttached}) ? 'x' : '-';
    EXPECT_EQ(flagged, row.attached) << row.name;
  }
}

TEST(Texts, an_image_that_is_a_page_is_read_as_html) {
  const Parts parts{
      {"utf-8", "a letter"},
      {"", "<?xml version='1.0' encoding='koi8-r'?><svg><a href='x'><text>\xC1</text>",
       PartKind::kOther, 0, "svg+xml"},
      {"", "<svg><a href='x'>", PartKind::kOther, 0, "png"}};
  OneMessage message(parts, "related");
  message.run();
  ASSERT_EQ(message.batch.texts.row(0).size(), 2u);
  EXPECT_EQ(message.text(1).plain, "а");
  EXPECT_TRUE(message.text(1).flags & flags_of({TextFlag::kHtml}));
  ASSERT_EQ(message.batch.html_links.row(0).size(), 1u);
  EXPECT_EQ(message.batch.html_links.row(0)[0].href, "x");
  EXPECT_EQ(message.batch.parts.row(0)[2].text, 1u);
  EXPECT_EQ(message.batch.parts.row(0)[3].text, kNoIndex);
}

TEST(Words, attachments_only_if_asked) {
  const Parts parts{
      {"utf-8",
       "A letter of so many words that it is one, and what is attached to it is read beside it."},
      {"utf-8", "hello", PartKind::kText, static_cast<uint16_t>(PartFlag::kAttachment)}};
  OneMessage without(parts, "mixed");
  without.run();
  EXPECT_EQ(without.text(1).words.size(), 0u);
  OneMessage with(parts, "mixed");
  TextPlan plan;
  plan.words_of_attached = true;
  with.run(plan);
  EXPECT_EQ(with.text(1).words.size(), 1u);
}

TEST(Words, one_long_word_is_cut) {
  const std::string a(100'000, 'a');
  OneMessage message(Parts{{"utf-8", a}});
  message.run();
  EXPECT_EQ(message.text().words.size(), 7u);
  std::string marks = "e";
  for (int i = 0; i < 30'000; ++i) marks += "\u0301";
  OneMessage hostile(Parts{{"utf-8", marks}});
  hostile.run();
  EXPECT_GE(hostile.text().words.size(), 1u);
}

// ICU's break iterator is the oracle for scripts that it does not need a dictionary for.
TEST(Words, split_as_icu_does) {
  const std::string_view texts[] = {
      "Hello, world! It's 3.14 o'clock; e.g. a.b.c 1,2,3 x_y __ foo--bar",
      "Gr\u00fc\u00dfe aus M\u00fcnchen, \u00abl\u2019homme\u00bb \u20ac5 na\u00efve",
      "\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430? 5\u0433.",
      "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac \u03ba\u03b1\u03b9 "
      "\u05e2\u05d1\u05e8\u05d9\u05ea \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
      "cafe\u0301 a\u0301'b 1\u0301,2 \ud55c\uad6d\uc5b4 \ub9d0",
      "\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902 \u0967\u0968 "
      "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd",
      "a.b a..b a.1 1.a a'' 'a' a:b \u00b7 a\u00b7b x\u00b2 \u2460 \u2167 \U0001D400\U0001D401 "
      "\U0001F600",
  };
  for (const std::string_view text : texts) {
    std::vector<WordPiece> pieces;
    DictionaryScratch scratch;
    split_words(text, 0, static_cast<uint32_t>(text.size()), scratch, pieces);
    std::string ours, icus;
    for (const WordPiece& piece : pieces) {
      ours.append(text.substr(piece.begin, piece.end - piece.begin)) += '|';
    }
    std::vector<UChar> units(text.size() + 1);
    int32_t length = 0;
    UErrorCode error = U_ZERO_ERROR;
    u_strFromUTF8(units.data(), static_cast<int32_t>(units.size()), &length, text.data(),
                  static_cast<int32_t>(text.size()), &error);
    UBreakIterator* iterator = ubrk_open(UBRK_WORD, "", units.data(), length, &error);
    int32_t from = 0;
    for (int32_t to = ubrk_next(iterator); to != UBRK_DONE; from = to, to = ubrk_next(iterator)) {
      UChar32 first;
      int32_t at = from;
      U16_NEXT(units.data(), at, length, first);
      if (!CharTable()[static_cast<uint32_t>(first)].is(CharBit::kStart)) continue;
      char bytes[256];
      int32_t size = 0;
      u_strToUTF8(bytes, sizeof bytes, &size, units.data() + from, to - from, &error);
      icus.append(bytes, static_cast<size_t>(size)) += '|';
    }
    ubrk_close(iterator);
    EXPECT_EQ(ours, icus) << text;
  }
}

// Blocks of 64 bytes and single bytes must find the same: a text of tokens between blanks has the
// words of its tokens, of which most are too short for a block.
TEST(Words, blocks_find_what_bytes_find) {
  const std::vector<std::string> letters = {"a",      "B",      "z",      "7",      "_",     "'",
                                            ".",      ",",      ";",      ":",      "$",     "-",
                                            "\u00e9", "\u0416", "\u2019", "\u0301", "\u20ac"};
  std::mt19937 random(3);
  DictionaryScratch scratch;
  for (int round = 0; round < 400; ++round) {
    // Letters beyond ASCII are rare in some rounds and absent from others.
    const size_t kinds = round % 3 == 0 ? letters.size() : round % 3 == 1 ? 12 : 4;
    std::string text;
    std::vector<WordPiece> expected;
    while (text.size() < 400) {
      std::string token;
      const size_t size = random() % 20 == 0 ? 130 : random() % 14;
      while (token.size() < size) token += letters[random() % kinds];
      std::vector<WordPiece> pieces;
      split_words(token, 0, static_cast<uint32_t>(token.size()), scratch, pieces);
      for (WordPiece piece : pieces) {
        piece.begin += static_cast<uint32_t>(text.size());
        piece.end += static_cast<uint32_t>(text.size());
        expected.push_back(piece);
      }
      text += token + (random() % 4 == 0 ? "\n" : " ");
    }
    // At once, or some words a call, going on where the last one stopped.
    std::vector<WordPiece> found;
    const size_t enough = round % 2 == 0 ? SIZE_MAX : 1 + random() % 9;
    const auto size = static_cast<uint32_t>(text.size());
    for (uint32_t at = 0; at < size;) {
      std::vector<WordPiece> pieces;
      at = split_words(text, at, size, scratch, pieces, enough);
      found.insert(found.end(), pieces.begin(), pieces.end());
    }
    ASSERT_EQ(found.size(), expected.size()) << text;
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].begin, expected[i].begin) << text;
      EXPECT_EQ(found[i].end, expected[i].end) << text;
      EXPECT_EQ(found[i].script, expected[i].script) << text;
      EXPECT_EQ(found[i].plain_ascii, expected[i].plain_ascii) << text;
      EXPECT_EQ(found[i].cased_ascii, expected[i].cased_ascii) << text;
      EXPECT_EQ(found[i].ascii, expected[i].ascii) << text;
      EXPECT_EQ(found[i].invisible, expected[i].invisible) << text;
    }
  }
}

TEST(Words, dictionary_scripts_are_split) {
  OneMessage message(
      Parts{{"utf-8", "\u4eca\u65e5\u306f\u826f\u3044\u5929\u6c17\u3067\u3059\u306d"}});
  message.run();
  EXPECT_GE(message.text().words.size(), 4u);
  EXPECT_EQ(message.text().language, "ja");
  OneMessage thai(
      Parts{{"utf-8",
             "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a\u0e17\u0e38\u0e01"
             "\u0e04\u0e19"}});
  thai.run();
  EXPECT_GE(thai.text().words.size(), 2u);
  EXPECT_EQ(thai.text().language, "th");
}

TEST(Language, by_script_stop_words_and_statistics) {
  struct Row {
    std::string_view text, language;
  };
  const Row rows[] = {
      {"", ""},
      {"123 456", ""},
      {"hello", "en"},
      {"\u043f\u0440\u0438\u0432\u0435\u0442", "ru"},
      {"\u0393\u03b5\u03b9\u03b1 \u03c3\u03b1\u03c2", "el"},
      {"\u4f60\u597d\u4e16\u754c", "zh"},
      {"\ud55c\uad6d\uc5b4", "ko"},
      {"This is what you have to do with it", "en"},
      {"Wir haben das nicht mit der Post bekommen und sie auch", "de"},
      {"Nous vous avons dit que le colis est dans la maison", "fr"},
      {"El paquete que usted pide no est\u00e1 en la casa de los padres", "es"},
      {"Il pacco che ha chiesto non \u00e8 nella casa di sua madre", "it"},
      {"O pacote que voc\u00ea pediu n\u00e3o est\u00e1 na casa dos seus pais", "pt"},
      {"Het pakket dat je wilt is niet in het huis van de ouders", "nl"},
      {"\u042f \u043d\u0435 \u0437\u043d\u0430\u044e, \u0447\u0442\u043e \u043e\u043d "
       "\u0441\u043a\u0430\u0437\u0430\u043b \u043d\u0430 \u044d\u0442\u043e",
       "ru"},
      {"\u042f \u043d\u0435 \u0437\u043d\u0430\u044e, \u0449\u043e \u0432\u0456\u043d "
       "\u0441\u043a\u0430\u0437\u0430\u0432 \u0456 \u0446\u0435 \u0454 \u0442\u0430\u043a",
       "uk"},
      {"Nie wiem, co to jest i czy ju\u017c jest w domu dla mnie", "pl"},
  };
  for (const Row& row : rows) {
    OneMessage message(Parts{{"utf-8", row.text}});
    message.run();
    EXPECT_EQ(message.text().language, row.language) << row.text;
  }
}

TEST(Language, html_speaks_for_its_twin) {
  OneMessage message(
      {{"utf-8", "hello"},
       {"utf-8", "Wir haben das nicht mit der Post bekommen und sie auch", PartKind::kHtml}},
      "alternative");
  message.run();
  EXPECT_EQ(message.text(0).language, message.text(1).language);
}

TEST(Stem, is_the_same_with_any_cache) {
  const std::string_view words[] = {"running",     "happily", "meetings", "meeting",
                                    "a",           "",        "news",     "international",
                                    "hopefulness", "dying",   "skies"};
  Arena arena;
  Stemmer large(1 << 12), tiny(1);
  for (int round = 0; round < 3; ++round) {
    for (const std::string_view language : {"en", "de", "pl", "xx", "fr"}) {
      large.use(language);
      tiny.use(language);
      for (const std::string_view word : words) {
        const Stem a = large.stem(word, word_hash(word), arena);
        const Stem b = tiny.stem(word, word_hash(word), arena);
        EXPECT_EQ(a.text, b.text);
        EXPECT_EQ(a.hash, b.hash);
        EXPECT_EQ(a.hash, word_hash(a.text));
        EXPECT_EQ(a.stop, b.stop);
      }
    }
  }
  large.use("en");
  const std::string longest(300, 'x');
  EXPECT_EQ(large.stem(longest, 1, arena).text, longest);
  EXPECT_EQ(large.stem("happy", word_hash("happy"), arena).text, "happi");
}

TEST(Words, folded_scope_is_filled) {
  OneMessage message(Parts{{"utf-8", "V.I.A.G.R.A  now"}});
  message.run();
  EXPECT_EQ(message.text().folded, "viagra now");
}

TEST(Words, the_subject_is_folded_as_texts_are) {
  struct Row {
    const char* name;
    std::string_view subject, expected;
  };
  const Row rows[] = {
      {"capitals", "Free GIFT", "free gift"},
      {"spaced letters", "v i a g r a now", "viagra now"},
      {"compatibility forms", "\uff26\uff32\uff25\uff25 \U0001d420ift", "free gift"},
      {"zero width", "fr\u200bee gi\u00adft", "free gift"},
      {"look-alikes", "fr\u0435\u0435 g\u0456ft", "free gift"},
      {"accents", "fr\u00e9\u00e8 g\u00efft", "free gift"},
      {"broken UTF-8 is replaced before", "a\ufffdb", "a\ufffdb"},
      {"blanks", "  free \t gift ", "free gift"},
  };
  for (const Row& row : rows) {
    OneMessage message({}, "", row.subject);
    fold_subject(message.batch, 0);
    message.batch.derived.end_row();
    ASSERT_EQ(message.batch.derived.row(0).size(), 1u) << row.name;
    EXPECT_EQ(message.batch.derived.row(0)[0].selector, kFoldedSubject);
    EXPECT_EQ(message.batch.derived.row(0)[0].text, row.expected) << row.name;
  }
  OneMessage without({});
  fold_subject(without.batch, 0);
  EXPECT_TRUE(without.batch.derived.values.empty());
}

}  // namespace
}  // namespace winnow
