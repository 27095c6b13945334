#include "engine/url/urls.h"

#include <gtest/gtest.h>

#include <deque>

#include "engine/html/tags.h"
#include "engine/mime/header_names.h"
#include "tests/unit/url/dump.h"

namespace winnow {
namespace {

// A batch as parse, text and html leave it, made by hand.
class Build {
 public:
  Batch batch;
  UrlPlan plan;
  UrlScratch scratch;

  void row() {
    batch.add("", batch.rows, {}, {});
    batch.parts.values.push_back({});
  }
  void header(known::Known id, std::string_view value) {
    if (id == known::kSubject) {
      batch.facts.back().subject = static_cast<uint32_t>(batch.headers.open_row().size());
    }
    auto& added_header = batch.headers.values.emplace_back();
    added_header.id = header_id(id);
    added_header.decoded = value;
  }
  void text(std::string_view plain, std::string_view subtype = "plain") {
    const auto part = static_cast<uint32_t>(batch.parts.open_row().size());
    auto& added_part = batch.parts.values.emplace_back();
    added_part.type = "text";
    added_part.subtype = subtype;
    auto& added_text = batch.texts.values.emplace_back();
    added_text.part = part;
    added_text.utf8 = plain;
    added_text.plain = plain;
  }
  // An HTML text; links are added by link() before the next text.
  void html(std::string_view plain, std::string_view base = {}) {
    text(plain, "html");
    const auto links = static_cast<uint32_t>(batch.html_links.open_row().size());
    batch.texts.values.back().html = static_cast<uint32_t>(batch.htmls.open_row().size());
    auto& added_html = batch.htmls.values.emplace_back();
    added_html.links = {links, links};
    added_html.base = base;
  }
  void link(std::string_view href, std::string_view shown, HtmlTag tag = HtmlTag::kA,
            bool invisible = false) {
    const std::string_view plain = batch.texts.values.back().plain;
    size_t at = shown.empty() ? plain.npos : plain.find(shown);
    Range range;
    if (at != plain.npos) {
      range = {static_cast<uint32_t>(at), static_cast<uint32_t>(at + shown.size())};
    }
    auto& added_link = batch.html_links.values.emplace_back();
    added_link.tag = static_cast<uint16_t>(tag);
    added_link.invisible = invisible;
    added_link.href = href;
    added_link.text = shown;
    added_link.plain = range;
    ++batch.htmls.values.back().links.end;
  }
  void end() {
    batch.headers.end_row(), batch.parts.end_row(), batch.texts.end_row();
    batch.htmls.end_row(), batch.html_links.end_row();
  }
  void run() { urls(plan, scratch, batch); }

