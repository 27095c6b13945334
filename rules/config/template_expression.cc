// Expressions of templates.
//
//   expression = or [ "if" or [ "else" expression ] ]
//   or         = and { "or" and }          and  = not { "and" not }
//   not        = "not" not | compare
//   compare    = concat { ("==" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "in") concat
//                       | "is" ["not"] name }
//   concat     = sum { ("~" | "..") sum }
//   sum        = product { ("+" | "-") product }
//   product    = unary { ("*" | "/" | "//" | "%") unary }
//   unary      = "-" unary | postfix
//   postfix    = primary { "." name | "[" expression "]" | "(" arguments ")" | "|" filter }
//   primary    = text | number | "true" | "false" | "none" | "nil" | name | "(" expression ")"
//              | "[" elements "]" | "{" key ":" expression … "}"
//   filter     = name [ "(" arguments ")" ]
//
// Recursion follows the nesting of the text and is cut at kDepthMax.
#include <cmath>

#include "rules/config/scalar.h"
#include "rules/config/template_value.h"

namespace winnow {
namespace {

using Value = TemplateValue;
constexpr size_t kDepthMax = 64;

bool name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool digit(char c) { return c >= '0' && c <= '9'; }

class Evaluator {
 public:
  Evaluator(std::string_view text, TemplateState& state) : text_(text), state_(state) {}

  Result<Value> run() {
    Result<Value> value = expression();
    if (!value) return value;
    skip();
    if (at_ < text_.size())
      return fail("unexpected \"" + std::string(text_.substr(at_, 20)) + "\" in the expression");
    return value;
  }

 private:
  // Counts one more level of nesting and one step.
  struct Level {
    explicit Level(Evaluator& of) : of_(of) {
      ++of_.depth_;
      ++of_.state_.steps;
    }
    ~Level() { --of_.depth_; }
    Evaluator& of_;
  };

  void skip() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  // Takes a sign, if it stands here and no longer sign does.
  bool sign(std::string_view wanted, std::string_view not_before = {}) {
    skip();
    if (text_.substr(at_, wanted.size()) != wanted) return false;
    if (at_ + wanted.size() < text_.size() &&
        not_before.find(text_[at_ + wanted.size()]) != std::string_view::npos)
      return false;
    at_ += wanted.size();
    return true;
  }
  bool word(std::string_view wanted) {
    skip();
    if (text_.substr(at_, wanted.size()) != wanted) return false;
    if (at_ + wanted.size() < text_.size() && name_char(text_[at_ + wanted.size()])) return false;
    at_ += wanted.size();
    return true;
  }
  std::string name() {
    skip();
    const size_t first = at_;
    while (at_ < text_.size() && name_char(text_[at_])) ++at_;
    return std::string(text_.substr(first, at_ - first));
  }

  Result<Value> expression() {
    const Level level(*this);
    if (depth_ > kDepthMax) return fail("the expression is nested too deeply");
    if (state_.steps > state_.options.steps_max || state_.bytes > state_.options.output_bytes_max)
      return fail("the template needs more steps than its limit");
    Result<Value> value = any();
    if (!value || !word("if")) return value;
    Result<Value> condition = any();
    if (!condition) return condition;
    Value otherwise;
    if (word("else")) {
      Result<Value> other = expression();
      if (!other) return other;
      otherwise = std::move(*other);
    }
    return condition->true_like() ? std::move(*value) : std::move(otherwise);
  }

  Result<Value> any() {
    Result<Value> left = all();
    while (left && word("or")) {
      Result<Value> right = all();
      if (!right) return right;
      if (!left->true_like()) left = std::move(right);
    }
    return left;
  }

  Result<Value> all() {
    Result<Value> left = inverse();
    while (left && word("and")) {
      Result<Value> right = inverse();
      if (!right) return right;
      if (left->true_like()) left = std::move(right);
    }
    return left;
  }

  Result<Value> inverse() {
    bool negate = false, any_not = false;
    while (word("not")) {
      negate = !negate;
      any_not = true;
    }
    Result<Value> value = compare();
    if (!value || !any_not) return value;
    state_.undefined.clear();
    return Value::truth(value->true_like() != negate);
  }

  static bool contains(const Value& in, const Value& what) {
    if (in.kind == Value::Kind::kString) return in.text.find(what.print()) != std::string::npos;
    if (in.kind == Value::Kind::kMap) return in.map->count(what.print()) > 0;
    if (in.kind == Value::Kind::kList)
      for (const Value& one : *in.list)
        if (one.equals(what)) return true;
    return false;
  }

  static int order(const Value& a, const Value& b) {
    if (a.kind == Value::Kind::kNumber && b.kind == Value::Kind::kNumber)
      return a.number < b.number ? -1 : a.number > b.number;
    return a.print().compare(b.print());
  }

