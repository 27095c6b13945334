#include "engine/html/sheet.h"

#include <algorithm>

#include "engine/ascii.h"
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

// The key of rules that want further classes: they are merged after those that want one.
uint64_t compound_key(uint64_t key) { return ~key; }

// Past what starts at `at` in a sheet and is no rule: blanks, "<!--", "-->", at-rules.
// Returns `at` itself if a rule starts there.
const char* skip_non_rule(const char* at, const char* end) {
  const std::string_view rest(at, static_cast<size_t>(end - at));
  if (is_css_blank(*at) || *at == '}' || *at == ';') return at + 1;
  if (rest.starts_with("<!--")) return at + 4;
  if (rest.starts_with("-->")) return at + 3;
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

void StyleSheet::read(std::string_view css) {
  css = without_comments(css, cleaned_);
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
  while (at < last.size() && is_css_name_char(last[at])) ++at;
  HtmlTag tag = HtmlTag::kUnknown;
  if (at > 0) {
    tag = html_tag(last.substr(0, at));
    if (tag == HtmlTag::kUnknown) return;
  }
  const bool any = at < last.size() && last[at] == '*';
  if (any) ++at;
  uint64_t key = at > 0 ? (any ? key_of('*', "") : tag_key(tag)) : 0;
  // The key is the id, or else the last class; the other classes are wanted too.
  bool has_id = false;
  bool has_class = false;
  std::array<uint64_t, kAlsoMax> also;
  uint32_t also_count = 0;
  while (at < last.size() && (last[at] == '.' || last[at] == '#')) {
    const char kind = last[at];
    const size_t name = at + 1;
    size_t name_end = name;
    while (name_end < last.size() && is_css_name_char(last[name_end])) ++name_end;
    if (name_end == name || (kind == '#' && has_id)) break;
    const uint64_t own = key_of(kind, last.substr(name, name_end - name));
    if (has_id || has_class) {
      if (also_count == kAlsoMax) break;
      also[also_count++] = has_id ? own : key;
    }
    if (!has_id) key = own;
    (kind == '#' ? has_id : has_class) = true;
    at = name_end;
  }
  if (key == 0) return;
  simple = simple && at == last.size();
  if (!simple) {
    if (ground_delta != delta) add_rule({.key = key, .tag = tag, .delta = ground_delta});
    return;
  }
  if (also_count == 0) return add_rule({.key = key, .tag = tag, .delta = delta});
  if (rules_.size() >= kRulesMax) return;
  const auto first = static_cast<uint16_t>(also_.size());
  also_.insert(also_.end(), also.begin(), also.begin() + also_count);
  add_rule({.key = compound_key(key),
            .tag = tag,
            .also_count = static_cast<uint8_t>(also_count),
            .delta = delta,
            .also = first});
}

void StyleSheet::add_rule(Rule rule) {
  if (rules_.size() >= kRulesMax) return;
  uint16_t& slot = slots_[rule.key % kSlots];
  rule.next = slot;
  rules_.push_back(rule);
  slot = static_cast<uint16_t>(rules_.size());
  bloom_ |= uint64_t{1} << (rule.key >> 32 & 63);
}

void StyleSheet::match_key(uint64_t key, HtmlTag tag, const Classes& classes,
                           StyleDelta& delta) const {
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
    const auto has = [&](uint64_t also) { return classes.has(also); };
    const auto also = also_.begin() + rule.also;
    if (!std::all_of(also, also + rule.also_count, has)) continue;
    const StyleDelta& own = deltas_[rule.delta];
    merged.take(own, ~merged.set | (own.important & ~merged.important));
    merged.important |= own.important;
  }
  delta.take(merged, ~(delta.important & ~merged.important));
  delta.important |= merged.important;
}

void StyleSheet::match(HtmlTag tag, std::string_view classes, std::string_view id,
                       StyleDelta& delta) const {
  Classes seen;
  match_key(key_of('*', ""), tag, seen, delta);
  match_key(tag_key(tag), tag, seen, delta);
  for (size_t at = 0; at < classes.size();) {
    if (is_css_blank(classes[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < classes.size() && !is_css_blank(classes[end])) ++end;
    const uint64_t key = key_of('.', classes.substr(at, end - at));
    match_key(key, tag, seen, delta);
    if (seen.count < kClassesMax && !seen.has(key)) seen.keys[seen.count++] = key;
    at = end;
  }
  if (!also_.empty()) {
    for (uint32_t i = 0; i < seen.count; ++i) {
      match_key(compound_key(seen.keys[i]), tag, seen, delta);
    }
  }
  if (id.empty()) return;
  const uint64_t id_key = key_of('#', id);
  match_key(id_key, tag, seen, delta);
  if (!also_.empty()) match_key(compound_key(id_key), tag, seen, delta);
}

}  // namespace winnow
