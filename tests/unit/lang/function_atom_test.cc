#include "rules/lang/function_atom.h"

#include <gtest/gtest.h>

#include "tests/unit/match/mail.h"

namespace winnow {
namespace {

uint32_t test_tag(std::string_view name) { return name == "font" ? 70 : name == "b" ? 3 : 0; }

// A message with everything the functions ask for.
class Message {
 public:
  Message() {
    Mail mail;
    mail.raw = "x";
    mail.headers = {{header_id(known::kSubject), "Subject", "Free offer"},
                    {header_id(known::kTo), "To", "a@x.example"},
                    {header_id(known::kContentType), "Content-Type", "of a part", "", 1},
                    {header_id(known::kListId), "List-Id", "of a part", "", 1}};
    mails.add(mail);
    Batch& b = batch();
    b.headers.values[0].flags = static_cast<uint8_t>(HeaderFlag::kNoSpace);
    b.headers.values[1].flags = static_cast<uint8_t>(HeaderFlag::kTab);
    Envelope& envelope = b.envelopes[0];
    envelope.from = "Bounce@www.example";
    envelope.from_known = true;
    envelope.helo = "user";
    b.recipients.values = {"one@x.example", "two@x.example"};
    b.recipients.begin = {0, 2};
    b.addresses.end_row();
    b.htmls.end_row();
    set_parts();
  }
  Batch& batch() { return mails.batch; }

  void recipients(std::initializer_list<std::string_view> addresses) {
    Csr<Address>& column = batch().addresses;
    column.clear();
    for (std::string_view address : addresses) {
      Address to;
      to.field = AddressField::kTo;
      to.address = address;
      column.values.push_back(to);
    }
    column.end_row();
  }
  // Words of plain and HTML text.
  void words(uint32_t plain, uint32_t html) {
    batch().texts.values[0].words = {0, plain};
    batch().texts.values[1].words = {plain, plain + html};
  }
  bool is(std::string_view atom) {
    HeaderNames names;
    const Result<FunctionSpec> spec = parse_function_atom(atom, {names, test_tag});
    EXPECT_TRUE(spec) << atom << ": " << spec.error().what;
    if (!spec) return false;
    FunctionPlan plan;
    EXPECT_TRUE(plan.add(*spec, AtomId(7)));
    batch().atoms.clear();
    functions(plan, scratch, batch());
    return batch().atoms.size() == 1 && batch().atoms[0].atom == AtomId(7) &&
           batch().atoms[0].count == 1;
  }

  MailBatch mails;
  FunctionScratch scratch;

