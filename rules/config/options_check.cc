// What is wrong with a loaded configuration, told by the table of options. One walk over the tree
// beside the sections of the table: a section of the tree may be several of the table at once
// (`antivirus.clamav` is the scanner of that kind and a rule of any name), so each open object
// carries the names of all that its keys may come from. A work list, no recursion.
#include <algorithm>
#include <set>
#include <tuple>

#include "rules/config/dump.h"
#include "rules/config/nearest.h"
#include "rules/config/options.h"

namespace winnow {
namespace {

bool shipped(const UclObject& value) { return value.key_place().file.starts_with("policy:/"); }

std::string_view first_part(std::string_view path) { return path.substr(0, path.find('.')); }

// A name one or two slips of the finger away, not only one that is alike.
std::string slip(std::string_view name, std::span<const std::string_view> known) {
  const std::string_view near = nearest_name(name, known);
  if (near.empty() || edit_distance(name, near, 2) > 2) return {};
  return "Did you mean \"" + std::string(near) + "\"?";
}

class Checker {
 public:
  void run(const UclObject& root) {
    for (const UclObject& section : root.children()) {
      const std::string name(section.key());
      if (!std::ranges::binary_search(option_sections(), section.key())) {
        unknown_section(section, name);
        continue;
      }
      for (const UclObject& value : section.values())
        if (value.is_object()) open_.push_back({&value, {name}});
    }
    while (!open_.empty()) {
      const Open next = std::move(open_.back());
      open_.pop_back();
      section(*next.object, next.sections);
    }
    std::stable_sort(found_.begin(), found_.end(), [](const Warning& a, const Warning& b) {
      return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
    });
  }

  std::vector<Warning> take() { return std::move(found_); }
  const std::vector<Warning>& own() const { return own_; }

 private:
  struct Open {
    const UclObject* object;
    std::vector<std::string> sections;  // table sections whose keys may stand here
  };

  Warning& warn(const UclObject& at, std::string what, std::string advice) {
    std::vector<Warning>& into = first_part(at.path()) == "winnow" ? own_ : found_;
    into.push_back(warning_at(at.key_place(), std::move(what), std::move(advice)));
    return into.back();
  }

  void unknown_section(const UclObject& section, const std::string& name) {
    std::string advice;
    const UclObject& value = section.last_value();
    if (value.is_object() && (value.find("score") || value.find("weight")))
      advice = value.find("expression") ? "Write composites { " + name + " { … } }."
                                        : "Write symbols { \"" + name + "\" { … } }.";
    std::string_view only;  // the one section that has an option of that name
    size_t count = 0;
    if (!value.is_object())
      for (const OptionRow& row : option_rows())
        if (row.key == name && row.section.find_first_of(".* ") == std::string_view::npos) {
          only = row.section;
          ++count;
        }
    if (count == 1) advice = "Write " + std::string(only) + " { " + name + " = …; }.";
    if (advice.empty()) advice = did_you_mean(name, option_sections());
    warn(section, "There is no section or module \"" + name + "\".", std::move(advice));
  }

  // `dkim_signing { … }` inside local.d/dkim_signing.conf, which is inside that section already;
  // the same of `worker "x" { }`, `group "x" { }` in their files.
  bool nested(const UclObject& child, const std::vector<std::string>& sections) {
    const std::string_view outer = first_part(sections.front());
    if (child.key() != outer || !child.is_object() || shipped(child)) return false;
    const size_t depth = static_cast<size_t>(std::ranges::count(sections.front(), '.'));
    if (depth > 1 || find_option(outer, outer)) return false;
    warn(child, std::string(outer) + " { } stands inside its own section, where nothing reads it.",
         "Remove the outer \"" + std::string(outer) +
             " {\" and its brace: the file is inside that section already.");
    return true;
  }

  std::vector<std::string> deeper(const std::vector<std::string>& sections,
                                  const UclObject& child) const {
    std::vector<std::string> out;
    const auto add = [&](std::string name) {
      if (is_option_section(name)) out.push_back(std::move(name));
    };
    for (const std::string& section : sections) {
      add(section + "." + std::string(child.key()));
      add(section + ".*");
      if (section == "symbols") add("group.*.symbols.*");
      // Scanners by their kind, whatever the rule is called.
      const std::string_view type = child.is_object() ? child.string("type", "") : "";
      if (!type.empty() && type != child.key()) add(section + "." + std::string(type));
    }
    return out;
  }

