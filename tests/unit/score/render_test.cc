#include "engine/score/render.h"

#include <gtest/gtest.h>

#include "tests/unit/score/model_builder.h"

namespace winnow {
namespace {

using namespace test;

struct Rendering {
  ScoreModel model = base_model();
  SymbolId a = add_symbol(model, "A", 3.5), b = add_symbol(model, "B\"", -0.2),
           gone = add_symbol(model, "GONE", 9), light = add_symbol(model, "LIGHT", 1),
           c = add_symbol(model, "C", 0.2);
  Evidence evidence;
  Verdict verdict;

  Rendering() {
    model.symbols[0].description = "says\nso";
    Board board;
    board.begin(model);
    board.insert(b, 1, {});
    for (const char* option : {"x", "y\"\r\n", "\xff"}) board.insert(a, 0.5, option);
    for (const SymbolId symbol : {gone, light, c}) board.insert(symbol, 1, {});
    board.remove(gone, true, true, a);
    board.remove(light, false, true, a);
    board.finish(evidence.slab, verdict);
  }
};

TEST(Render, json_fields_of_a_reply) {
  Rendering r;
  std::string out;
  render_json_fields(make_render_plan(r.model), r.evidence, r.verdict, out);
  EXPECT_EQ(out,
            "\"is_skipped\":false,\"score\":5.250000,\"required_score\":15.0,"
            "\"action\":\"greylist\","
            "\"thresholds\":{\"reject\":15.0,\"add header\":6.0,\"greylist\":4.0},"
            "\"symbols\":{\"B\\\"\":{\"name\":\"B\\\"\",\"score\":-0.200000,"
            "\"metric_score\":-0.200000},"
            "\"A\":{\"name\":\"A\",\"score\":5.250000,\"metric_score\":3.500000,"
            "\"description\":\"says\\nso\",\"options\":[\"x\","
            "\"y\\\"\xEF\xBF\xBD\xEF\xBF\xBD\",\"\xEF\xBF\xBD\"]},"
            "\"LIGHT\":{\"name\":\"LIGHT\",\"score\":0.0,\"metric_score\":1.0},"
            "\"C\":{\"name\":\"C\",\"score\":0.200000,\"metric_score\":0.200000}},"
            "\"messages\":{},\"message-id\":\"undef\"");
}

TEST(Render, json_of_what_was_forced_unknown_and_found) {
  Rendering r;
  r.verdict.action = r.model.soft_reject;
  r.verdict.required = kNoThreshold;
  r.verdict.subject = "new";
  r.verdict.pre_results = {{.action = r.model.soft_reject, .message = "later", .module = "m"}};
  r.verdict.forced_by = 0;
  r.verdict.symbols.clear();
  r.evidence.message_id = "id@x";
  r.evidence.questions = {{.type = 16, .key = "d.example"}};
  r.evidence.answers = {{.state = AnswerState::kUnknown, .reason = UnknownReason::kTimeout}};
  r.verdict.unknown = {QuestionId{0}};
  Url urls[3];
  urls[0].host = urls[2].host = "h.example";
  urls[1].host = "i.example";
  r.evidence.urls = urls;
  Email email;
  email.address = "a@b";
  r.evidence.emails = {&email, 1};
  std::string out;
  render_json_fields(make_render_plan(r.model), r.evidence, r.verdict, out);
  EXPECT_EQ(out,
            "\"is_skipped\":false,\"score\":5.250000,\"required_score\":null,"
            "\"action\":\"soft reject\",\"passthrough_module\":\"m\",\"subject\":\"new\","
            "\"thresholds\":{\"reject\":15.0,\"add header\":6.0,\"greylist\":4.0},"
            "\"symbols\":{},\"messages\":{\"smtp_message\":\"later\"},"
            "\"urls\":[\"h.example\",\"i.example\"],\"emails\":[\"a@b\"],\"message-id\":\"id@x\","
            "\"unknown\":[{\"kind\":\"dns\",\"type\":16,\"key\":\"d.example\","
            "\"reason\":\"timeout\"}]");
}

TEST(Render, links) {
  const auto flag = [](UrlFlag one) { return static_cast<uint32_t>(one); };
  Evidence evidence;
  Url urls[4];
  urls[0].normal = "http://www.phish.example/x";
  urls[0].host = "www.phish.example", urls[0].domain = "phish.example";
  urls[0].flags = flag(UrlFlag::kPhished) | flag(UrlFlag::kHtml) | flag(UrlFlag::kHasPort);
  urls[0].shown = "www.bank.example";
  urls[1].normal = "http://www.bank.example", urls[1].found = "www.bank.example";
  urls[1].host = "www.bank.example", urls[1].domain = "bank.example";
  urls[1].flags = flag(UrlFlag::kHtmlDisplayed) | flag(UrlFlag::kHtml);
  urls[2].host = urls[2].normal = "list.example";
  urls[2].flags = flag(UrlFlag::kHeader);  // in a list header alone
  urls[3] = urls[1];
  evidence.urls = urls;
  Email emails[2];
  emails[0].address = "a@b";
  emails[1].address = "leave@list.example", emails[1].flags = flag(UrlFlag::kHeader);
  evidence.emails = emails;
  const std::string tail = ",\"emails\":[\"a@b\"]";
  std::string out;
  append_links(evidence, UrlForm::kHosts, out);
  EXPECT_EQ(out, ",\"urls\":[\"www.phish.example\",\"www.bank.example\"]" + tail);
  const std::string bank =
      "{\"url\":\"http://www.bank.example\",\"tld\":\"bank.example\","
      "\"host\":\"www.bank.example\",\"flags\":[\"html_displayed\"]}";
  out.clear();
  append_links(evidence, UrlForm::kExtended, out);
  EXPECT_EQ(out,
            ",\"urls\":[{\"url\":\"http://www.phish.example/x\",\"tld\":\"phish.example\","
            "\"host\":\"www.phish.example\",\"flags\":[\"phished\",\"has_port\"],"
            "\"linked_url\":" +
                bank + "}," + bank + "," + bank + "]" + tail);
  out.clear();
  append_links(Evidence{}, UrlForm::kExtended, out);
  EXPECT_EQ(out, "");
}

TEST(Render, spamd_result) {
  Rendering r;
  std::string out;
  render_spamd_result(r.model, r.verdict, " ", out);
  EXPECT_EQ(out,
            "default: False [5.25 / 15.00]; A(5.25)[x,y\"\xEF\xBF\xBD\xEF\xBF\xBD,\xff]; "
            "B\"(-0.20)[]; C(0.20)[]; "
            "LIGHT(0.00)[]");
  out.clear();
  render_spamd_result(r.model, r.verdict, " ", out, ResultOrder::kName);
  EXPECT_EQ(out,
            "default: False [5.25 / 15.00]; A(5.25)[x,y\"\xEF\xBF\xBD\xEF\xBF\xBD,\xff]; "
            "B\"(-0.20)[]; C(0.20)[]; LIGHT(0.00)[]");
  r.verdict.action = r.model.reject;
  r.verdict.symbols.clear();
  out.clear();
  render_spamd_result(r.model, r.verdict, "\n\t", out);
  EXPECT_EQ(out, "default: True [5.25 / 15.00]");
}

TEST(Render, strings) {
  const struct {
    std::string_view input;
    const char* expected;
  } rows[] = {
      {"", "\"\""},
      {"plain text of more than eight bytes", "\"plain text of more than eight bytes\""},
      {"0123456\"", "\"0123456\\\"\""},
      {"0123456\\", "\"0123456\\\\\""},
      {"0123456\x1f", "\"0123456\\u001f\""},
      {std::string_view("\0a", 2), "\"\\u0000a\""},
      {"\x7f", "\"\x7f\""},
      {"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\""},
      {"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"cut \xE2\x82", "\"cut \xEF\xBF\xBD\xEF\xBF\xBD\""},
  };
  for (const auto& row : rows) {
    std::string out;
    append_json_string(row.input, out);
    EXPECT_EQ(out, row.expected);
  }
}

// "%.2f" of the double is what Rspamd prints; ties are where a shortcut would differ.
TEST(Render, scores_print_as_the_double_would) {
  std::vector<Micro> values = {0,         1,           4'999,   5'000,     5'001,
                               15'000,    125'000,     135'000, 1'005'000, 99'995'000,
                               1'000'000, 123'456'789, 995'000, 9'999'999};
  for (Micro m = 0; m < 3'000'000; m += 4'777) values.push_back(m);
  for (Micro m = 5'000; m < 3'000'000; m += 10'000) values.push_back(m);
  for (const Micro value : values) {
    for (const Micro signed_value : {value, -value}) {
      std::string out;
      append_score(signed_value, out);
      std::string expected = fmt::format("{:.2f}", static_cast<double>(signed_value) / 1e6);
      EXPECT_EQ(out, expected) << signed_value;
    }
  }
  std::string out;
  append_json_score(-1, out);
  out += ' ';
  append_json_score(-15 * kMicro, out);
  EXPECT_EQ(out, "-0.000001 -15.0");
}

}  // namespace
}  // namespace winnow
