#include "pipeline/learn/rspamd_dump.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace {

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<uint8_t>(c) < ' ')
      out += fmt::format("\\u{:04x}", static_cast<uint8_t>(c));
    else
      out += c;
  }
  return out + '"';
}

template <class Number>
bool whole(std::string_view text, Number& out, int base = 10) {
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return !text.empty() && wrong == std::errc() && end == text.data() + text.size();
}

// A value of a hash: text, or a number as it stands.
std::string value_text(simdjson::dom::element value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(value);
}

bool take_value(std::string_view name, simdjson::dom::element value, DumpedKey& out) {
  out = {.key = std::string(name), .fields = {}, .members = {}};
  simdjson::dom::object hash;
  simdjson::dom::array list;
  if (value.get(hash) == simdjson::SUCCESS) {
    for (const auto& [field, one] : hash) out.fields.emplace_back(field, value_text(one));
    return true;
  }
  if (value.get(list) != simdjson::SUCCESS) return false;
  out.set = true;
  for (const simdjson::dom::element one : list) out.members.push_back(value_text(one));
  return true;
}

std::string fields_text(const DumpedKey& key) {
  std::string out = "{";
  for (const auto& [field, value] : key.fields)
    out +=
        fmt::format("{}{}:{}", out.size() > 1 ? "," : "", json_quoted(field), json_quoted(value));
  return out + "}";
}

}  // namespace

Result<void> read_rspamd_dump(std::istream& in,
                              const std::function<Result<void>(DumpedKey&&)>& take) {
  simdjson::dom::parser parser;
  unsigned number = 0;
  const auto wrong = [&] {
    return fail(Error{.what = "this is no line of `statistics_dump dump`", .line = number});
  };
  for (std::string line; std::getline(in, line);) {
    ++number;
    while (!line.empty() && (line.back() == ',' || line.back() == '\r')) line.pop_back();
    if (line.empty() || line == "}}") continue;
    DumpedKey key;
    simdjson::dom::object object;
    if (line.starts_with("{\"pattern\"")) {
      simdjson::dom::element meta;
      std::string_view pattern;
      if (parser.parse(line + "}}").get(object) != simdjson::SUCCESS ||
          object["pattern"].get(pattern) != simdjson::SUCCESS ||
          object["meta"].get(meta) != simdjson::SUCCESS || !take_value(pattern, meta, key))
        return wrong();
      if (Result<void> good = take(std::move(key)); !good) return good;
      continue;
    }
    if (parser.parse("{" + line + "}").get(object) != simdjson::SUCCESS || object.size() != 1)
      return wrong();
    const auto first = *object.begin();
    if (!take_value(first.key, first.value, key)) return wrong();
    if (Result<void> good = take(std::move(key)); !good) return good;
  }
  return {};
}

std::string dump_line(const DumpedKey& key) {
  if (!key.set) return fmt::format("{}: {}", json_quoted(key.key), fields_text(key));
  std::string members;
  for (const std::string& one : key.members)
    members += fmt::format("{}{}", members.empty() ? "" : ", ", json_quoted(one));
  return fmt::format("{}: [{}]", json_quoted(key.key), members);
}

std::string dump_json_begin(const DumpedKey& key) {
  return fmt::format("{{\"pattern\": {}, \"meta\": {}, \"elts\": {{", json_quoted(key.key),
                     fields_text(key));
}
std::string dump_json_token(const DumpedKey& key, bool first) {
  return fmt::format("{}\n{}: {}", first ? "" : ",", json_quoted(key.key), fields_text(key));
}

bool split_token_key(std::string_view name, std::string& key, uint64_t& token) {
  const size_t line = name.rfind('_');
  if (line == std::string_view::npos || !whole(name.substr(line + 1), token)) return false;
  key = name.substr(0, line);
  return true;
}

Result<void> add_dumped(const DumpedKey& dumped, std::map<std::string, CountTable>& to) {
  if (dumped.set) return {};
  std::string name;
  uint64_t token = 0;
  const bool is_token = split_token_key(dumped.key, name, token);
  if (!is_token) name = dumped.key;
  const bool ours = name.starts_with("WN");
  if (!ours && !name.starts_with("RS"))
    return fail(fmt::format("{}: only keys that begin with RS or WN are statistics here", name));
  CountTable& table = to[name];
  table.tokenizer = ours ? Tokenizer::kWinnow : Tokenizer::kOsb;
  const std::string_view rest = std::string_view(name).substr(2);
  if (!rest.starts_with('#'))
    table.user = rest;
  else if (!whole(rest.substr(1), table.scope, 16))
    return fail(fmt::format("{}: no scope of 16 digits stands behind the #", name));
  for (const auto& [field, text] : dumped.fields) {
    const bool spam = field == (is_token ? "S" : "learns_spam");
    if (!spam && field != (is_token ? "H" : "learns_ham")) continue;
    // Rspamd adds as floating point numbers; what is below nothing is nothing.
    double number = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (wrong != std::errc() || end != text.data() + text.size() || !(number < 1e15))
      return fail(fmt::format("{} {}: \"{}\" is no count", dumped.key, field, text));
    const auto count = static_cast<uint64_t>(std::max(0.0, number));
    if (is_token)
      (spam ? table.counts[token].spam : table.counts[token].ham) += count;
    else
      (spam ? table.learns.spam : table.learns.ham) += count;
  }
  return {};
}

}  // namespace winnow
