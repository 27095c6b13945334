// How much the plain text and the HTML of an alternative differ (facts/received-and-text.md,
// "Distance"): near |n1 - n2| / (n1 + n2) words, as Rspamd computes it.
#include <array>

#include "rules/checks/check.h"
#include "rules/checks/row.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

constexpr std::array<SymbolDecl, 1> kSymbols{{
    {"R_PARTS_DIFFER", "body", 1, "Plain text and HTML say different things."},
}};

// Index of the text that is the plain side of HTML text `html`; kNoIndex where there is none.
uint32_t twin(std::span<const Part> parts, std::span<const Text> texts, const Text& html) {
  const uint32_t parent = parts[html.part].parent;
  if (parent == kNoIndex || parts[parent].subtype != "alternative") return kNoIndex;
  for (uint32_t i = 0; i < texts.size(); ++i)
    if (parts[texts[i].part].parent == parent && texts[i].html == kNoIndex) return i;
  return kNoIndex;
}

void content(const CheckPlan& plan, Batch& batch) {
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const std::span<const Text> texts = batch.texts.row(row);
    for (const Text& html : texts) {
      if (html.html == kNoIndex || !is_prose(batch.parts.row(row)[html.part])) continue;
      const uint32_t plain = twin(batch.parts.row(row), texts, html);
      if (plain == kNoIndex) continue;
      const uint32_t n1 = texts[plain].words.size(), n2 = html.words.size();
      if (n1 + n2 == 0) break;
      const double distance =
          n1 == 0 || n2 == 0
              ? 1.0
              : static_cast<double>(n1 > n2 ? n1 - n2 : n2 - n1) / static_cast<double>(n1 + n2);
      if (distance >= 0.5) {
        const double weight = n1 + n2 > 30 ? (distance - 0.5) * 2 : distance - 0.5;
        const std::string_view percent =
            number_text(batch.arena, static_cast<int64_t>(distance * 1000 + 0.5));
        const std::string_view whole =
            percent.size() > 1 ? percent.substr(0, percent.size() - 1) : std::string_view("0");
        insert(plan, batch, row, 0,
               join_text(batch.arena, whole, ".", percent.substr(percent.size() - 1), "%"), weight);
      }
      break;  // the first HTML part that has a twin
    }
  }
}

}  // namespace

extern constexpr Check kPartsDiffer{
    .name = "parts_differ",
    .text = "Compares the plain and the HTML side of an alternative.",
    .symbols = kSymbols,
    .content = content,
};

}  // namespace winnow
