#include "engine/html/sheet.h"

#include <algorithm>

#include "engine/html/packed_name.h"
#include "engine/html/scan.h"

namespace winnow {

namespace {

// FNV-1a over the name without regard to case: most mail is read in quirks mode.
uint64_t key_of(char kind, std::string_view name) {
  uint64_t hash = 0xCBF29CE484222325 ^ static_cast<uint8_t>(kind);
  for (const char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    hash = (hash ^ static_cast<uint8_t>(lower)) * 0x100000001B3;
  }
  return hash ^ hash >> 29;
}
uint64_t tag_key(HtmlTag tag) { return key_of('t', html_tag_name(tag)); }

bool is_name_char(char c) {
  return is_css_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' ||
         static_cast<uint8_t>(c) >= 0x80;
}

// Past what starts at `at` in a sheet and is no rule: blanks, "<!--", "-->", comments, at-rules.
// Returns `at` itself if a rule starts there.
const char* skip_non_rule(const char* at, const char* end) {
  const std::string_view rest(at, static_cast<size_t>(end - at));
  if (is_css_blank(*at) || *at == '}' || *at == ';') return at + 1;
  if (rest.starts_with("<!--")) return at + 4;
  if (rest.starts_with("-->")) return at + 3;
  if (rest.starts_with("/*")) {
    const size_t close = rest.find("*/", 2);
    return close == std::string_view::npos ? end : at + close + 2;
  }
  if (*at != '@') return at;
  int depth = 0;
  for (; at < end; ++at) {
    if (*at == '{') ++depth;
    if (*at == ';' && depth == 0) return at + 1;
    if (*at == '}' && --depth <= 0) return at + 1;
  }
  return end;
}

}  // namespace

void StyleSheet::clear() {
  if (rules_.empty() && deltas_.empty()) return;
  slots_.fill(0);
  bloom_ = 0;
  rules_.clear();
  deltas_.clear();
}

void StyleSheet::read(std::string_view css) {
  const char* at = css.data();
  const char* const end = at + css.size();
  while (at < end && rules_.size() < kRulesMax && deltas_.size() < 2 * kRulesMax) {
    if (const char* past = skip_non_rule(at, end); past != at) {
      at = past;
      continue;
    }
    const char* const open = find_byte(at, end, '{');
    if (open == end) return;
    const char* const close = find_byte(open, end, '}');
    StyleDelta delta;
    read_declarations({open + 1, static_cast<size_t>(close - open - 1)}, scratch_, delta);
    std::string_view selectors(at, static_cast<size_t>(open - at));
    at = close;
    if (delta.set == 0) continue;
    const auto index = static_cast<uint16_t>(deltas_.size());
    deltas_.push_back(delta);
    StyleDelta ground;
    const bool has_ground = delta.set & (kStyleBackground | kStyleGround);
    if (has_ground) ground.set = ground.value = ground.important = kStyleGround;
    if (has_ground) deltas_.push_back(ground);
    while (!selectors.empty()) {
      const size_t comma = std::min(selectors.find(','), selectors.size());
      add_selector(trim_css(selectors.substr(0, comma)), index,
                   has_ground ? static_cast<uint16_t>(index + 1) : index);
      selectors.remove_prefix(std::min(comma + 1, selectors.size()));
    }
  }
}

void StyleSheet::add_selector(std::string_view selector, uint16_t delta, uint16_t ground_delta) {
  // The last element that the selector names.
  size_t start = selector.size();
  while (start > 0 && !is_css_blank(selector[start - 1]) && selector[start - 1] != '>' &&
         selector[start - 1] != '+' && selector[start - 1] != '~') {
    --start;
  }
  bool simple = start == 0;
  const std::string_view last = selector.substr(start);
  size_t at = 0;
  while (at < last.size() && is_name_char(last[at])) ++at;
  HtmlTag tag = HtmlTag::kUnknown;
  if (at > 0) {
    tag = html_tag(last.substr(0, at));
    if (tag == HtmlTag::kUnknown) return;
  }
  const bool any = at < last.size() && last[at] == '*';
  if (any) ++at;
  uint64_t key = at > 0 ? (any ? key_of('*', "") : tag_key(tag)) : 0;
  if (at < last.size() && (last[at] == '.' || last[at] == '#')) {
    const char kind = last[at++];
    const size_t name = at;
    while (at < last.size() && is_name_char(last[at])) ++at;
    key = key_of(kind, last.substr(name, at - name));
  }
  if (key == 0) return;
  simple = simple && at == last.size();
  if (simple) return add_rule(key, tag, delta);
  if (ground_delta != delta) add_rule(key, tag, ground_delta);
}

void StyleSheet::add_rule(uint64_t key, HtmlTag tag, uint16_t delta) {
  if (rules_.size() >= kRulesMax) return;
  uint16_t& slot = slots_[key % kSlots];
  rules_.push_back({key, tag, slot, delta});
  slot = static_cast<uint16_t>(rules_.size());
  bloom_ |= uint64_t{1} << (key >> 32 & 63);
}

void StyleSheet::match_key(uint64_t key, HtmlTag tag, StyleDelta& delta) const {
  if (!(bloom_ >> (key >> 32 & 63) & 1)) return;
  // Newest first; so what an older rule sets is taken only where no newer one has set it. At most
  // kChainMax rules of one slot are looked at: bounded work for hostile sheets.
  constexpr int kChainMax = 32;
  StyleDelta merged;
  int steps = 0;
  for (uint16_t at = slots_[key % kSlots]; at != 0 && steps < kChainMax; ++steps) {
    const Rule& rule = rules_[at - 1];
    at = rule.next;
    if (rule.key != key || (rule.tag != HtmlTag::kUnknown && rule.tag != tag)) continue;
    const StyleDelta& own = deltas_[rule.delta];
    merged.take(own, ~merged.set | (own.important & ~merged.important));
    merged.important |= own.important;
  }
  delta.take(merged, ~(delta.important & ~merged.important));
  delta.important |= merged.important;
}

void StyleSheet::match(HtmlTag tag, std::string_view classes, std::string_view id,
                       StyleDelta& delta) const {
  match_key(key_of('*', ""), tag, delta);
  match_key(tag_key(tag), tag, delta);
  for (size_t at = 0; at < classes.size();) {
    if (is_css_blank(classes[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < classes.size() && !is_css_blank(classes[end])) ++end;
    match_key(key_of('.', classes.substr(at, end - at)), tag, delta);
    at = end;
  }
  if (!id.empty()) match_key(key_of('#', id), tag, delta);
}

}  // namespace winnow