  static std::vector<std::string> entries(const std::vector<std::string>& sections) {
    std::vector<std::string> out = sections;
    for (const std::string& section : sections)
      if (is_option_section(section + ".*")) out.push_back(section + ".*");
    return out;
  }

  void section(const UclObject& object, const std::vector<std::string>& sections) {
    const OptionRow* any = nullptr;  // the row that stands for every key
    for (const std::string& name : sections)
      for (const OptionRow& row : section_options(name))
        if (row.key.starts_with('<')) any = &row;
    for (const UclObject& child : object.children()) {
      if (nested(child, sections)) continue;
      const OptionRow* row = nullptr;
      for (const std::string& name : sections)
        if (!row) row = find_option(name, child.key());
      const bool module = sections.front().find('.') == std::string::npos;
      if (!row && module) row = find_option("any module section", child.key());
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
      if (row)
        check_value(child, *row);
      else if (any)
        check_any(child, *any, sections);
      else if (!walked && !find_option("redis-using modules", child.key()) &&
               !find_option("redis", child.key()))
        unknown(child, sections);
      else if (sections.front() == "group.*.symbols" && !child.last_value().is_object())
        wants_section(child);
    }
  }

  // A key that the site chose: an action, a symbol, a rule.
  void check_any(const UclObject& child, const OptionRow& any,
                 const std::vector<std::string>& sections) {
    if (any.section == "actions" && !child.last_value().is_object()) {
      std::vector<std::string_view> names;
      for (const OptionRow& row : section_options("actions")) names.push_back(row.key);
      std::string spaced(child.key());
      std::ranges::replace(spaced, ' ', '_');
      if (std::ranges::find(names, spaced) != names.end()) return;
      if (const std::string near = slip(child.key(), names); !near.empty())
        warn(child, "\"" + std::string(child.key()) + "\" is taken for an action of your own.",
             near);
      return;
    }
    if (any.section == "symbols" && !child.last_value().is_object()) return wants_section(child);
    if (any.section == "multimap" && !child.last_value().is_object()) unknown(child, sections);
  }

  void wants_section(const UclObject& child) {
    const std::string name(child.key());
    warn(child,
         "The symbol " + name + " takes a section, not " +
             (child.is_container() ? std::string(type_name(child.type()))
                                   : dump_scalar(child.last_value(), DumpFormat::kUcl)) +
             ".",
         "Write \"" + name + "\" { weight = 1.0; }.");
  }

  // "Write rbls { … }" where the keys of a misplaced section are those of rbl.rbls.*.
  static std::string belongs(const UclObject& child, const std::string& section) {
    if (!child.last_value().is_object()) return {};
    std::string best;
    size_t most = 0;
    for (const OptionRow& row : section_options(section)) {
      const std::string inner = section + "." + std::string(row.key) + ".*";
      if (!is_option_section(inner)) continue;
      size_t count = 0;
      for (const UclObject& key : child.last_value().children())
        count += find_option(inner, key.key()) != nullptr;
      if (count <= most) continue;
      most = count;
      best = row.key;
    }
    if (2 * most < child.last_value().size() || most == 0) return {};
    return "Write " + best + " { " + std::string(child.key()) + " { … } }.";
  }

  void unknown(const UclObject& child, const std::vector<std::string>& sections) {
    std::vector<std::string_view> names{"enabled"};
    bool keyed = false;
    for (const std::string& name : sections) {
      for (const OptionRow& row : section_options(name)) names.push_back(row.key);
      keyed |= is_option_section(name + ".*");
    }
    const std::string_view name = sections.front();
    // A section whose keys nobody has listed; those of Winnow's own section always are.
    if (names.size() == 1 && !keyed && first_part(name) != "winnow") return;
    std::string advice = belongs(child, sections.front());
    if (advice.empty()) advice = did_you_mean(child.key(), names);
    warn(child, "\"" + std::string(child.key()) + "\" is no option of " + std::string(name) + ".",
         std::move(advice));
  }

