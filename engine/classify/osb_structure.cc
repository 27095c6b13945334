// The words of the third pass (facts/bayes.md, "lua_stat tokens in list order"): structure, chosen
// headers, links, date. Hashed as they stand.
//
// Rspamd walks the headers in the order of a Lua hash table, which is another one after each start
// of it: seen are all turns of Organization, X-Mailer, Content-Type, User-Agent, X-MimeOLE. So
// where a message has two of them, not even two processes of Rspamd make the same tokens.
#include <algorithm>
#include <array>
#include <string>

#include "engine/ascii.h"
#include "engine/classify/logarithm.h"
#include "engine/classify/osb.h"
#include "engine/content/content.h"
#include "engine/mime/header_names.h"
#include "engine/text/charset.h"

namespace winnow {

namespace {

class Words {
 public:
  Words(std::string& text, std::vector<uint64_t>& out) : text_(text), out_(out) {}

  template <class... Pieces>
  void add(Pieces... pieces) {
    text_.clear();
    (put(pieces), ...);
    out_.push_back(osb_hash(text_));
  }

 private:
  void put(std::string_view piece) { text_ += piece; }
  void put(uint64_t number) { text_ += std::to_string(number); }
  std::string& text_;
  std::vector<uint64_t>& out_;
};

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The pieces of a file name: parted at - _ blank . #, before an upper-case letter that follows a
// lower-case one, between letter and digit; two characters or more, not all digits.
void add_pieces(std::string_view base, Words& words) {
  size_t begin = 0;
  const auto finish = [&](size_t end) {
    const std::string_view piece = base.substr(begin, end - begin);
    if (piece.size() >= 2 && !std::ranges::all_of(piece, is_digit))
      words.add("#fp:", std::string_view(lowered(piece)));
  };
  const auto is_mark = [](char c) {
    return c == '-' || c == '_' || c == ' ' || c == '.' || c == '#';
  };
  const auto is_letter = [](char c) { return is_upper(c) || is_lower(c); };
  for (size_t i = 0; i < base.size(); ++i) {
    if (is_mark(base[i])) {
      finish(i);
      begin = i + 1;
    } else if (i > begin && ((is_lower(base[i - 1]) && is_upper(base[i])) ||
                             (is_letter(base[i - 1]) && is_digit(base[i])))) {
      finish(i);
      begin = i;
    }
  }
  finish(base.size());
}

void add_file_name(std::string_view name, bool pieces, Words& words) {
  words.add("#f:", name);
  if (!pieces) return;
  std::string_view base = name;
  if (const size_t dot = base.rfind('.'); dot != std::string_view::npos) {
    const std::string last = lowered(base.substr(dot + 1));
    base = base.substr(0, dot);
    if (last.size() >= 2) words.add("#fe:", std::string_view(last));
    if (const size_t earlier = base.rfind('.');
        earlier != std::string_view::npos && last.size() > 1)
      words.add("#fe:", std::string_view(lowered(base.substr(earlier + 1))), ".",
                std::string_view(last));
  }
  add_pieces(base, words);
}

// As Rspamd names it: what ICU calls the converter of the declared charset; ASCII is UTF-8. A
// charset that was found out has the name that ICU's detector gives it, which for most is in
// capitals.
std::string charset_name(const Text& text, const Part& part) {
  if (text.charset == "utf-8" || text.charset == "us-ascii") return "UTF-8";
  if (text.flags & static_cast<uint16_t>(TextFlag::kCharsetDeclared))
    if (const std::string_view name = icu_name(part.charset); !name.empty())
      return std::string(name);
  std::string name(text.charset);
  if (name.starts_with("iso-") || name.starts_with("koi8-"))
    for (char& c : name)
      if (is_lower(c)) c = static_cast<char>(c - 32);
  return name;
}

std::string_view first_header(const Batch& batch, uint32_t row, known::Known name) {
  const std::span<const Header> all = batch.headers.row(row);
  for (uint32_t i = 0; i < batch.facts[row].root_headers; ++i)
    if (all[i].id == header_id(name)) return all[i].decoded;
  return {};
}

// Which kinds of text there are, and which are strange.
void add_shape(std::span<const Part> parts, std::span<const Text> texts, Words& words) {
  bool plain = false, html = false, short_text = false, empty_plain = false, empty_html = false;
  for (const Text& text : texts) {
    if (text.part < parts.size() && is_svg_page(parts[text.part])) continue;
    const bool is_html = text.html != kNoIndex;
    (is_html ? html : plain) = true;
    short_text |= text.lines - text.empty_lines <= 2;
    if (text.words.empty()) (is_html ? empty_html : empty_plain) = true;
  }
  const bool multipart = !parts.empty() && parts[0].kind == PartKind::kMultipart;
  std::string text = "#m:";
  text += multipart && plain && html ? "#mpth"
          : html && !plain           ? "#ho"
          : plain && !html           ? "#to"
                                     : "#unk";
  if (short_text) text += "#ot";
  if (empty_plain) text += "#ep";
  if (empty_html) text += "#eh";
  words.add(std::string_view(text));
}

// `spf=…`, `dkim=…:domain` of Authentication-Results, as Rspamd joins them.
void add_authentication(std::string_view results, Words& words) {
  std::string text;
  for (size_t at = results.find(';'); at != std::string_view::npos;) {
    const size_t next = results.find(';', at + 1);
    std::string_view one = results.substr(at + 1, next - at - 1);
    while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
    const auto value_of = [&](std::string_view key) {
      const size_t found = one.find(key);
      if (found == std::string_view::npos) return std::string_view{};
      const std::string_view rest = one.substr(found + key.size());
      return rest.substr(0, rest.find_first_of(" \t;("));
    };
    if (one.starts_with("spf=")) {
      if (!text.empty()) text += ',';
      (text += "s=") += value_of("spf=");
    } else if (one.starts_with("dkim=")) {
      std::string_view domain = value_of("header.d=");
      if (domain.empty()) {
        domain = value_of("header.i=");
        domain.remove_prefix(domain.find('@') + 1);
      }
      if (!text.empty()) text += ',';
      ((text += "d=") += value_of("dkim=")) += ':';
      text += domain;
    }
    at = next;
  }
  if (!text.empty()) words.add("#aur:", std::string_view(text));
}

}  // namespace

void osb_structure_words(const OsbOptions& options, OsbScratch& scratch, const Batch& batch,
                         uint32_t row, std::vector<uint64_t>& out) {
  Words words(scratch.text, out);
  const std::span<const Part> parts = batch.parts.row(row);
  const std::span<const Text> texts = batch.texts.row(row);
  for (const Part& part : parts) {
    if (part.kind == PartKind::kMultipart) continue;
    if (!part.decoded.empty())
      words.add("#ps:",
                static_cast<uint64_t>(natural_log(static_cast<double>(part.decoded.size()))));
    if (!part.filename.empty()) add_file_name(part.filename, options.filename_pieces, words);
    if (part.text >= texts.size() || is_svg_page(part)) continue;
    const Text& text = texts[part.text];
    words.add("#lang:", text.language.empty() ? std::string_view("unk") : text.language);
    words.add("#cs:", std::string_view(charset_name(text, part)));
  }
  add_shape(parts, texts, words);

  constexpr std::array<std::pair<known::Known, std::string_view>, 5> kHeaders{{
      {known::kOrganization, "org"},
      {known::kXMailer, "xmai"},
      {known::kContentType, "C-T"},
      {known::kUserAgent, "U-A"},
      {known::kXMimeOle, "xmim"},
  }};
  for (const auto& [name, shown] : kHeaders)
    if (const std::string_view value = first_header(batch, row, name); !value.empty())
      words.add("#h:", shown, ":", value);

  for (const Address& address : batch.addresses.row(row)) {
    if (address.field != AddressField::kFrom) continue;
    words.add("#F:", address.name);  // without a name, too
    break;
  }

  constexpr size_t kUrlsMax = 5;
  std::array<std::string_view, kUrlsMax> named;
  size_t n = 0;
  for (const Url& url : batch.urls.row(row)) {
    if (n == kUrlsMax) break;
    if (url.domain.empty() ||
        std::find(named.begin(), named.begin() + n, url.domain) != named.begin() + n)
      continue;
    named[n++] = url.domain;
    words.add("#u:", url.domain);
  }

  // Day of the week (ISO 8601: 7 = Sunday) and hour, in GMT.
  if (const Facts& facts = batch.facts[row]; facts.has_date && facts.date >= 0) {
    const auto day = static_cast<uint64_t>((facts.date / 86400 + 3) % 7 + 1);
    const auto hour = static_cast<uint64_t>(facts.date / 3600 % 24);
    words.add("#dt:", day, hour < 10 ? ":0" : ":", hour);
  }
  if (const std::string_view results = first_header(batch, row, known::kAuthenticationResults);
      !results.empty())
    add_authentication(results, words);
}

}  // namespace winnow
