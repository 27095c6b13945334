#include "engine/html/css_selector.h"

#include <algorithm>

#include "engine/ascii.h"
#include "engine/html/css_text.h"
#include "engine/html/css_value.h"

namespace winnow {

namespace {

uint64_t key_of(char kind, std::string_view name, bool fold) {
  // FNV-1a
  uint64_t hash = 0xCBF29CE484222325 ^ static_cast<uint8_t>(kind);
  for (const char c : name) {
    hash = (hash ^ static_cast<uint8_t>(fold ? lower_ascii(c) : c)) * 0x100000001B3;
  }
  return hash ^ hash >> 29;
}

bool is_name_start(char c) { return is_css_name_char(c) && !is_css_digit(c) && c != '-'; }

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view lower) { return same_folded(name, lower); });
}

// Of the pseudo-classes and pseudo-elements that every browser knows.
CssSelectorFault kind_of_pseudo(std::string_view name) {
  if (is_one_of(name, {"hover", "active", "focus", "focus-within", "focus-visible", "before",
                       "after", "marker", "placeholder", "selection"})) {
    return CssSelectorFault::kNever;
  }
  return is_one_of(name, {"link",
                          "visited",
                          "any-link",
                          "root",
                          "empty",
                          "first-child",
                          "last-child",
                          "only-child",
                          "nth-child",
                          "nth-of-type",
                          "nth-last-child",
                          "first-of-type",
                          "last-of-type",
                          "only-of-type",
                          "target",
                          "checked",
                          "disabled",
                          "enabled",
                          "not",
                          "lang",
                          "first-letter",
                          "first-line",
                          "required",
                          "optional",
                          "nth-last-of-type"})
             ? CssSelectorFault::kNone
             : CssSelectorFault::kUnknown;
}

class CssSelectorReader {
 public:
  CssSelectorReader(std::string_view text, bool fold, CssSelector& out)
      : text_(text), fold_(fold), out_(out) {}

  CssSelectorFault read() {
    text_ = trim_css(text_);
    if (text_.empty()) return CssSelectorFault::kInvalid;
    for (;;) {
      if (!read_compound()) return CssSelectorFault::kInvalid;
      bool blank = false;
      while (at_ < text_.size() && is_css_blank(text_[at_])) ++at_, blank = true;
      if (at_ == text_.size()) break;
      const char c = text_[at_];
      if (c == '>' || c == '+' || c == '~') {
        for (++at_; at_ < text_.size() && is_css_blank(text_[at_]);) ++at_;
      } else if (!blank) {
        return CssSelectorFault::kInvalid;
      }
      // What went before is of another element.
      const uint32_t weight = out_.weight;
      out_ = {};
      out_.weight = weight;
      out_.certain = false;
      has_id_ = has_class_ = false;
    }
    if (fault_ != CssSelectorFault::kNone) out_.certain = false;
    return unknown_ ? CssSelectorFault::kUnknown : fault_;
  }

 private:
  void weigh(int shift) {
    if ((out_.weight >> shift & 255) < 255) out_.weight += 1u << shift;
  }

  // An identifier; empty if none starts here.
  std::string_view name() {
    size_t start = at_;
    if (start < text_.size() && text_[start] == '-') ++start;
    if (start == text_.size() ||
        !(is_name_start(text_[start]) || (start > at_ && text_[start] == '-')))
      return {};
    const size_t from = at_;
    for (at_ = start; at_ < text_.size() && is_css_name_char(text_[at_]);) ++at_;
    return text_.substr(from, at_ - from);
  }

  void want(char kind, std::string_view value) {
    weigh(kind == '#' ? 16 : 8);
    const uint64_t own = key_of(kind, value, fold_);
    bool& has = kind == '#' ? has_id_ : has_class_;
    if (kind == '#' && has) {  // two ids
      out_.certain = false;
      return;
    }
    if (has_id_ || has_class_) {
      if (out_.also_count < CssSelector::kAlsoMax)
        out_.also[out_.also_count++] = has_id_ ? own : out_.key;
      else
        out_.certain = false;
    }
    if (!has_id_) out_.key = own;
    has = true;
  }

