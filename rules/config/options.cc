#include "rules/config/options.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "rules/config/dump.h"
#include "rules/config/embedded.h"
#include "rules/config/nearest.h"

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

// The section exists, with keys of its own or with sections inside.
bool known_section(const std::string& name) {
  return !section_options(name).empty() || table().inner.count(name) > 0;
}

class Checker {
 public:
  explicit Checker(std::vector<Warning>& warnings) : warnings_(warnings) {}

  void run(const UclObject& root) {
    for (const UclObject& section : root.children()) {
      const std::string name(section.key());
      if (!std::binary_search(table().top.begin(), table().top.end(), section.key())) {
        warn(section, "There is no section or module \"" + name + "\".",
             did_you_mean(name, table().top));
        continue;
      }
      for (const UclObject& value : section.values()) {
        if (!value.is_object()) continue;
        nesting(value, name);
        open_.push_back({&value, {name}});
      }
    }
    // A work list: no recursion, whatever the nesting.
    while (!open_.empty()) {
      const Open next = std::move(open_.back());
      open_.pop_back();
      section(*next.object, next.sections);
    }
    std::stable_sort(found_.begin(), found_.end(), [](const Warning& a, const Warning& b) {
      return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
    });
    warnings_.insert(warnings_.end(), found_.begin(), found_.end());
  }

 private:
  struct Open {
    const UclObject* object;
    std::vector<std::string> sections;  // table sections whose keys may stand here
  };

  void warn(const UclObject& at, std::string what, std::string advice) {
    const Place place = at.key_place();
    found_.push_back({.file = std::string(place.file),
                      .line = place.line,
                      .column = place.column,
                      .what = std::move(what),
                      .advice = std::move(advice)});
  }

  // `dkim_signing { … }` inside local.d/dkim_signing.conf, which is inside that section already.
  void nesting(const UclObject& value, const std::string& name) {
    const UclObject* again = value.find(name);
    if (!again || !again->is_object()) return;
    if (find_option(name, name)) return;
    warn(*again, name + " { } stands inside its own section, where nothing reads it.",
         "Remove the outer \"" + name +
             " {\" and its brace: the file is inside that section "
             "already.");
    nested_.insert(again);
  }

  static bool shipped(const UclObject& value) {
    return value.key_place().file.substr(0, 8) == "policy:/";
  }

  std::vector<std::string> deeper(const std::vector<std::string>& sections,
                                  const UclObject& child) const {
    std::vector<std::string> out;
    const auto add = [&](std::string name) {
      if (known_section(name)) out.push_back(std::move(name));
    };
    for (const std::string& section : sections) {
      add(section + "." + std::string(child.key()));
      add(section + ".*");
      // Scanners by their kind, whatever the rule is called.
      const std::string_view type = child.is_object() ? child.string("type", "") : "";
      if (!type.empty() && type != child.key()) add(section + "." + std::string(type));
    }
    return out;
  }

  static std::vector<std::string> entries(const std::vector<std::string>& sections) {
    std::vector<std::string> out = sections;
    for (const std::string& section : sections)
      if (known_section(section + ".*")) out.push_back(section + ".*");
    return out;
  }

  void section(const UclObject& object, const std::vector<std::string>& sections) {
    bool wild = false;
    for (const std::string& name : sections)
      for (const OptionRow& row : section_options(name)) wild |= row.key.substr(0, 1) == "<";
    for (const UclObject& child : object.children()) {
      if (nested_.count(&child)) continue;
      const OptionRow* row = nullptr;
      for (const std::string& name : sections)
        if (!row) row = find_option(name, child.key());
      const std::vector<std::string> inside = deeper(sections, child);
      bool walked = false;
      for (const UclObject* value : child.list())
        if (value->is_object() && !inside.empty()) {
          // Elements of a list are what a named entry of the section would be.
          open_.push_back({value, value->parent()->is_array() && value->key().empty()
                                      ? entries(inside)
                                      : inside});
          walked = true;
        }
      if (shipped(child)) continue;
      if (row) {
        check_value(child, *row);
        continue;
      }
      const bool module = sections.front().find('.') == std::string::npos;
      if (walked || wild || find_option("redis-using modules", child.key()) ||
          find_option("redis", child.key()) ||
          (module && find_option("any module section", child.key())))
        continue;
      unknown(child, sections);
    }
  }