  Result<Value> is_test(const Value& value) {
    const bool negate = word("not");
    const std::string test = name();
    state_.undefined.clear();
    bool holds = false;
    if (test == "defined")
      holds = !value.none();
    else if (test == "undefined" || test == "none")
      holds = value.none();
    else if (test == "string")
      holds = value.kind == Value::Kind::kString;
    else if (test == "number")
      holds = value.kind == Value::Kind::kNumber;
    else
      return fail("unknown test \"is " + test + "\"; there is defined, none, string, number");
    return Value::truth(holds != negate);
  }

  Result<Value> compare() {
    Result<Value> left = concat();
    while (left) {
      enum { kEqual, kUnequal, kLessEqual, kMoreEqual, kLess, kMore, kIn, kNotIn } kind;
      if (word("is")) {
        left = is_test(*left);
        continue;
      }
      const size_t before = at_;
      if (sign("=="))
        kind = kEqual;
      else if (sign("!=") || sign("~="))
        kind = kUnequal;
      else if (sign("<="))
        kind = kLessEqual;
      else if (sign(">="))
        kind = kMoreEqual;
      else if (sign("<"))
        kind = kLess;
      else if (sign(">"))
        kind = kMore;
      else if (word("in"))
        kind = kIn;
      else if (word("not") && word("in"))
        kind = kNotIn;
      else {
        at_ = before;
        return left;
      }
      Result<Value> right = concat();
      if (!right) return right;
      state_.undefined.clear();
      bool holds = false;
      switch (kind) {
        case kEqual:
          holds = left->equals(*right);
          break;
        case kUnequal:
          holds = !left->equals(*right);
          break;
        case kLessEqual:
          holds = order(*left, *right) <= 0;
          break;
        case kMoreEqual:
          holds = order(*left, *right) >= 0;
          break;
        case kLess:
          holds = order(*left, *right) < 0;
          break;
        case kMore:
          holds = order(*left, *right) > 0;
          break;
        case kIn:
          holds = contains(*right, *left);
          break;
        case kNotIn:
          holds = !contains(*right, *left);
          break;
      }
      left = Value::truth(holds);
    }
    return left;
  }

  Result<Value> concat() {
    Result<Value> left = sum();
    while (left && (sign("~", "=") || sign(".."))) {
      Result<Value> right = sum();
      if (!right) return right;
      std::string text = left->print() + right->print();
      state_.bytes += text.size();
      left = Value::of(std::move(text));
    }
    return left;
  }

  static double number_of(const Value& value) {
    if (value.kind == Value::Kind::kNumber) return value.number;
    const Scalar scalar = read_scalar(value.text);
    return scalar.kind == Scalar::Kind::kInt ? static_cast<double>(scalar.whole) : scalar.real;
  }

  Result<Value> sum() {
    Result<Value> left = product();
    while (left) {
      const bool plus = sign("+");
      if (!plus && !sign("-")) return left;
      Result<Value> right = product();
      if (!right) return right;
      left = Value::of(number_of(*left) + (plus ? 1 : -1) * number_of(*right));
    }
    return left;
  }

  Result<Value> product() {
    Result<Value> left = unary();
    while (left) {
      char kind = '\0';
      if (sign("*"))
        kind = '*';
      else if (sign("//"))
        kind = 'i';
      else if (sign("/"))
        kind = '/';
      else if (sign("%"))
        kind = '%';
      else
        return left;
      Result<Value> right = unary();
      if (!right) return right;
      const double a = number_of(*left), b = number_of(*right);
      if (kind != '*' && b == 0) return fail("division by zero");
      left = Value::of(kind == '*'   ? a * b
                       : kind == '/' ? a / b
                       : kind == 'i' ? std::floor(a / b)
                                     : a - std::floor(a / b) * b);
    }
    return left;
  }

  Result<Value> unary() {
    bool negate = false, any_sign = false;
    while (sign("-")) {
      negate = !negate;
      any_sign = true;
    }
    Result<Value> value = postfix();
    if (!value || !any_sign) return value;
    return Value::of(negate ? -number_of(*value) : number_of(*value));
  }

  Result<std::vector<Value>> arguments(char closer) {
    std::vector<Value> out;
    while (true) {
      if (peek() == closer) {
        ++at_;
        return out;
      }
      if (at_ >= text_.size()) return fail("a bracket is never closed in the expression");
      Result<Value> value = expression();
      if (!value) return tl::unexpected<Error>(value.error());
      out.push_back(std::move(*value));
      if (!sign(",") && peek() != closer) return fail("expected , between the arguments");
    }
  }

  Value member(const Value& of, const std::string& key) {
    if (of.kind == Value::Kind::kMap) {
      const auto found = of.map->find(key);
      if (found != of.map->end()) return found->second;
    }
    if (of.kind == Value::Kind::kList && !key.empty() && key.size() < 9 && digit(key[0])) {
      const size_t place = std::stoul(key);
      if (place < of.list->size()) return (*of.list)[place];
    }
    return {};
  }

