// Values of template expressions, and the state an expression is evaluated in.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/config/template.h"

namespace winnow {

constexpr uint32_t kTemplateDepthMax = 32;
constexpr size_t kTemplateTextMax = 4 << 20;  // bytes of one text an expression makes

struct TemplateValue {
  enum class Kind : uint8_t { kNone, kBool, kNumber, kString, kList, kMap } kind = Kind::kNone;
  bool flag = false;
  uint32_t depth = 0;  // of lists and maps inside; kept below kTemplateDepthMax
  double number = 0;
  std::string text;
  std::shared_ptr<std::vector<TemplateValue>> list;
  std::shared_ptr<std::map<std::string, TemplateValue, std::less<>>> map;

  static TemplateValue of(std::string value) {
    TemplateValue out;
    out.kind = Kind::kString;
    out.text = std::move(value);
    return out;
  }
  static TemplateValue of(double value) {
    TemplateValue out;
    out.kind = Kind::kNumber;
    out.number = value;
    return out;
  }
  static TemplateValue truth(bool value) {
    TemplateValue out;
    out.kind = Kind::kBool;
    out.flag = value;
    return out;
  }
  static TemplateValue of(std::vector<TemplateValue> values) {
    TemplateValue out;
    out.kind = Kind::kList;
    for (const TemplateValue& one : values) out.depth = std::max(out.depth, one.depth + 1);
    out.list = std::make_shared<std::vector<TemplateValue>>(std::move(values));
    return out;
  }

  bool none() const { return kind == Kind::kNone; }
  bool true_like() const;
  std::string print() const;
  bool equals(const TemplateValue& other) const;
};

struct TemplateState {
  const TemplateOptions& options;
  std::string_view file;
  std::map<std::string, TemplateValue, std::less<>> globals;
  std::vector<std::pair<std::string, TemplateValue>> locals;  // of loops, innermost last
  size_t steps = 0;
  size_t bytes = 0;       // made by expressions, so that strings cannot double for ever
  std::string undefined;  // the last name that had no value

  const TemplateValue* find(std::string_view name) const;
};

// Evaluates the whole of `text`. Errors have no place; the caller knows it.
Result<TemplateValue> evaluate_template(std::string_view text, TemplateState& state);

// Applies a filter (template_filter.cc).
Result<TemplateValue> template_filter(std::string_view name, TemplateValue value,
                                      const std::vector<TemplateValue>& arguments,
                                      TemplateState& state);

}  // namespace winnow