  void unknown(const UclObject& child, const std::vector<std::string>& sections) {
    std::vector<std::string_view> names{"enabled"};
    bool keyed = false;
    for (const std::string& name : sections) {
      for (const OptionRow& row : section_options(name)) names.push_back(row.key);
      keyed |= known_section(name + ".*");
    }
    if (names.size() == 1 && !keyed) return;  // a section whose keys nobody has listed
    const std::string_view name = sections.front();
    warn(child, "\"" + std::string(child.key()) + "\" is no option of " + std::string(name) + ".",
         did_you_mean(child.key(), names));
  }

  void wrong_type(const UclObject& value, const OptionRow& row, std::string_view wanted) {
    warn(value,
         std::string(row.section) + "." + std::string(value.key()) + " takes " +
             std::string(wanted) + ", not " +
             (value.is_container() ? std::string(type_name(value.type()))
                                   : dump_scalar(value, DumpFormat::kUcl)) +
             ".",
         "");
  }

  void check_value(const UclObject& head, const OptionRow& row) {
    const bool many =
        row.type == "list" || row.type == "map" || row.type == "object" || row.type == "expression";
    if (!many && head.repeated() && !head.is_container())
      warn(head.last_value(),
           "\"" + std::string(head.key()) +
               "\" stands twice with the same priority; this one counts.",
           "Remove the one at " + head.key_place().text() + ".");
    const UclObject& value = head.last_value();
    if (value.is_null() || value.is_container()) return;
    if (row.type == "bool") {
      if (!value.as_bool()) wrong_type(value, row, "true or false");
    } else if (row.type == "int") {
      if (!value.as_int()) wrong_type(value, row, "a whole number");
    } else if (row.type == "float" || row.type == "size") {
      if (!value.as_number()) wrong_type(value, row, row.type == "size" ? "a size" : "a number");
    } else if (row.type == "time") {
      if (!value.as_seconds() || value.is_null())
        wrong_type(value, row, "a time (30s, 5min, 1h, 2d)");
    } else if (row.type == "enum") {
      check_enum(value, row);
    }
    check_range(value, row);
  }

  void check_enum(const UclObject& value, const OptionRow& row) {
    std::vector<std::string_view> names;
    std::string_view rest = row.unit;
    while (!rest.empty()) {
      const size_t bar = std::min(rest.find('|'), rest.size());
      const std::string_view name = rest.substr(0, bar);
      // Rows with prose in them ("high (3)|…") list no closed set.
      if (name.empty() || name.find_first_of(" (,;") != std::string_view::npos) return;
      names.push_back(name);
      rest.remove_prefix(std::min(bar + 1, rest.size()));
    }
    if (names.size() < 2) return;
    for (std::string_view name : names)
      if (name == value.text()) return;
    wrong_type(value, row, "one of " + std::string(row.unit));
  }

  void check_range(const UclObject& value, const OptionRow& row) {
    const auto number = value.as_number();
    if (!number) return;
    std::string_view wanted;
    if (row.unit == "0..1" && !(*number >= 0 && *number <= 1)) wanted = "a number from 0 to 1";
    if (row.unit == "port" && !(*number >= 0 && *number <= 65535)) wanted = "a port (0 to 65535)";
    if (row.unit == ">= 0" && !(*number >= 0)) wanted = "a number of 0 or more";
    if (row.unit == "<= 0" && !(*number <= 0)) wanted = "a number of 0 or less";
    if (row.unit == "count" && *number < -1) wanted = "a count";
    if (row.type == "time" && *number < 0 && row.default_value.substr(0, 1) != "-")
      wanted = "a time of 0 or more";
    if (!wanted.empty()) wrong_type(value, row, wanted);
  }

  std::vector<Warning>& warnings_;
  std::vector<Warning> found_;
  std::vector<Open> open_;
  std::set<const UclObject*> nested_;
};

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

bool contains_nocase(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) {
    const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return low(a) == low(b);
  };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

}  // namespace

std::span<const OptionRow> option_rows() { return table().rows; }

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

void check_options(const UclObject& root, std::vector<Warning>& warnings) {
  Checker(warnings).run(root);
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
  if (!keyword.empty())
    for (const OptionRow& row : table().rows)
      if (contains_nocase(row.key, keyword) || contains_nocase(row.sentence, keyword) ||
          contains_nocase(row.section, keyword))
        out.push_back(&row);
  return render(out, json);
}

}  // namespace winnow
