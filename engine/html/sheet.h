// The rules of <style> that a mail can hide text with: selectors of one element ("p", ".x", "#x",
// "p.x", "p#x", ".x.y", "*"), declarations as in style.h, in the order of the cascade. Rules that
// want more of an element or its surroundings ("td .x", "[a=b]", ":not(.x)"), and those in at-rules
// with a condition, hide nothing; whatever they may show or paint is in doubt, and text in doubt
// counts as seen. So does all where there are more rules than are kept.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/html/css_selector.h"
#include "engine/html/style.h"
#include "engine/html/tags.h"

namespace winnow {

// Whether a <style> with this `media` counts: it has none, or its list names all or screen. One
// with a condition (a width, a colour scheme) is passed over.
bool is_for_every_screen(std::string_view media);

class StyleSheet {
 public:
  static constexpr uint32_t kRulesMax = 4096;  // of one text
  static constexpr uint32_t kClassesMax = 16;  // of an element, for selectors of several classes

  // Forgets all rules; capacity stays.
  void clear();
  bool empty() const { return rules_.empty() && !overflow_; }

  // Adds the rules of one <style> element. `certain`: they apply to the page, on every screen.
  // `fold`: the case of classes and ids does not matter, the same for all of one text. Linear in
  // `css`.
  void read(std::string_view css, bool certain, bool fold);

  struct Element {
    HtmlTag tag;
    std::string_view classes;
    std::string_view id;
    uint64_t attributes;  // bits of the names it has
  };
  // Merges into `delta` what the sheet says of an element. Marked rules (!important) win as in the
  // cascade when the inline style is put over `delta`.
  void match(const Element& element, StyleDelta& delta) const;

 private:
  struct Rule {
    uint64_t key;
    uint64_t attributes;
    uint32_t weight;
    HtmlTag tag;
    bool certain;
    uint8_t also_count;
    uint16_t next;   // rule + 1 in the same slot; 0 = none
    uint16_t delta;  // index into deltas_
    uint16_t also;   // the first of them, index into also_
  };
  // The keys of an element's first classes.
  struct Classes {
    std::array<uint64_t, kClassesMax> keys;
    uint32_t count = 0;
    bool has(uint64_t key) const;
  };
  // Rules found for an element, with what orders them in the cascade.
  struct Found {
    static constexpr uint32_t kMax = 48;
    std::array<uint64_t, kMax> order;  // weight, then rule
    uint32_t count = 0;
    bool overflow = false;
  };
  void read_rule(std::string_view selectors, std::string_view block, bool certain);
  void add_rule(const CssSelector& selector, uint16_t delta, bool certain);
  void find(uint64_t key, HtmlTag tag, uint64_t attributes, const Classes& classes,
            Found& found) const;

  static constexpr size_t kSlots = 512;
  std::array<uint16_t, kSlots> slots_{};  // newest rule + 1 of each slot
  uint64_t bloom_ = 0;                    // bit (key >> 32 & 63) of every key
  bool fold_ = true;
  bool overflow_ = false;  // there were more rules than are kept
  std::vector<Rule> rules_;
  std::vector<StyleDelta> deltas_;
  std::vector<uint64_t> also_;  // keys of the further classes of all rules
  std::vector<char> cleaned_;   // the sheet without its comments
  std::vector<char> selectors_;
  std::vector<char> scratch_;
};

}  // namespace winnow
