// The rules of <style> that a mail can hide text with: selectors of one element ("p", ".x", "#x",
// "p.x", "p#x", ".x.y", "*"), declarations as in style.h. Rules for several elements ("td .x",
// "a:hover") and at-rules (@media ...) are passed over, except that a background such a rule gives
// makes the element's background unknown, so that white text on it is not taken for hidden.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/html/style.h"
#include "engine/html/tags.h"

namespace winnow {

// Whether a <style> with this `media` counts: it has none, or its list names all or screen. One
// with a condition (a width, a colour scheme) is passed over, as at-rules are.
bool is_for_every_screen(std::string_view media);

class StyleSheet {
 public:
  static constexpr uint32_t kRulesMax = 1024;  // of one text; more are not looked at
  static constexpr uint32_t kAlsoMax = 3;      // classes of a selector beside its key
  static constexpr uint32_t kClassesMax = 16;  // of an element, for selectors of several classes

  // Forgets all rules; capacity stays.
  void clear();
  bool empty() const { return rules_.empty(); }

  // Adds the rules of one <style> element. Linear in `css`.
  void read(std::string_view css);

  // Merges into `delta` what the sheet says of an element: tag rules, then classes, then
  // the id; selectors of several classes behind those of one.
  // Marked rules (!important) win as in the cascade when `delta` is merged with the inline style
  // by merge_inline().
  void match(HtmlTag tag, std::string_view classes, std::string_view id, StyleDelta& delta) const;

 private:
  struct Rule {
    uint64_t key;            // of the class or id; of the tag for a tag rule
    HtmlTag tag;             // kUnknown = any
    uint8_t also_count = 0;  // classes that the element has too
    uint16_t next = 0;       // rule + 1 in the same slot; 0 = none
    uint16_t delta;          // index into deltas_
    uint16_t also = 0;       // the first of them, index into also_
  };
  // The keys of an element's first classes.
  struct Classes {
    std::array<uint64_t, kClassesMax> keys;
    uint32_t count = 0;
    bool has(uint64_t key) const;
  };
  void add_selector(std::string_view selector, uint16_t delta, uint16_t ground_delta);
  void add_rule(Rule rule);
  void match_key(uint64_t key, HtmlTag tag, const Classes& classes, StyleDelta& delta) const;

  static constexpr size_t kSlots = 512;
  std::array<uint16_t, kSlots> slots_{};  // newest rule + 1 of each slot
  uint64_t bloom_ = 0;                    // bit (key & 63) of every key
  std::vector<Rule> rules_;
  std::vector<StyleDelta> deltas_;
  std::vector<uint64_t> also_;  // keys of the further classes of all rules
  std::vector<char> cleaned_;   // the sheet without its comments
  std::vector<char> scratch_;
};

// Merges an element's inline style over what the sheet gave it.
inline void merge_inline(StyleDelta& delta, const StyleDelta& inline_style) {
  delta.take(inline_style, ~(delta.important & ~inline_style.important));
}

}  // namespace winnow