  bool read_compound() {
    const size_t from = at_;
    out_.key = any_key();
    if (at_ < text_.size() && text_[at_] == '*') {
      ++at_;
    } else if (const std::string_view tag = name(); !tag.empty()) {
      weigh(0);
      out_.tag = html_tag(tag);
      if (out_.tag != HtmlTag::kUnknown) {
        out_.key = tag_key(out_.tag);
      } else {
        out_.tag = HtmlTag::kCount;
        out_.certain = false;
      }
    }
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '.' || c == '#') {
        ++at_;
        const std::string_view value = name();
        if (value.empty()) return false;
        want(c, value);
      } else if (c == '[') {
        if (!read_attribute()) return false;
      } else if (c == ':') {
        if (!read_pseudo()) return false;
      } else if (c == '|' || c == '&') {  // of namespaces, of nested rules
        unknown_ = true;
        out_.certain = false;
        ++at_;
        if (at_ < text_.size() && text_[at_] == '*') ++at_;
        name();
        out_.key = any_key();
        out_.tag = HtmlTag::kUnknown;
      } else {
        break;
      }
    }
    return at_ > from;
  }

  bool read_pseudo() {
    ++at_;
    if (at_ < text_.size() && text_[at_] == ':') ++at_;
    const std::string_view pseudo = name();
    if (pseudo.empty()) return false;
    const CssSelectorFault kind = kind_of_pseudo(pseudo);
    if (kind == CssSelectorFault::kUnknown) unknown_ = true;
    if (kind == CssSelectorFault::kNever) fault_ = kind;
    out_.certain = false;
    weigh(8);
    if (at_ < text_.size() && text_[at_] == '(') {
      weigh(16);  // at most what stands in it
      const char* const begin = text_.data() + at_ + 1;
      const char* const end = text_.data() + text_.size();
      const char* const close = find_css(begin, end, ")");
      if (close == end) return false;
      at_ = static_cast<size_t>(close + 1 - text_.data());
    }
    return true;
  }

  // "[name]", "[name=value]"; a class or an id that must be it is a key as in ".x".
  bool read_attribute() {
    ++at_;
    blanks();
    const std::string_view attribute = name();
    if (attribute.empty()) return false;
    weigh(8);
    out_.certain = false;
    out_.attributes |= attribute_bit(pack_name(attribute));
    blanks();
    if (at_ < text_.size() && text_[at_] == ']') return ++at_, true;
    const char before = at_ < text_.size() ? text_[at_] : '\0';
    if (before == '~' || before == '|' || before == '^' || before == '$' || before == '*') ++at_;
    if (at_ == text_.size() || text_[at_] != '=') return false;
    ++at_;
    blanks();
    std::string_view value;
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      const size_t close = text_.find(text_[at_], at_ + 1);
      if (close == std::string_view::npos) return false;
      value = text_.substr(at_ + 1, close - at_ - 1);
      at_ = close + 1;
    } else {
      value = name();
      if (value.empty()) return false;
    }
    blanks();
    const bool flagged = !name().empty();
    blanks();
    if (at_ == text_.size() || text_[at_] != ']') return false;
    ++at_;
    const bool word = !value.empty() && std::all_of(value.begin(), value.end(), is_css_name_char);
    if (flagged || !word || has_id_ || has_class_ || (before != '=' && before != '~')) return true;
    if (same_folded(attribute, "class")) out_.key = class_key(value, fold_);
    if (same_folded(attribute, "id") && before == '=') out_.key = id_key(value, fold_);
    return true;
  }

  void blanks() {
    while (at_ < text_.size() && is_css_blank(text_[at_])) ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
  const bool fold_;
  CssSelector& out_;
  CssSelectorFault fault_ = CssSelectorFault::kNone;
  bool unknown_ = false;
  bool has_id_ = false;
  bool has_class_ = false;
};

}  // namespace

uint64_t any_key() { return key_of('*', "", false); }
uint64_t tag_key(HtmlTag tag) {
  const uint64_t hash = (static_cast<uint64_t>(tag) + 1) * 0x9E3779B97F4A7C15;
  return hash ^ hash >> 29;
}
uint64_t class_key(std::string_view name, bool fold) { return key_of('.', name, fold); }
uint64_t id_key(std::string_view name, bool fold) { return key_of('#', name, fold); }

CssSelectorFault read_css_selector(std::string_view text, bool fold, CssSelector& selector) {
  selector = {};
  return CssSelectorReader(text, fold, selector).read();
}

}  // namespace winnow