 private:
  // multipart/alternative with text/plain and text/html.
  void set_parts() {
    Batch& b = batch();
    b.parts.clear();
    Part root, plain, html;
    root.kind = PartKind::kMultipart;
    root.type = "multipart";
    root.subtype = "alternative";
    root.content_type = "multipart/alternative; boundary=\"b\"";
    plain.parent = html.parent = 0;
    plain.type = html.type = "text";
    plain.subtype = "plain";
    plain.content_type = "text/plain; charset=UTF-8; reply-type=Original";
    plain.encoding_label = "quoted-printable";
    plain.decoded = "12345";
    plain.text = 0;
    html.subtype = "html";
    html.content_type = "text/html";
    html.text = 1;
    html.decoded = "<b>1</b>";
    b.parts.values = {root, plain, html};
    b.parts.end_row();
    b.texts.clear();
    Text one, two;
    one.part = 1;
    two.part = 2;
    two.flags = static_cast<uint16_t>(TextFlag::kHtml);
    b.texts.values = {one, two};
    b.texts.end_row();
    b.htmls.clear();
    Html tags;
    tags.tags = 2;
    tags.tags_seen[70 / 64] |= uint64_t{1} << 70 % 64;
    b.htmls.values = {tags};
    b.htmls.end_row();
  }
};

TEST(Functions, FlagsThatTheRequestSets) {
  Message message;
  const auto is = [&](std::string_view name, std::string_view value, std::string_view flag) {
    message.batch().request_headers.values = {{"x", "no_log"}, {name, value}};
    message.batch().request_headers.begin = {0, 2};
    return message.is("has_flag(" + std::string(flag) + ")");
  };
  EXPECT_TRUE(is("pass", "All", "pass_all"));
  EXPECT_FALSE(is("pass", "none", "pass_all"));
  EXPECT_TRUE(is("flags", "milter, pass_all", "pass_all"));
  EXPECT_TRUE(is("flags", "milter, pass_all", "milter"));
  EXPECT_FALSE(is("flags", "milter, pass_all", "no_log"));
  EXPECT_TRUE(is("log", "no", "no_log"));
}

TEST(Functions, AreTrueOrNot) {
  struct Row {
    std::string_view atom;
    bool expected;
  };
  const Row rows[] = {
      {"header_exists(Subject)", true},
      {"header_exists(SUBJECT)", true},
      {"raw_header_exists( To )", true},
      {"header_exists(\"To\")", true},
      {"header_exists(From)", false},
      {"header_exists(List-Id)", false},  // only in a part
      {"header_no_space(Subject)", true},
      {"header_no_space(To)", false},
      {"header_tab(To)", true},
      {"has_html_tag(font)", true},
      {"has_html_tag(b)", false},
      {"has_fake_html()", false},
      {"has_only_html_part()", false},
      {"is_empty_body()", false},
      {"is_html_balanced()", true},
      {"compare_encoding(utf8)", true},
      {"check_smtp_data(from, bounce@WWW.example)", true},
      {"check_smtp_data(from, bounce)", false},
      {"check_smtp_data(from, /@www\\./)", true},
      {"check_smtp_data(from, \"/@WWW\\./i\")", true},
      {"check_smtp_data(from, /@WWW/)", false},
      {"check_smtp_data(helo, user)", true},
      {"check_smtp_data(user, /./)", false},
      {"check_smtp_data(subject, /^free/i)", true},
      {"check_smtp_data(rcpt, /^two@/)", true},
      {"check_smtp_data(rcpt, /^(?:x,y|three)@/)", false},
      {"compare_transfer_encoding(quoted-printable)", true},
      {"compare_transfer_encoding(base64)", false},
      {"compare_transfer_encoding(7bit)", true},  // of the HTML, which says nothing
      {"content_type_is_type(text)", true},       // multipart: every part is asked
      {"content_type_is_type(multipart)", true},
      {"content_type_is_type(image, true)", false},
      {"content_type_is_subtype(/^(?:html|x)$/)", true},
      {"content_type_has_param(boundary)", true},
      {"content_type_has_param(Charset)", true},
      {"content_type_has_param(name)", false},
      {"content_type_compare_param(reply-type, original)", true},
      {"content_type_compare_param(charset, /^utf/i)", true},
      {"content_type_compare_param(charset, koi8-r)", false},
      {"has_content_part(text)", true},
      {"has_content_part(text, calendar)", false},
      {"has_content_part_len(text, plain, 5)", true},
      {"has_content_part_len(text, plain, 6)", false},
      {"has_content_part_len(text, plain, 1, 4)", false},
      {"has_content_part_len(text, plain, 1, 5)", true},
      {"has_flag(bad_unicode)", false},
      {"is_recipients_sorted()", false},
  };
  Message message;
  for (const Row& row : rows) {
    EXPECT_EQ(message.is(row.atom), row.expected) << row.atom;
    EXPECT_TRUE(is_function_atom(row.atom)) << row.atom;
  }
}

TEST(Functions, OfRecipients) {
  Message message;
  message.recipients({"a", "b", "c", "d", "e", "F", "g"});
  EXPECT_TRUE(message.is("is_recipients_sorted()"));
  message.recipients({"a", "b", "c", "d", "e", "f"});
  EXPECT_FALSE(message.is("is_recipients_sorted()"));
  message.recipients({"a", "c", "b", "d", "e", "f", "g"});
  EXPECT_FALSE(message.is("is_recipients_sorted()"));
  // Four that begin alike are six pairs.
  message.recipients({"info1@x", "info2@x", "INF3@x", "inf@x", "b", "c", "d"});
  EXPECT_TRUE(message.is("compare_recipients_distance(3)"));
  EXPECT_FALSE(message.is("compare_recipients_distance(3.1)"));
  message.recipients({"info1@x", "info2@x", "INF3@x", "inf@x", "b", "c"});
  EXPECT_FALSE(message.is("compare_recipients_distance(0)"));
}

TEST(Functions, OfHtmlAndItsTwin) {
  Message message;
  message.words(30, 10);  // distance 0.5
  EXPECT_TRUE(message.is("compare_parts_distance(50)"));
  EXPECT_FALSE(message.is("compare_parts_distance(49)"));
  EXPECT_TRUE(message.is("compare_parts_distance(50, 51)"));
  EXPECT_FALSE(message.is("compare_parts_distance(40, 50)"));
  EXPECT_TRUE(message.is("compare_parts_distance()"));
  message.words(0, 10);
  EXPECT_TRUE(message.is("compare_parts_distance(0)"));
  message.words(0, 0);
  EXPECT_FALSE(message.is("compare_parts_distance()"));
  message.batch().texts.values[0].flags |= static_cast<uint16_t>(TextFlag::kAttached);
  EXPECT_TRUE(message.is("has_only_html_part()"));
  message.batch().htmls.values[0].tags = 1;
  EXPECT_TRUE(message.is("has_fake_html()"));
  message.batch().facts[0].faults.set(Fault::kUnicodeBad);
  EXPECT_TRUE(message.is("has_flag(bad_unicode)"));
}

TEST(FunctionAtom, ErrorsSayWhereAndWhat) {
  struct Row {
    std::string_view atom;
    unsigned column;
    std::string_view what;
  };
  const Row rows[] = {
      {"no_such_thing(a)", 1, "no function"},
      {"header_exists()", 1, "arguments"},
      {"header_exists", 1, "arguments"},
      {"header_exists(a, b)", 1, "arguments"},
      {"header_exists(a", 15, "')'"},
      {"header_exists(,)", 15, "missing"},
      {"check_smtp_data(from,)", 22, "missing"},
      {"check_smtp_data(from \"x)", 17, "none of"},
      {"check_smtp_data(sender, x)", 1, "none of"},
      {"check_smtp_data(from, /(/)", 24, "parenthesis"},
      {"check_smtp_data(from, /a/P)", 26, "flag"},
      {"check_smtp_data(from, \"a\" b)", 27, "follow"},
      {"has_html_tag(nosuch)", 1, "tag"},
      {"has_flag(nosuch)", 1, "flag"},
      {"compare_parts_distance(many)", 1, "number"},
      {"compare_recipients_distance(nan)", 1, "number"},
  };
  for (const Row& row : rows) {
    HeaderNames names;
    const Result<FunctionSpec> spec = parse_function_atom(row.atom, {names, test_tag});
    ASSERT_FALSE(spec) << row.atom;
    if (row.what == "none of") continue;
    EXPECT_NEAR(spec.error().column, row.column, 1) << row.atom << ": " << spec.error().what;
    EXPECT_NE(spec.error().what.find(row.what), std::string::npos)
        << row.atom << ": " << spec.error().what;
  }
}

TEST(FunctionPlan, MergesAndRefuses) {
  HeaderNames names;
  FunctionPlan plan;
  const auto add = [&](std::string_view atom, uint32_t fresh) {
    return plan.add(*parse_function_atom(atom, {names, test_tag}), AtomId(fresh));
  };
  EXPECT_EQ(*add("header_exists(To)", 1), AtomId(1));
  EXPECT_EQ(*add("raw_header_exists( TO)", 2), AtomId(1));
  EXPECT_EQ(*add("header_exists(Cc)", 2), AtomId(2));
  EXPECT_EQ(*add("content_type_is_type(a)", 3), AtomId(3));
  EXPECT_EQ(*add("content_type_is_type(a, true)", 4), AtomId(4));
  EXPECT_FALSE(add("has_symbol(X)", 5));
  EXPECT_EQ(plan.entries().size(), 4u);
}

TEST(FunctionAtom, EveryFunctionIsDescribedOnce) {
  for (const FunctionDecl& decl : all_functions()) {
    EXPECT_FALSE(decl.text.empty());
    EXPECT_EQ(std::ranges::count(all_functions(), decl.name, &FunctionDecl::name), 1);
  }
}

}  // namespace
}  // namespace winnow