  std::string dump(uint32_t r = 0) {
    std::string out;
    for (const Url& url : batch.urls.row(r)) {
      out += std::to_string(url.count) + " " + std::string(url.normal) + " | " +
             url_test::flag_names(url.flags);
      if (!url.shown.empty()) out += " | shown " + std::string(url.shown);
      out += "\n";
    }
    for (const Email& email : batch.emails.row(r)) {
      out += std::to_string(email.count) + " " + std::string(email.address) + " | " +
             url_test::flag_names(email.flags) + "\n";
    }
    return out;
  }
  std::string spans(uint32_t r = 0) {
    std::string out;
    for (const UrlSpan& span : batch.url_spans.row(r)) {
      const std::string_view plain = batch.texts.row(r)[span.text].plain;
      out += std::to_string(span.text) + ":" +
             std::string(plain.substr(span.begin, span.end - span.begin)) + "=" +
             (span.url == kNoIndex ? "mail" : std::to_string(span.url)) + " ";
    }
    return out;
  }
};

TEST(Urls, gathers_subject_headers_and_text_in_order) {
  Build b;
  b.row();
  b.header(known::kReceived, "from http://not.example.com/");
  b.header(known::kSubject, "Win at www.subject.example.com");
  b.header(known::kListUnsubscribe,
           "<mailto:off@list.example.com?x=y>, <https://list.example.com/off>");
  b.text(
      "see http://b.example.com/x and me@example.com, http://a.example.com/ or "
      "www.subject.example.com");
  b.text("http://B.example.com/x");
  b.end();
  b.run();
  EXPECT_EQ(b.dump(),
            "2 http://www.subject.example.com | html_displayed schemaless text subject\n"
            "1 https://list.example.com/off | header\n"
            "2 http://b.example.com/x | text\n"
            "1 http://a.example.com/ | text\n"
            "1 off@list.example.com | header\n"
            "1 me@example.com | text\n");
  EXPECT_EQ(b.spans(),
            "0:http://b.example.com/x=2 0:me@example.com=mail 0:http://a.example.com/=3 "
            "0:www.subject.example.com=0 1:http://B.example.com/x=2 ");
  EXPECT_EQ(b.batch.texts.row(0)[1].url_bytes, 22u);
  EXPECT_EQ(b.batch.urls.row(0)[2].part, 1u);
  EXPECT_EQ(b.batch.urls.row(0)[2].found, "http://b.example.com/x");
}

TEST(Urls, rows_do_not_see_each_other) {
  Build b;
  for (int i = 0; i < 3; ++i) {
    b.row();
    if (i != 1) b.text("http://example.com/ me@example.com http://example.com/");
    b.end();
  }
  b.run();
  const std::string both = "2 http://example.com/ | text\n1 me@example.com | text\n";
  EXPECT_EQ(b.dump(0), both);
  EXPECT_EQ(b.dump(1), "");
  EXPECT_EQ(b.dump(2), both);
  EXPECT_EQ(b.batch.url_spans.rows(), 3u);
}

TEST(Urls, flags_say_where_in_html_a_url_stands) {
  Build b;
  b.row();
  b.html("Click here or see http://text.example.com now");
  b.link("http://a.example.com/", "Click here");
  b.link("http://img.example.com/x.gif", "", HtmlTag::kImg);
  b.link("http://css.example.com/x.css", "", HtmlTag::kLink);
  b.link("http://form.example.com/", "", HtmlTag::kForm);
  b.link("http://hidden.example.com/", "", HtmlTag::kA, true);
  b.link("mailto:a@example.com,b@example.com?subject=x", "");
  b.link("tel:+1-201-555-0123", "");
  b.link("#top", "");
  b.link("cid:part1@x", "", HtmlTag::kImg);
  b.link("data:image/gif;base64,R0", "", HtmlTag::kImg);
  b.link("data:text/html,x", "");
  b.link("relative/path.html", "");
  b.link("www.example.com/page", "");
  b.link("//cdn.example.com/x", "", HtmlTag::kImg);
  b.link("c@example.com", "");
  b.end();
  b.run();
  EXPECT_EQ(b.dump(),
            "1 http://a.example.com/ | html\n"
            "1 http://img.example.com/x.gif | image html\n"
            "1 http://css.example.com/x.css | special html\n"
            "1 http://form.example.com/ | special html\n"
            "1 http://hidden.example.com/ | invisible html\n"
            "1 tel:+12015550123 | html\n"
            "1 data:text/html,x | html\n"
            "1 http://www.example.com/page | schemaless html\n"
            "1 http://cdn.example.com/x | schemaless image html\n"
            "1 http://text.example.com | html\n"
            "1 a@example.com | html\n"
            "1 b@example.com | html\n"
            "1 c@example.com | html\n");
}

TEST(Urls, resolves_against_the_base) {
  const struct {
    std::string_view base, href, expected;
  } rows[] = {
      {"http://example.com/a/b", "c", "http://example.com/a/c"},
      {"http://example.com/a/b", "/c", "http://example.com/c"},
      {"http://example.com/a/b?q", "?x", "http://example.com/a/b?x"},
      {"http://example.com/a/b?q=/z/", "c", "http://example.com/a/c"},
      {"http://example.com", "c", "http://example.com/c"},
      {"http://example.com", "?c", "http://example.com?c"},
      {"http://example.com/a/", "../../c", "http://example.com/c"},
      {"http://example.com/a/", "//other.example.net/c", "http://other.example.net/c"},
      {"http://example.com/a/", "https://other.example.net/c", "https://other.example.net/c"},
      {"http://example.com:8080/a", "c", "http://example.com:8080/c"},
      {"http://example.com/a", "www.x.com", "http://example.com/www.x.com"},
      {"http://example.com/a", "/\\other.example.net/c", "http://other.example.net/c"},
      {"http://example.com/a", "\\/other.example.net/c", "http://other.example.net/c"},
      {"http://example.com/a", "/\\/other.example.net", "http://other.example.net"},
      {"http://example.com/a/b", "http:c", "http://example.com/a/c"},
      {"http://example.com/a/b", "http:tel:c", "http://example.com/a/tel:c"},
      {"http://example.com/a/b", "HTTP:/c", "http://example.com/c"},
      {"http://example.com/a/b", "http:/\\other.example.net/c", "http://other.example.net/c"},
      {"http://example.com/a/b", "https:other.example.net", "https://other.example.net"},
      {"http://example.com/a?q#f", "#x", "http://example.com/a?q#x"},
      {"http://example.com/a?q#f", "", "http://example.com/a?q"},
      {"http://example.com/a?q#f", "http:", "http://example.com/a?q"},
      {"http://example.com", "#", "http://example.com#"},
      {"", "#x", ""},
      {"", "", ""},
      {"", "/\\other.example.net/c", "http://other.example.net/c"},
      {"mailto:x@example.com", "c", ""},
      {"nonsense", "c", ""},
  };
  for (const auto& row : rows) {
    Build b;
    b.row();
    b.html("x", row.base);
    b.link(row.href, "x");
    b.end();
    b.run();
    const auto urls_of_row = b.batch.urls.row(0);
    EXPECT_EQ(urls_of_row.empty() ? "" : urls_of_row[0].normal, row.expected)
        << row.base << " " << row.href;
  }
}

TEST(Urls, compares_what_is_shown_with_the_target) {
  std::string padded;
  for (int i = 0; i < 700; ++i) padded += "\u200B";
  padded += "https://bank.com";
  const struct {
    std::string_view shown, href;
    bool phished;
    std::string_view kept;  // Url::shown
  } rows[] = {
      {"http://bank.example.com/", "http://evil.example.net/", true, "http://bank.example.com/"},
      {"bank.example.com", "http://evil.example.net/", true, "bank.example.com"},
      {"www.bank.com", "https://evil.example.net/", true, "www.bank.com"},
      {"  (https://bank.com) ", "https://evil.example.net/", true, "https://bank.com"},
      {"http://bank.com", "http://192.0.2.1/", true, "http://bank.com"},
      // behind blanks of any kind, and more of them than a text is long
      {"\u2003\u2002\u3000\u00A0https://bank.com", "http://evil.example.net/", true,
       "https://bank.com"},
      {"\u2028\u2800\u3164\u180Ehttps://bank.com", "http://evil.example.net/", true,
       "https://bank.com"},
      {padded, "http://evil.example.net/", true, "https://bank.com"},
      {"\u2022 https://bank.com", "http://evil.example.net/", false, ""},
      // the same host or organisation
      {"http://bank.com/", "https://bank.com/login", false, "http://bank.com/"},
      {"www.bank.com", "https://click.bank.com/x", false, "www.bank.com"},
      {"bank.co.uk", "https://mail.bank.co.uk/x", false, "bank.co.uk"},
      {"bank.co.uk", "https://evil.co.uk/x", true, "bank.co.uk"},
      // shown below the target: user.github.io and github.io are two organisations by the list
      {"user.github.io", "https://github.io/", false, "user.github.io"},
      {"github.io", "https://user.github.io/", true, "github.io"},
      // a known redirector that leads there
      {"bank.com", "https://r.example.net/go?u=https%3A%2F%2Fwww.bank.com%2Fx", false, "bank.com"},
      {"bank.com", "https://r.example.net/go?u=www.bank.com", false, "bank.com"},
      {"bank.com", "https://eur01.links.example/x?u=www.bank.com&d=a%40b.com", false, "bank.com"},
      {"bank.com", "https://r.example.net/go?u=https%3A%2F%2Fother.com", true, "bank.com"},
      {"bank.com", "https://r.example.net/go?u=bank.com", true, "bank.com"},
      {"bank.com", "https://www.search.de/url?q=http://bank.com/", false, "bank.com"},
      {"bank.com", "https://www.search.co.uk/url?q=http://bank.com/", false, "bank.com"},
      {"bank.com", "https://www.search.com.br/url?q=http://bank.com/", false, "bank.com"},
      {"bank.com", "https://www.search.blogspot.com/url?q=http://bank.com/", true, "bank.com"},
      {"bank.com", "https://www.search.evil.de/url?q=http://bank.com/", true, "bank.com"},
      {"bank.com", "https://www.search.de/maps?q=http://bank.com/", true, "bank.com"},
      // what else it may open: hosts without a scheme
      {"bank.com", "https://r.example.net/go?u=evil.net&x=http://bank.com/", true, "bank.com"},
      {"bank.com", "https://r.example.net/go?u=http://bank.com/&x=evil.net", true, "bank.com"},
      {"bank.com", "https://r.example.net/go?u=//evil.net/&x=http://bank.com/", true, "bank.com"},
      {"bank.com", "https://r.example.net/go?u=%2F%2F192.0.2.1/&x=http://bank.com", true,
       "bank.com"},
      {"bank.com", "https://r.example.net/go?u=\\\\evil.net&x=http://bank.com", true, "bank.com"},
      {"bank.com", "https://r.example.net/go?u=https:evil.net&x=http://bank.com", true, "bank.com"},
      {"bank.com", "https://r.example.net/go?u=http://bank.com/&x=mail.bank.com", false,
       "bank.com"},
      {"bank.com", "https://r.example.net/go?u=www.evil.com&v=www.bank.com", true, "bank.com"},
      // nobody that is known
      {"bank.com", "https://r.example.net/evil?u=www.bank.com", true, "bank.com"},
      {"bank.com", "https://evil.example.net/go?u=https://bank.com/", true, "bank.com"},
      {"http://bank.com/", "http://evil.com/?http://bank.com/", true, "http://bank.com/"},
      {"bank.com", "https://bank.com.example.net/", true, "bank.com"},
      // no URL at the start, or no web address
      {"see bank.com", "http://evil.example.net/", false, ""},
      {"Click here", "http://evil.example.net/", false, ""},
      {"me@bank.com", "http://evil.example.net/", false, ""},
      {"report.pdf", "http://evil.example.net/", false, ""},
      {"bank.com", "mailto:me@example.net", false, ""},
      {"mailto:x@bank.com", "http://evil.example.net/", false, ""},
      // starts like a URL and is none
      {"http:// bank", "http://evil.example.net/", true, "http:// bank"},
      {"https ://bank.x", "http://evil.example.net/", true, "https ://bank.x"},
      {"httpd manual", "http://evil.example.net/", false, ""},
  };
  constexpr std::string_view kKnown[] = {"r.example.net/go", ".links.example", "www.search.*/url"};
  for (const auto& row : rows) {
    Build b;
    b.plan.redirectors = kKnown;
    b.row();
    b.html(row.shown);
    b.link(row.href, row.shown);
    b.end();
    b.run();
    bool phished = false;
    std::string_view kept;
    for (const Url& url : b.batch.urls.row(0)) {
      phished |= has(url.flags, UrlFlag::kPhished);
      if (!url.shown.empty()) kept = url.shown;
    }
    EXPECT_EQ(phished, row.phished) << row.shown << " -> " << row.href;
    EXPECT_EQ(kept, row.kept) << row.shown << " -> " << row.href;
  }
}

TEST(Urls, both_sides_of_a_shown_link_are_flagged) {
  Build b;
  b.row();
  b.html("go to http://bank.example.com/ now");
  b.link("http://evil.example.net/", "http://bank.example.com/");
  b.html("http:// bank");
  b.link("http://evil.example.org/", "http:// bank");
  b.end();
  b.run();
  EXPECT_EQ(
      b.dump(),
      "1 http://evil.example.net/ | phished url_displayed html from_displayed"
      " | shown http://bank.example.com/\n"
      "1 http://bank.example.com/ | html_displayed html\n"
      "1 http://evil.example.org/ | phished obscured html from_displayed | shown http:// bank\n");
  EXPECT_EQ(b.batch.urls.row(0)[0].shown_domain, "example.com");
}

TEST(Urls, finds_urls_in_queries) {
  Build b;
  b.row();
  b.text(
      "http://r.example.com/"
      "?u=http%3A%2F%2Fa.example.net%2F%3Fv%3Dhttps%253A%252F%252Fb.example.org%252F");
  b.text("http://r.example.com/?u=www.c.example.net&v=plain.example.org");
  b.end();
  b.run();
  EXPECT_EQ(b.dump(),
            "1 http://r.example.com/?u=http%3A%2F%2Fa.example.net%2F%3Fv%3Dhttps%253A%252F%252F"
            "b.example.org%252F | query_encoded text\n"
            "1 http://a.example.net/?v=https%3A%2F%2Fb.example.org%2F | query_encoded query\n"
            "1 https://b.example.org/ | query\n"
            "1 http://r.example.com/?u=www.c.example.net&v=plain.example.org | text\n"
            "1 http://www.c.example.net | schemaless query\n");
}

TEST(Urls, finds_the_addresses_of_mailto) {
  const struct {
    std::string_view href, expected;
  } rows[] = {
      {"a@x.example.com?subject=n@x.example.com", "a@x.example.com"},
      {"?to=a@x.example.com", "a@x.example.com"},
      {"//a@x.example.com", "a@x.example.com"},
      {"a@x.example.com?cc=b@x.example.com&bcc=c@x.example.com,d@x.example.com",
       "a@x.example.com b@x.example.com c@x.example.com d@x.example.com"},
      {"a@x.example.com?body=x&CC=b%40x.example.com%2C%20c@x.example.com#d",
       "a@x.example.com b@x.example.com c@x.example.com"},
      {"%61@x.example.com?cc=&to&bcc=none", "a@x.example.com"},
      {"?subject=n@x.example.com", ""},
  };
  for (const auto& row : rows) {
    const std::string mailto = "mailto:" + std::string(row.href);
    for (const bool html : {false, true}) {
      Build b;
      b.row();
      if (html) b.html("x"), b.link(mailto, "x");
      if (!html) b.text(mailto);
      b.end();
      b.run();
      std::string found;
      for (const Email& email : b.batch.emails.row(0)) {
        found += (found.empty() ? "" : " ") + std::string(email.address);
      }
      if (!html && row.href[0] == '%') continue;  // a text's address starts at its first letter
      EXPECT_EQ(found, row.expected) << mailto << (html ? " in a link" : " in a text");
    }
  }
}

TEST(Urls, finds_names_with_symbols) {
  Build b;
  b.row();
  b.text("http://i❤.ws/ http://💩.la/👍 http://u.example.com👍");
  b.html("x"), b.link("http://☃.net/", "x");
  b.end();
  b.run();
  EXPECT_EQ(b.dump(),
            "1 http://xn--i-7iq.ws/ | idn text\n"
            "1 http://xn--ls8h.la/ | idn text\n"
            "1 http://u.example.com | text\n"
            "1 http://xn--n3h.net/ | idn html\n");
}

TEST(Urls, flags_what_a_calendar_holds) {
  Build b;
  b.row();
  b.text("BEGIN:VEVENT\nURL:http://example.com/a\nATTENDEE:MAILTO:me@example.com\n", "calendar");
  b.text("BEGIN:VCARD\nURL:http://example.com/b\n", "vcard");
  b.end();
  b.run();
  EXPECT_EQ(b.dump(),
            "1 http://example.com/a | calendar\n1 http://example.com/b | text\n"
            "1 me@example.com | calendar\n");
  EXPECT_EQ(b.spans(),
            "0:http://example.com/a=0 0:MAILTO:me@example.com=mail 1:http://example.com/b=1 ");
}

TEST(Urls, limits_are_faults) {
  Build b;
  std::deque<std::string> texts;
  b.plan.limits.urls_max = 10;
  b.plan.limits.url_candidates_max = 25;
  for (const int count : {10, 11, 26}) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += "http://example.com/" + std::to_string(count == 26 ? 0 : i) + " ";
    }
    texts.push_back(text);
    b.row();
    b.text(texts.back());
    b.end();
  }
  b.run();
  const auto fault = [&](uint32_t r) { return b.batch.facts[r].faults.has(Fault::kLimitUrls); };
  EXPECT_FALSE(fault(0));
  EXPECT_TRUE(fault(1));
  EXPECT_TRUE(fault(2));
  EXPECT_EQ(b.batch.urls.row(0).size(), 10u);
  EXPECT_EQ(b.batch.urls.row(1).size(), 10u);
  ASSERT_EQ(b.batch.urls.row(2).size(), 1u);
  EXPECT_EQ(b.batch.urls.row(2)[0].count, 25u);
}

