#include "pipeline/learn/rspamd_dump.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace {

constexpr uint32_t kScanStep = 4'096;

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

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return out;
}

std::string key_of(Tokenizer tokenizer, uint64_t scope) {
  const bool osb = tokenizer == Tokenizer::kOsb;
  return scope == 0 ? osb ? "RS" : "WN" : fmt::format("{}#{:016x}", osb ? "RS" : "WN", scope);
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

Result<void> dump_folder(const TokenStatistics& statistics,
                         const std::function<void(const DumpedKey&)>& take) {
  const auto walk = [&](std::string_view prefix, const auto& use) -> Result<void> {
    std::string after;
    for (bool more = true; more;) {
      const auto rows = statistics.store().scan(prefix, after, kScanStep);
      if (!rows) return fail(rows.error());
      for (const CounterRow& row : *rows) use(row);
      more = rows->size() == kScanStep;
      if (more) after = rows->back().key;
    }
    return {};
  };
  const Result<ClassNames> names = read_class_names(statistics.store());
  if (!names) return fail(names.error());
  // Fields of the two classes of a plane, as they are in Redis where no label says otherwise.
  const auto append_fields = [&](const CounterRow& row, const CounterKey& at, DumpedKey& to) {
    for (size_t i = 0; i < std::min<size_t>(2, row.counts.size()); ++i) {
      const size_t number = at.plane * size_t{2} + i;
      if (row.counts[i] == 0 || number >= names->size()) continue;
      const std::string_view name = (*names)[number].name();
      const RedisLayout::Class stands{std::string(name), "",
                                      number == 0   ? "S"
                                      : number == 1 ? "H"
                                                    : std::string(name)};
      to.fields.emplace_back(at.learns ? stands.learns_field() : stands.field,
                             std::to_string(row.counts[i]));
    }
  };
  // The layout of keys is that of statistics.h.
  std::map<std::string, DumpedKey> keys;
  for (const std::string_view kind : {"n", "m"}) {
    const Result<void> good = walk(kind, [&](const CounterRow& row) {
      const std::optional<CounterKey> at = CounterKey::of(row.key);
      if (!at) return;
      const std::string name = key_of(at->tokenizer, at->scope);
      DumpedKey& key =
          keys.try_emplace(name, DumpedKey{.key = name, .fields = {}, .members = {}}).first->second;
      append_fields(row, *at, key);
    });
    if (!good) return good;
  }
  DumpedKey set{.key = "", .set = true, .fields = {}, .members = {}};
  for (const auto& [name, key] : keys) set.members.push_back(name);
  for (const LearnLabel& one : *names) {
    set.key = fmt::format("BAYES_{}_keys", upper(one.name()));
    take(set);
  }
  for (auto& [name, key] : keys) {
    key.fields.emplace_back("version", "2");
    take(key);
  }
  // A token has a line for each two classes.
  for (const std::string_view kind : {"t", "u", "x"}) {
    const Result<void> good = walk(kind, [&](const CounterRow& row) {
      const std::optional<CounterKey> at = CounterKey::of(row.key);
      if (!at) return;
      DumpedKey key{.key = fmt::format("{}_{}", key_of(at->tokenizer, at->scope), at->hash),
                    .fields = {},
                    .members = {}};
      append_fields(row, *at, key);
      if (!key.fields.empty()) take(key);
    });
    if (!good) return good;
  }
  return {};
}

}  // namespace winnow