  void wrong_type(const UclObject& value, const OptionRow& row, std::string_view wanted,
                  std::string advice = {}) {
    Warning& warning = warn(
        value,
        std::string(row.section == "any module section" ? first_part(value.path()) : row.section) +
            "." + std::string(value.key()) + " takes " + std::string(wanted) + ", not " +
            (value.is_container() ? std::string(type_name(value.type()))
                                  : dump_scalar(value, DumpFormat::kUcl)) +
            ".",
        std::move(advice));
    warning.value_line = value.place().line;
    warning.value_column = value.place().column;
  }

  void check_value(const UclObject& head, const OptionRow& row) {
    const bool many =
        row.type == "list" || row.type == "map" || row.type == "object" || row.type == "expression";
    if (!many && head.repeated() && !head.is_container())
      warn(head.last_value(),
           "\"" + std::string(head.key()) +
               "\" stands twice with the same priority; this one counts.",
           "Remove the one at " + head.key_place().text() + ".");
    if (row.section == "logging" && row.key == "debug_modules") check_modules(head);
    if (row.section == "worker.controller" && row.key.ends_with("password"))
      check_password(head.last_value());
    const UclObject& value = head.last_value();
    if (value.is_null()) return;
    if (value.is_container()) {
      if (value.is_array() ? is_scalar(row.type) && row.unit.find("object") != std::string::npos
                           : row.type == "bool")
        wrong_type(value, row, row.type == "bool" ? "true or false" : "a number");
      return;
    }
    if (row.type == "bool") {
      if (!value.as_bool()) wrong_type(value, row, "true or false");
    } else if (row.type == "int") {
      if (!value.as_int()) wrong_type(value, row, "a whole number");
    } else if (row.type == "float") {
      if (!value.as_number()) wrong_type(value, row, "a number");
    } else if (row.type == "size") {
      if (!value.as_number()) wrong_type(value, row, "a size (100k, 10M, 1G)");
    } else if (row.type == "time") {
      if (!value.as_seconds()) wrong_type(value, row, "a time (30s, 5min, 1h, 2d)");
    } else if (row.type == "enum") {
      check_enum(value, row);
    }
    check_range(value, row);
  }

  static bool is_scalar(std::string_view type) {
    return type == "int" || type == "float" || type == "time" || type == "size";
  }

  void check_password(const UclObject& value) {
    if (value.is_container() || value.is_null() || value.text().starts_with('$')) return;
    warn(value, std::string(value.key()) + " of the controller stands here for everybody to read.",
         "`winnow pw` makes a hash to write in its place.");
  }

  void check_modules(const UclObject& head) {
    for (const UclObject* name : head.list()) {
      if (std::ranges::binary_search(option_sections(), name->text())) continue;
      if (std::string near = slip(name->text(), option_sections()); !near.empty())
        warn(*name, "There is no module \"" + std::string(name->text()) + "\".", std::move(near));
    }
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
    wrong_type(value, row, "one of " + std::string(row.unit), did_you_mean(value.text(), names));
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
    if (row.type == "size" && *number < 0) wanted = "a size of 0 or more";
    if (row.type == "time" && *number < 0 && row.default_value.substr(0, 1) != "-")
      wanted = "a time of 0 or more";
    if (!wanted.empty()) wrong_type(value, row, wanted);
  }

  std::vector<Warning> found_;
  std::vector<Warning> own_;  // of winnow { }
  std::vector<Open> open_;
};

}  // namespace

Result<void> check_options(const UclObject& root, std::vector<Warning>& warnings) {
  Checker checker;
  checker.run(root);
  // What is wrong in Winnow's own section stops the start.
  if (!checker.own().empty()) {
    const Warning& first = checker.own().front();
    return fail(Error{.what = first.what + (first.advice.empty() ? "" : " " + first.advice),
                      .file = first.file,
                      .line = first.line,
                      .column = first.column});
  }
  const std::vector<Warning> found = checker.take();
  warnings.insert(warnings.end(), found.begin(), found.end());
  return {};
}

}  // namespace winnow
