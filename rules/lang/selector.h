// Selectors: which values of a message something looks at, as Rspamd's configuration writes it.
//
//   selector  := pipeline { ";" pipeline }         the values of each, one after the other
//   pipeline  := NAME [args] { (":" | ".") NAME [args] }
//   args      := "(" [ arg { "," arg } ] ")"       arg: 'text', "text", /re/, {…} or a bare word
//
// The first name takes values out of the message, each further one changes, filters or joins them;
// ":method" and ".transform" differ in Rspamd, not here. Texts live in the arena that is given.
// What is not known yet is an error that names it. Input is written by operators and values by
// senders: no recursion, one value more than kValuesMax is left out, and texts do not grow without
// end (kBytesMax).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/match/regex.h"
#include "engine/mime/header_names.h"
#include "engine/result.h"

namespace winnow {

class Map;  // rules/maps/map.h

class Selector {
 public:
  static constexpr size_t kValuesMax = 1'000, kStepsMax = 32, kPipelinesMax = 32;
  // Of what one run puts into the arena: where a step passes it, the values behind are left out.
  static constexpr size_t kBytesMax = 4 << 20;
  // The map of that name; null where there is none.
  using MapOf = std::function<std::shared_ptr<const Map>(std::string_view name)>;

  // Error.column is the 1-based byte where the text breaks. `headers` gets the names that are read.
  static Result<Selector> parse(std::string_view text, HeaderNames& headers, const MapOf& map_of);

  // Whether it looks at the languages of texts, which nobody finds out unasked.
  bool reads_languages() const;

  // Appends the values of the row to `out`.
  void values(const Batch& batch, uint32_t row, Arena& arena,
              std::vector<std::string_view>& out) const;
  // One text of all pipelines: their values side by side, with `delimiter` between. A pipeline of
  // one value stands beside each of the others'; of lists the shortest ends it. Where a
  // pipeline has no value there is none at all.
  void joined(const Batch& batch, uint32_t row, Arena& arena, std::string_view delimiter,
              std::vector<std::string_view>& out) const;

 private:
  struct Step {
    uint8_t kind = 0;  // Take of a pipeline's first step, Change of the others
    HeaderId header = kNoId<HeaderId>;
    Regex regex = {};
    std::shared_ptr<const Map> map = {};
    std::vector<Regex> patterns = {};  // of the map, where it holds some
    std::vector<std::string> arguments = {};
  };
  using Pipeline = std::vector<Step>;
  friend class SelectorParser;
  friend class SelectorRun;

  std::vector<Pipeline> pipelines_;
};

}  // namespace winnow