TEST(Urls, a_million_urls_stay_within_limits) {
  Build b;
  std::string text, nested = "http://e.com/";
  for (int i = 0; i < 1'000'000; ++i) text += "http://e" + std::to_string(i) + ".com/ ";
  for (int i = 0; i < 100'000; ++i) nested += "?http://e.com/";
  b.row();
  b.text(text);
  b.text(nested);
  b.end();
  b.run();
  EXPECT_EQ(b.batch.urls.row(0).size(), b.plan.limits.urls_max);
  EXPECT_TRUE(b.batch.facts[0].faults.has(Fault::kLimitUrls));
  EXPECT_LE(b.scratch.finder.candidates, b.plan.limits.url_candidates_max);
}

TEST(UrlTable, keeps_entries_of_equal_hash_apart) {
  UrlTable table;
  for (int row = 0; row < 3; ++row) {
    table.start_row();
    for (uint32_t i = 0; i < 1000; ++i) {
      EXPECT_EQ(table.find(i % 7, [&](uint32_t at) { return at == i; }), kNoIndex);
      table.add(i % 7, i);
    }
    for (uint32_t i = 0; i < 1000; ++i) {
      EXPECT_EQ(table.find(i % 7, [&](uint32_t at) { return at == i; }), i);
    }
  }
}

}  // namespace
}  // namespace winnow
