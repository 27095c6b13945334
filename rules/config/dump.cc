#include "rules/config/dump.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "rules/config/scalar.h"
#include "rules/config/ucl_parser.h"

namespace winnow {
namespace {

std::string number_text(double value, DumpFormat format) {
  if (std::isnan(value)) return format == DumpFormat::kUcl ? "nan" : "null";
  if (std::isinf(value))
    return format != DumpFormat::kUcl ? "null" : value > 0 ? "inf" : "\"-inf\"";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  std::string out(buffer, end);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

// What is no finite number, as it was written: nan, inf or too large.
double no_number(std::string_view text) {
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  const double most = std::numeric_limits<double>::infinity();
  return text.starts_with('-') ? -most : most;
}

std::string ucl_key(std::string_view key) {
  // A byte order mark at the start of the text would not be read as part of its first key.
  const bool marked =
      key.starts_with("\xEF\xBB\xBF") || key.starts_with('\xFE') || key.starts_with('\xFF');
  bool plain = !key.empty() && ucl_key_start(key[0]) && !marked;
  for (const char c : key) plain &= ucl_key_char(c) && c != '/';
  return plain ? std::string(key) : json_quote(key);
}

// What is still to be written, last first.
struct Item {
  const UclObject* value = nullptr;  // null: only `text`
  std::string text = {};             // written before the value
  size_t indent = 0;
  bool list_of_values = false;  // JSON: the whole chain as a list
};

class Writer {
 public:
  explicit Writer(const DumpOptions& options) : options_(options) {}

  std::string run(std::vector<Item> items) {
    open_ = std::move(items);
    std::reverse(open_.begin(), open_.end());
    while (!open_.empty()) {
      Item item = std::move(open_.back());
      open_.pop_back();
      out_ += item.text;
      if (!item.value) continue;
      next_.clear();
      if (options_.format == DumpFormat::kUcl)
        ucl(item);
      else
        json(item);
      for (size_t i = next_.size(); i-- > 0;) open_.push_back(std::move(next_[i]));
    }
    return std::move(out_);
  }

  std::vector<const UclObject*> entries(const UclObject& object) const {
    std::vector<const UclObject*> out;
    for (const UclObject& child : object.children()) out.push_back(&child);
    if (options_.sort && object.is_object())
      std::stable_sort(out.begin(), out.end(),
                       [](const UclObject* a, const UclObject* b) { return a->key() < b->key(); });
    return out;
  }

  // `key = value;` for each value under a key.
  void ucl_entry(const UclObject& head, size_t indent, std::vector<Item>& into) const {
    const std::string pad(indent * 4, ' ');
    if (head.is_array() && head.repeated()) {
      const std::vector<const UclObject*> elements = head.list();
      // As one that is not repeated, which is what is read back.
      if (elements.empty()) return into.push_back({.text = pad + ucl_key(head.key()) + " = [];\n"});
      into.push_back({.text = pad + ucl_key(head.key()) + " [\n"});
      for (const UclObject* element : elements) ucl_element(*element, indent + 1, into);
      into.push_back({.text = pad + "]\n"});
      return;
    }
    for (const UclObject& value : head.values()) {
      std::string before;
      if (options_.comment) before = options_.comment(value, options_.context);
      std::string text;
      for (size_t at = 0; at < before.size();) {
        const size_t end = std::min(before.find('\n', at), before.size());
        text += pad + "# " + before.substr(at, end - at) + "\n";
        at = end + 1;
      }
      text += pad + ucl_key(head.key());
      if (!value.is_container())
        text += " = " + dump_scalar(value, DumpFormat::kUcl) + ";\n";
      else if (value.size() == 0)
        text += value.is_array() ? " = [];\n" : " {}\n";
      else
        text += value.is_array() ? " [\n" : " {\n";
      into.push_back({.value = value.is_container() && value.size() ? &value : nullptr,
                      .text = std::move(text),
                      .indent = indent + 1});
      if (into.back().value) into.push_back({.text = pad + (value.is_array() ? "]\n" : "}\n")});
    }
  }

 private:
  void ucl_element(const UclObject& value, size_t indent, std::vector<Item>& into) const {
    const std::string pad(indent * 4, ' ');
    if (!value.is_container()) {
      into.push_back({.text = pad + dump_scalar(value, DumpFormat::kUcl) + ",\n"});
    } else {
      into.push_back({.value = &value,
                      .text = pad + (value.is_array() ? "[\n" : "{\n"),
                      .indent = indent + 1});
      into.push_back({.text = pad + (value.is_array() ? "],\n" : "},\n")});
    }
  }

  void ucl(const Item& item) {
    const UclObject& value = *item.value;
    for (const UclObject* child : entries(value)) {
      if (value.is_array())
        ucl_element(*child, item.indent, next_);
      else
        ucl_entry(*child, item.indent, next_);
    }
  }

  void json(const Item& item) {
    const UclObject& value = *item.value;
    std::vector<const UclObject*> parts;
    bool object = false;
    if (item.list_of_values) {
      if (value.is_array())
        parts = value.list();
      else
        for (const UclObject& one : value.values()) parts.push_back(&one);
    } else if (value.is_container()) {
      parts = entries(value);
      object = value.is_object();
    } else {
      out_ += dump_scalar(value, options_.format);
      return;
    }
    const bool compact = options_.format == DumpFormat::kJsonCompact;
    const std::string line = compact ? "" : "\n" + std::string((item.indent + 1) * 4, ' ');
    if (parts.empty()) {
      out_ += object ? "{}" : "[]";
      return;
    }
    out_ += object ? "{" : "[";
    for (size_t i = 0; i < parts.size(); ++i) {
      std::string text = (i ? "," : "") + line;
      if (object) text += json_quote(parts[i]->key()) + (compact ? ":" : ": ");
      next_.push_back({.value = parts[i],
                       .text = std::move(text),
                       .indent = item.indent + 1,
                       .list_of_values = object && parts[i]->repeated()});
    }
    next_.push_back(
        {.text = (compact ? "" : "\n" + std::string(item.indent * 4, ' ')) + (object ? "}" : "]")});
  }

  const DumpOptions& options_;
  std::string out_;
  std::vector<Item> open_;
  std::vector<Item> next_;
};

}  // namespace

std::string json_quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[static_cast<unsigned char>(c) >> 4];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

std::string dump_scalar(const UclObject& value, DumpFormat format) {
  switch (value.type()) {
    case UclType::kNull:
      return "null";
    case UclType::kBool:
      return value.as_bool().value_or(false) ? "true" : "false";
    case UclType::kInt:
      return std::to_string(value.as_int().value_or(0));
    case UclType::kDouble:
    case UclType::kTime:
      return number_text(value.as_number().value_or(no_number(value.text())), format);
    default:
      break;
  }
  std::string out = json_quote(value.text());
  if (format != DumpFormat::kUcl) return out;
  // A dollar would be read as a variable again.
  std::string safe;
  for (const char c : out) {
    if (c == '$') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string dump(const UclObject& value, const DumpOptions& options) {
  Writer writer(options);
  if (options.format == DumpFormat::kUcl && !value.is_container())
    return dump_scalar(value, options.format);
  if (options.format == DumpFormat::kUcl && value.is_array()) {
    return writer.run({{.text = "[\n"}, {.value = &value, .indent = 1}, {.text = "]\n"}});
  }
  return writer.run({{.value = &value, .list_of_values = false}});
}

std::string dump_entry(const UclObject& head, const DumpOptions& options) {
  Writer writer(options);
  std::vector<Item> items;
  if (options.format == DumpFormat::kUcl) {
    writer.ucl_entry(head, 0, items);
    return writer.run(std::move(items));
  }
  const bool compact = options.format == DumpFormat::kJsonCompact;
  items.push_back({.value = &head,
                   .text = std::string(compact ? "{" : "{\n    ") + json_quote(head.key()) +
                           (compact ? ":" : ": "),
                   .indent = 1,
                   .list_of_values = head.repeated()});
  items.push_back({.text = compact ? "}" : "\n}"});
  return writer.run(std::move(items));
}

}  // namespace winnow
