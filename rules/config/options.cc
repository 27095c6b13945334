#include "rules/config/options.h"

#include <algorithm>
#include <set>

#include "engine/ascii.h"
#include "rules/config/dump.h"
#include "rules/config/embedded.h"

namespace winnow {
namespace {

std::vector<OptionRow> read_rows() {
  std::vector<OptionRow> out;
  std::string_view text = embedded_file(embedded_tables(), "options.tsv").bytes;
  bool first = true;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (first || line.empty()) {
      first = false;
      continue;
    }
    OptionRow row;
    for (std::string_view* cell : {&row.section, &row.key, &row.type, &row.unit, &row.default_value,
                                   &row.since, &row.sentence}) {
      const size_t tab = std::min(line.find('\t'), line.size());
      *cell = line.substr(0, tab);
      line.remove_prefix(std::min(tab + 1, line.size()));
    }
    out.push_back(row);
  }
  return out;
}

struct Table {
  std::vector<OptionRow> rows = read_rows();
  std::set<std::string, std::less<>> inner;  // sections that only hold other sections
  std::vector<std::string_view> top;         // names of sections and modules

  Table() {
    for (const OptionRow& row : rows) {
      for (size_t dot = row.section.find('.'); dot != std::string_view::npos;
           dot = row.section.find('.', dot + 1))
        inner.emplace(row.section.substr(0, dot));
      const std::string_view name = row.section.substr(0, row.section.find('.'));
      if (name == "top level")
        top.push_back(row.key);
      else if (name.find(' ') == std::string_view::npos)
        top.push_back(name);
    }
    std::sort(top.begin(), top.end());
    top.erase(std::unique(top.begin(), top.end()), top.end());
  }
};

const Table& table() {
  static const Table made;
  return made;
}

std::string help_line(const OptionRow& row) {
  std::string out =
      std::string(row.section) + "." + std::string(row.key) + " (" + std::string(row.type);
  if (!row.unit.empty()) out += ", " + std::string(row.unit);
  out += ")";
  if (!row.default_value.empty()) out += " = " + std::string(row.default_value);
  if (!row.since.empty()) out += " [" + std::string(row.since) + "]";
  return out + "\n    " + std::string(row.sentence) + "\n";
}

std::string help_json(const OptionRow& row) {
  std::string out = "{";
  const std::pair<const char*, std::string_view> cells[] = {{"section", row.section},
                                                            {"key", row.key},
                                                            {"type", row.type},
                                                            {"unit", row.unit},
                                                            {"default", row.default_value},
                                                            {"since", row.since},
                                                            {"text", row.sentence}};
  for (const auto& [name, cell] : cells) {
    if (cell.empty()) continue;
    out += (out.size() > 1 ? "," : "") + json_quote(name) + ":" + json_quote(cell);
  }
  return out + "}";
}

std::string render(const std::vector<const OptionRow*>& rows, bool json) {
  if (rows.empty()) return {};
  std::string out = json ? "[" : "";
  for (const OptionRow* row : rows) {
    if (json)
      out += (out.size() > 1 ? ",\n " : "") + help_json(*row);
    else
      out += help_line(*row);
  }
  return json ? out + "]\n" : out;
}

}  // namespace

std::span<const OptionRow> option_rows() { return table().rows; }

std::span<const std::string_view> option_sections() { return table().top; }

bool is_option_section(std::string_view path) {
  return !section_options(path).empty() || table().inner.contains(path);
}

std::span<const OptionRow> section_options(std::string_view section) {
  const auto& rows = table().rows;
  const auto less = [](const OptionRow& row, std::string_view name) { return row.section < name; };
  const auto first = std::lower_bound(rows.begin(), rows.end(), section, less);
  auto last = first;
  while (last != rows.end() && last->section == section) ++last;
  return {&*first, static_cast<size_t>(last - first)};
}

const OptionRow* find_option(std::string_view section, std::string_view key) {
  const auto rows = section_options(section);
  const auto at =
      std::lower_bound(rows.begin(), rows.end(), key,
                       [](const OptionRow& row, std::string_view name) { return row.key < name; });
  return at != rows.end() && at->key == key ? &*at : nullptr;
}

const OptionRow* option_of(const UclObject& value) {
  // The keys from the section down; elements of lists have none.
  std::vector<std::string_view> keys;
  for (const UclObject* at = &value; at->parent(); at = at->parent())
    if (!at->key().empty()) keys.push_back(at->key());
  constexpr size_t kKeysMax = 8;
  if (keys.empty() || keys.size() > kKeysMax) return nullptr;
  std::reverse(keys.begin(), keys.end());
  if (keys.size() == 1) return find_option("top level", keys[0]);
  // Each key but the first may be what the table calls *.
  std::vector<std::string> sections{std::string(keys[0])};
  for (size_t i = 1; i + 1 < keys.size(); ++i) {
    std::vector<std::string> next;
    for (const std::string& section : sections)
      for (std::string_view part : {keys[i], std::string_view("*")})
        if (std::string deeper = section + "." + std::string(part); is_option_section(deeper))
          next.push_back(std::move(deeper));
    sections = std::move(next);
  }
  if (keys[0] == "symbols") sections = {"group.*.symbols.*"};
  for (const std::string& section : sections)
    if (const OptionRow* row = find_option(section, keys.back())) return row;
  return nullptr;
}

std::string option_help(std::string_view path, bool json) {
  // `workers.normal.x` is how the old reference names `worker.normal.x`.
  std::string wanted(path);
  if (wanted.substr(0, 8) == "workers.") wanted.erase(6, 1);
  std::vector<const OptionRow*> out;
  for (const OptionRow& row : table().rows) {
    const std::string full = std::string(row.section) + "." + std::string(row.key);
    if (row.section == wanted || full == wanted ||
        row.section.substr(0, wanted.size() + 1) == wanted + ".")
      out.push_back(&row);
  }
  if (out.empty()) {
    // A key that every worker or every rule of that kind has.
    const size_t dot = wanted.rfind('.');
    if (dot != std::string::npos) {
      const size_t before = wanted.rfind('.', dot - 1);
      const std::string general =
          (before == std::string::npos ? wanted.substr(0, 0) : wanted.substr(0, before + 1)) + "*";
      if (const OptionRow* row = find_option(general, wanted.substr(dot + 1))) out.push_back(row);
    }
  }
  return render(out, json);
}

std::string option_search(std::string_view keyword, bool json) {
  std::vector<const OptionRow*> out;
  const auto has = [&](std::string_view text) { return find_caseless(text, keyword) != text.npos; };
  if (!keyword.empty())
    for (const OptionRow& row : table().rows)
      if (has(row.key) || has(row.sentence) || has(row.section)) out.push_back(&row);
  return render(out, json);
}

}  // namespace winnow
