#include "engine/html/sheet.h"

#include <algorithm>

#include "engine/ascii.h"
#include "engine/html/css_text.h"
#include "engine/html/packed_name.h"
#include "engine/html/scan.h"

namespace winnow {

namespace {

std::string_view view(const char* from, const char* to) {
  return {from, static_cast<size_t>(to - from)};
}

enum class AtRule : uint8_t { kCertain, kDoubtful, kPassed };

// What the rules inside an at-rule are worth.
AtRule at_rule(std::string_view prelude) {
  size_t end = 1;
  while (end < prelude.size() && is_css_name_char(prelude[end])) ++end;
  const std::string_view name = prelude.substr(1, end - 1);
  const std::string_view rest = trim_css(prelude.substr(end));
  if (same_folded(name, "media")) {
    if (is_for_every_screen(rest)) return AtRule::kCertain;
    return same_folded(rest, "print") || same_folded(rest, "speech") ? AtRule::kPassed
                                                                     : AtRule::kDoubtful;
  }
  for (const std::string_view passed : {"font-face", "page", "keyframes", "-webkit-keyframes",
                                        "-moz-keyframes", "counter-style", "property"}) {
    if (same_folded(name, passed)) return AtRule::kPassed;
  }
  return AtRule::kDoubtful;
}

// Calls `use` with each selector of a list; stops where it says false.
template <typename Use>
void for_each_selector(std::string_view selectors, const Use& use) {
  const char* const end = selectors.data() + selectors.size();
  for (const char* at = selectors.data();; ++at) {
    const char* const from = at;
    at = find_css(at, end, ",");
    if (!use(view(from, at)) || at == end) return;
  }
}

}  // namespace

bool is_for_every_screen(std::string_view media) {
  if (trim_css(media).empty()) return true;
  while (!media.empty()) {
    const size_t comma = std::min(media.find(','), media.size());
    std::string_view query = trim_css(media.substr(0, comma));
    media.remove_prefix(std::min(comma + 1, media.size()));
    if (query.size() > 4 && starts_caseless(query, "only") && is_css_blank(query[4])) {
      query = trim_css(query.substr(4));
    }
    if (same_folded(query, "all") || same_folded(query, "screen")) return true;
  }
  return false;
}

void StyleSheet::clear() {
  overflow_ = false;
  if (rules_.empty() && deltas_.empty()) return;
  slots_.fill(0);
  bloom_ = 0;
  rules_.clear();
  deltas_.clear();
  also_.clear();
}

bool StyleSheet::Classes::has(uint64_t key) const {
  return std::find(keys.begin(), keys.begin() + count, key) != keys.begin() + count;
}

// Items of a sheet one after another (CSS Syntax 3, 5.4): a block is entered if there are rules in
// it, and left at its '}'. What stands in an entered block of a rule was read as its declarations
// before, so that a sheet is read once more for each of kLevelsMax levels at most.
void StyleSheet::read(std::string_view css, bool certain, bool fold) {
  constexpr uint32_t kLevelsMax = 8;
  css = clean_css(css, false, cleaned_);
  fold_ = fold;
  const char* at = css.data();
  const char* const end = at + css.size();
  std::array<bool, kLevelsMax + 1> certain_at{certain};
  for (uint32_t level = 0; at < end;) {
    const std::string_view rest = view(at, end);
    if (is_css_blank(*at) || (level > 0 && *at == ';')) {
      ++at;
      continue;
    }
    if (level > 0 && *at == '}') {
      --level, ++at;
      continue;
    }
    if (level == 0 && (rest.starts_with("<!--") || rest.starts_with("-->"))) {
      at += *at == '<' ? 4 : 3;
      continue;
    }
    const bool at_statement = *at == '@';
    const char* const open = find_css(at, end, level > 0 ? "{;}" : at_statement ? "{;" : "{");
    if (open == end) return;
    const std::string_view prelude = view(at, open);
    at = *open == '}' ? open : open + 1;
    if (*open != '{') continue;
    bool inner_certain = certain_at[level];
    if (at_statement) {
      const AtRule kind = at_rule(prelude);
      if (kind == AtRule::kPassed) {
        at = std::min(find_css(at, end, "}") + 1, end);
        continue;
      }
      inner_certain = inner_certain && kind == AtRule::kCertain;
    } else {
      const char* const close = find_css(at, end, "}");
      read_rule(prelude, view(at, close), inner_certain);
      if (find_byte(at, close, '{') == close) {
        at = std::min(close + 1, end);
        continue;
      }
      inner_certain = false;  // nested rules
    }
    if (++level > kLevelsMax) {
      overflow_ = true;
      return;
    }
    certain_at[level] = inner_certain;
  }
}

// Reads a rule. One that is not certain counts for what it shows only.
void StyleSheet::read_rule(std::string_view selectors, std::string_view block, bool certain) {
  if (overflow_) return;
  StyleDelta delta;
  read_declarations(block, scratch_, delta);
  if (delta.set == 0 && delta.doubt == 0) return;
  const bool escaped = find_byte(selectors.data(), selectors.data() + selectors.size(), '\\') !=
                       selectors.data() + selectors.size();
  selectors = clean_css(selectors, true, selectors_);
  // What an invalid selector looks like, an escape or a nested rule may be behind.
  const bool lenient = escaped || !certain;
  bool valid = true;
  CssSelector selector;
  for_each_selector(selectors, [&](std::string_view text) {
    const CssSelectorFault fault = read_css_selector(text, fold_, selector);
    valid = fault != CssSelectorFault::kInvalid || lenient;
    certain = certain && fault != CssSelectorFault::kUnknown && fault != CssSelectorFault::kInvalid;
    return valid;
  });
  if (!valid) return;
  if (deltas_.size() == kRulesMax) {
    overflow_ = true;
    return;
  }
  const auto index = static_cast<uint16_t>(deltas_.size());
  deltas_.push_back(delta);
  for_each_selector(selectors, [&](std::string_view text) {
    const CssSelectorFault fault = read_css_selector(text, fold_, selector);
    if (fault == CssSelectorFault::kInvalid) {
      selector = {};
      selector.key = any_key();
      selector.weight = 0xFFFFFF;
    }
    if (fault != CssSelectorFault::kNever) add_rule(selector, index, certain && selector.certain);
    return !overflow_;
  });
}

void StyleSheet::add_rule(const CssSelector& selector, uint16_t delta, bool certain) {
  if (rules_.size() == kRulesMax) {
    overflow_ = true;
    return;
  }
  uint16_t& slot = slots_[selector.key % kSlots];
  rules_.push_back({.key = selector.key,
                    .attributes = selector.attributes,
                    .weight = selector.weight,
                    .tag = selector.tag,
                    .certain = certain,
                    .also_count = static_cast<uint8_t>(selector.also_count),
                    .next = slot,
                    .delta = delta,
                    .also = static_cast<uint16_t>(also_.size())});
  also_.insert(also_.end(), selector.also.begin(), selector.also.begin() + selector.also_count);
  slot = static_cast<uint16_t>(rules_.size());
  bloom_ |= uint64_t{1} << (selector.key >> 32 & 63);
}

void StyleSheet::find(uint64_t key, HtmlTag tag, uint64_t attributes, const Classes& classes,
                      Found& found) const {
  if (!(bloom_ >> (key >> 32 & 63) & 1)) return;
  // At most kChainMax rules of one slot are looked at: bounded work for hostile sheets.
  constexpr int kChainMax = 64;
  int steps = 0;
  for (uint16_t at = slots_[key % kSlots]; at != 0; ++steps) {
    const Rule& rule = rules_[at - 1];
    const uint64_t order = uint64_t{rule.weight} << 16 | (at - 1u);
    at = rule.next;
    if (steps == kChainMax) {
      found.overflow = true;
      return;
    }
    if (rule.key != key || (rule.attributes & ~attributes)) continue;
    const HtmlTag wanted = tag == HtmlTag::kUnknown ? HtmlTag::kCount : tag;
    if (rule.tag != HtmlTag::kUnknown && rule.tag != wanted) continue;
    const auto also = also_.begin() + rule.also;
    if (!std::all_of(also, also + rule.also_count, [&](uint64_t k) { return classes.has(k); })) {
      continue;
    }
    if (found.count == Found::kMax) {
      found.overflow = true;
      return;
    }
    found.order[found.count++] = order;
  }
}

void StyleSheet::match(const Element& element, StyleDelta& delta) const {
  Classes seen;
  Found found;
  const auto look_up = [&](uint64_t key) {
    find(key, element.tag, element.attributes, seen, found);
  };
  // Keys of all classes first: a rule may want others than its key.
  const std::string_view classes = element.classes;
  for (size_t at = 0; at < classes.size() && seen.count < kClassesMax;) {
    size_t end = at;
    while (end < classes.size() && !is_css_blank(classes[end])) ++end;
    if (end > at) {
      const uint64_t key = class_key(classes.substr(at, end - at), fold_);
      if (!seen.has(key)) seen.keys[seen.count++] = key;
    }
    at = end + 1;
    if (at < classes.size() && seen.count == kClassesMax) found.overflow = true;
  }
  look_up(any_key());
  if (element.tag != HtmlTag::kUnknown) look_up(tag_key(element.tag));
  for (uint32_t i = 0; i < seen.count; ++i) look_up(seen.keys[i]);
  if (!element.id.empty()) look_up(id_key(element.id, fold_));
  std::sort(found.order.begin(), found.order.begin() + found.count);
  for (uint32_t i = 0; i < found.count; ++i) {
    const Rule& rule = rules_[found.order[i] & 0xFFFF];
    if (rule.certain)
      delta.put(deltas_[rule.delta]);
    else
      delta.put_doubt(deltas_[rule.delta]);
  }
  if (overflow_ || found.overflow) delta.important_doubt = kStyleAll;
}

}  // namespace winnow
