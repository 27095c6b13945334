// Filters of templates and what values mean.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/ascii.h"
#include "rules/config/dump.h"
#include "rules/config/nearest.h"
#include "rules/config/scalar.h"
#include "rules/config/template_value.h"

namespace winnow {
namespace {

using Value = TemplateValue;
using Arguments = std::vector<Value>;

std::string print_number(double value) {
  if (std::trunc(value) == value && std::fabs(value) < 1e15)
    return std::to_string(static_cast<int64_t>(value));
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

double to_number(const Value& value) {
  if (value.kind == Value::Kind::kNumber) return value.number;
  if (value.kind == Value::Kind::kBool) return value.flag ? 1 : 0;
  const Scalar scalar = read_scalar(value.text);
  if (scalar.kind == Scalar::Kind::kInt) return static_cast<double>(scalar.whole);
  if (scalar.kind == Scalar::Kind::kDouble || scalar.kind == Scalar::Kind::kTime)
    return scalar.real;
  return 0;
}

std::string argument(const Arguments& arguments, size_t at, std::string fallback) {
  return at < arguments.size() ? arguments[at].print() : std::move(fallback);
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to,
                     size_t most) {
  std::string out;
  size_t at = 0, made = 0;
  while (!from.empty() && made < most && out.size() <= kTemplateTextMax) {
    const size_t found = text.find(from, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += to;
    at = found + from.size();
    ++made;
  }
  return out += text.substr(at);
}

Value split(std::string_view text, std::string_view by) {
  Arguments parts;
  if (by.empty()) {
    for (size_t at = 0; at < text.size();) {
      const size_t first = text.find_first_not_of(" \t\r\n", at);
      if (first == std::string_view::npos) break;
      const size_t end = std::min(text.find_first_of(" \t\r\n", first), text.size());
      parts.push_back(Value::of(std::string(text.substr(first, end - first))));
      at = end;
    }
    return Value::of(std::move(parts));
  }
  for (size_t at = 0;;) {
    const size_t found = text.find(by, at);
    parts.push_back(Value::of(std::string(text.substr(at, found - at))));
    if (found == std::string_view::npos) return Value::of(std::move(parts));
    at = found + by.size();
  }
}

// Elements of a list, values of a map, characters of a text as a list.
Arguments elements(const Value& value) {
  Arguments out;
  if (value.kind == Value::Kind::kList) return *value.list;
  if (value.kind == Value::Kind::kMap)
    for (const auto& [key, one] : *value.map) out.push_back(Value::of(key));
  if (value.kind == Value::Kind::kString)
    for (const char c : value.text) out.push_back(Value::of(std::string(1, c)));
  return out;
}

bool less(const Value& a, const Value& b) {
  if (a.kind == Value::Kind::kNumber && b.kind == Value::Kind::kNumber) return a.number < b.number;
  return a.print() < b.print();
}

Value unique(const Value& value) {
  Arguments out;
  std::map<std::string, bool> seen;
  for (Value& one : elements(value)) {
    if (seen.emplace(one.print(), true).second) out.push_back(std::move(one));
  }
  return Value::of(std::move(out));
}

// Lists may share elements, so the text can be far larger than the value: it is cut.
void add_json(const Value& value, std::string& out) {
  if (out.size() > kTemplateTextMax) return;
  switch (value.kind) {
    case Value::Kind::kNone:
      out += "null";
      return;
    case Value::Kind::kString:
      out += json_quote(value.text);
      return;
    case Value::Kind::kList: {
      out += '[';
      for (const Value& one : *value.list) {
        if (out.back() != '[') out += ',';
        add_json(one, out);
      }
      out += ']';
      return;
    }
    case Value::Kind::kMap: {
      out += '{';
      for (const auto& [key, one] : *value.map) {
        if (out.back() != '{') out += ',';
        out += json_quote(key) + ":";
        add_json(one, out);
      }
      out += '}';
      return;
    }
    default:
      out += value.print();
  }
}

std::string to_json(const Value& value) {
  std::string out;
  add_json(value, out);
  return out;
}

Value extreme(const Value& value, bool largest) {
  const Arguments all = elements(value);
  if (all.empty()) return {};
  return largest ? *std::max_element(all.begin(), all.end(), less)
                 : *std::min_element(all.begin(), all.end(), less);
}

struct Filter {
  std::string_view name;
  Value (*run)(const Value& value, const Arguments& arguments);
};

const Filter kFilters[] = {
    {"upper", [](const Value& v, const Arguments&) { return Value::of(uppered(v.print())); }},
    {"lower", [](const Value& v, const Arguments&) { return Value::of(lowered(v.print())); }},
    {"capitalize",
     [](const Value& v, const Arguments&) {
       std::string text = lowered(v.print());
       return Value::of(text.empty() ? text : uppered(text.substr(0, 1)) + text.substr(1));
     }},
    {"trim",
     [](const Value& v, const Arguments&) { return Value::of(std::string(trimmed(v.print()))); }},
    {"string", [](const Value& v, const Arguments&) { return Value::of(v.print()); }},
    {"int", [](const Value& v, const Arguments&) { return Value::of(std::trunc(to_number(v))); }},
    {"float", [](const Value& v, const Arguments&) { return Value::of(to_number(v)); }},
    {"abs", [](const Value& v, const Arguments&) { return Value::of(std::fabs(to_number(v))); }},
    {"round", [](const Value& v, const Arguments&) { return Value::of(std::round(to_number(v))); }},
    {"replace",
     [](const Value& v, const Arguments& a) {
       const size_t most = a.size() > 2 ? static_cast<size_t>(std::clamp(to_number(a[2]), 0.0, 1e9))
                                        : std::string::npos;
       return Value::of(replaced(v.print(), argument(a, 0, ""), argument(a, 1, ""), most));
     }},
    {"split",
     [](const Value& v, const Arguments& a) { return split(v.print(), argument(a, 0, "")); }},
    {"join",
     [](const Value& v, const Arguments& a) {
       std::string out;
       bool first = true;
       for (const Value& one : elements(v)) {
         if (out.size() > kTemplateTextMax) break;
         if (!first) out += argument(a, 0, "");
         first = false;
         out += one.print();
       }
       return Value::of(std::move(out));
     }},
    {"length", [](const Value& v,
                  const Arguments&) { return Value::of(static_cast<double>(elements(v).size())); }},
    {"count", [](const Value& v,
                 const Arguments&) { return Value::of(static_cast<double>(elements(v).size())); }},
    {"first",
     [](const Value& v, const Arguments&) {
       const Arguments all = elements(v);
       return all.empty() ? Value{} : all.front();
     }},
    {"last",
     [](const Value& v, const Arguments&) {
       const Arguments all = elements(v);
       return all.empty() ? Value{} : all.back();
     }},
    {"list", [](const Value& v, const Arguments&) { return Value::of(elements(v)); }},
    {"sort",
     [](const Value& v, const Arguments&) {
       Arguments all = elements(v);
       std::stable_sort(all.begin(), all.end(), less);
       return Value::of(std::move(all));
     }},
    {"reverse",
     [](const Value& v, const Arguments&) {
       Arguments all = elements(v);
       std::reverse(all.begin(), all.end());
       return Value::of(std::move(all));
     }},
    {"unique", [](const Value& v, const Arguments&) { return unique(v); }},
    {"sum",
     [](const Value& v, const Arguments&) {
       double sum = 0;
       for (const Value& one : elements(v)) sum += to_number(one);
       return Value::of(sum);
     }},
    {"min", [](const Value& v, const Arguments&) { return extreme(v, false); }},
    {"max", [](const Value& v, const Arguments&) { return extreme(v, true); }},
    {"tojson", [](const Value& v, const Arguments&) { return Value::of(to_json(v)); }},
    {"escape", [](const Value& v, const Arguments&) { return v; }},
    {"e", [](const Value& v, const Arguments&) { return v; }},
    {"safe", [](const Value& v, const Arguments&) { return v; }},
};

}  // namespace

bool TemplateValue::true_like() const {
  switch (kind) {
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return flag;
    case Kind::kNumber:
      return number != 0;
    case Kind::kString:
      return !text.empty();
    case Kind::kList:
      return !list->empty();
    case Kind::kMap:
      return !map->empty();
  }
  return false;
}

std::string TemplateValue::print() const {
  switch (kind) {
    case Kind::kNone:
      return {};
    case Kind::kBool:
      return flag ? "true" : "false";
    case Kind::kNumber:
      return print_number(number);
    case Kind::kString:
      return text;
    case Kind::kList:
    case Kind::kMap:
      return to_json(*this);
  }
  return {};
}

bool TemplateValue::equals(const TemplateValue& other) const {
  if (kind == Kind::kNumber && other.kind == Kind::kNumber) return number == other.number;
  if (none() || other.none()) return none() && other.none();
  return print() == other.print();
}

Result<TemplateValue> template_filter(std::string_view name, TemplateValue value,
                                      const std::vector<TemplateValue>& arguments,
                                      TemplateState& state) {
  if (name == "default" || name == "d") {
    const bool also_false = arguments.size() > 1 && arguments[1].true_like();
    state.undefined.clear();
    if (!value.none() && !(also_false && !value.true_like())) return value;
    return arguments.empty() ? TemplateValue::of(std::string()) : arguments[0];
  }
  if (name == "pbkdf") {
    if (value.none() || !state.options.pbkdf) return value;
    return TemplateValue::of(state.options.pbkdf(value.print()));
  }
  if (value.text.size() > kTemplateTextMax / 4) return fail("a text is too long for a filter");
  std::vector<std::string_view> known{"default", "pbkdf"};
  for (const Filter& filter : kFilters) {
    if (filter.name == name) {
      state.steps += elements(value).size();
      return filter.run(value, arguments);
    }
    known.push_back(filter.name);
  }
  return fail("unknown filter \"" + std::string(name) + "\". " + did_you_mean(name, known));
}

}  // namespace winnow