  Result<Value> postfix() {
    const size_t first = at_;
    Result<Value> value = primary();
    while (value) {
      ++state_.steps;
      skip();
      if (at_ < text_.size() && text_[at_] == '.' && at_ + 1 < text_.size() &&
          name_char(text_[at_ + 1])) {
        ++at_;
        value = member(*value, name());
        if (value->none()) state_.undefined = std::string(text_.substr(first, at_ - first));
      } else if (sign("[")) {
        Result<Value> key = expression();
        if (!key) return key;
        if (!sign("]")) return fail("expected ] in the expression");
        value = member(*value, key->print());
        if (value->none()) state_.undefined = std::string(text_.substr(first, at_ - first));
      } else if (sign("|")) {
        const std::string filter = name();
        std::vector<Value> with;
        if (sign("(")) {
          auto given = arguments(')');
          if (!given) return tl::unexpected<Error>(given.error());
          with = std::move(*given);
        } else if (const char next = peek(); next == '"' || next == '\'' || digit(next)) {
          // The spelling of Rspamd's own files: | default "x".
          Result<Value> given = primary();
          if (!given) return given;
          with.push_back(std::move(*given));
        }
        value = template_filter(filter, std::move(*value), with, state_);
        if (value) state_.bytes += value->text.size();
      } else {
        return value;
      }
    }
    return value;
  }

  Result<Value> text_literal() {
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        out += text_[at_] == 'n' ? '\n' : text_[at_] == 't' ? '\t' : text_[at_];
      } else {
        out += text_[at_];
      }
      ++at_;
    }
    if (at_ >= text_.size()) return fail("a quote is never closed in the expression");
    ++at_;
    return Value::of(std::move(out));
  }

  Result<Value> map_literal() {
    Value out;
    out.kind = Value::Kind::kMap;
    out.map = std::make_shared<std::map<std::string, Value, std::less<>>>();
    while (!sign("}")) {
      Result<Value> key = expression();
      if (!key) return key;
      if (!sign(":") && !sign("=")) return fail("expected : after the key");
      Result<Value> value = expression();
      if (!value) return value;
      out.depth = std::max(out.depth, value->depth + 1);
      if (out.depth > kTemplateDepthMax) return fail("lists are nested too deeply");
      (*out.map)[key->print()] = std::move(*value);
      if (!sign(",") && peek() != '}') return fail("expected , or } in the expression");
    }
    return out;
  }

  Result<Value> range(const std::vector<Value>& limits) {
    if (limits.empty() || limits.size() > 3) return fail("range takes one to three numbers");
    const double from = limits.size() > 1 ? number_of(limits[0]) : 0;
    const double to = number_of(limits.size() > 1 ? limits[1] : limits[0]);
    const double by = limits.size() > 2 ? number_of(limits[2]) : 1;
    if (by == 0) return fail("range cannot step by 0");
    std::vector<Value> out;
    for (double at = from; by > 0 ? at < to : at > to; at += by) {
      if (++state_.steps > state_.options.steps_max || out.size() > 1'000'000)
        return fail("the template needs more steps than its limit");
      out.push_back(Value::of(at));
    }
    return Value::of(std::move(out));
  }

  Result<Value> primary() {
    const char c = peek();
    if (c == '"' || c == '\'') return text_literal();
    if (sign("(")) {
      Result<Value> inside = expression();
      if (inside && !sign(")")) return fail("expected ) in the expression");
      return inside;
    }
    if (sign("[")) {
      auto list = arguments(']');
      if (!list) return tl::unexpected<Error>(list.error());
      Value made = Value::of(std::move(*list));
      if (made.depth > kTemplateDepthMax) return fail("lists are nested too deeply");
      return made;
    }
    if (sign("{")) return map_literal();
    if (digit(c)) {
      const size_t first = at_;
      while (at_ < text_.size() &&
             (digit(text_[at_]) ||
              (text_[at_] == '.' && at_ + 1 < text_.size() && digit(text_[at_ + 1]))))
        ++at_;
      return Value::of(number_of(Value::of(std::string(text_.substr(first, at_ - first)))));
    }
    const std::string word = name();
    if (word.empty())
      return fail(at_ < text_.size() ? "unexpected \"" + std::string(text_.substr(at_, 20)) +
                                           "\" in the expression"
                                     : std::string("the expression ends where a value should be"));
    if (word == "true" || word == "True") return Value::truth(true);
    if (word == "false" || word == "False") return Value::truth(false);
    if (word == "none" || word == "nil" || word == "None") return Value{};
    if (word == "range" && sign("(")) {
      auto limits = arguments(')');
      if (!limits) return tl::unexpected<Error>(limits.error());
      return range(*limits);
    }
    const Value* found = state_.find(word);
    if (!found) {
      state_.undefined = word;
      return Value{};
    }
    return *found;
  }

  std::string_view text_;
  TemplateState& state_;
  size_t at_ = 0;
  size_t depth_ = 0;
};

}  // namespace

const TemplateValue* TemplateState::find(std::string_view name) const {
  for (size_t i = locals.size(); i-- > 0;)
    if (locals[i].first == name) return &locals[i].second;
  const auto found = globals.find(name);
  return found == globals.end() ? nullptr : &found->second;
}

Result<TemplateValue> evaluate_template(std::string_view text, TemplateState& state) {
  return Evaluator(text, state).run();
}

}  // namespace winnow
