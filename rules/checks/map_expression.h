// Map expressions, as several modules of Rspamd take them for a condition: values of a message
// looked up in maps, and what was found put together.
//
//   { rules { NAME { selector = "..."; map = ...; type = "set" } ... }; expression = "A & !B"; }
//
// A rule holds where its map has one of the selector's values; a value that is no address is in no
// map of networks.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/match/regex.h"
#include "engine/score/model.h"
#include "rules/checks/check.h"
#include "rules/lang/selector.h"

namespace winnow {

class MapExpression {
 public:
  // Null where it says nothing that could hold: the operator was told.
  static std::unique_ptr<const MapExpression> compile(const UclObject& from,
                                                      CompileContext& context);
  // `scratch` is made where it is needed.
  bool holds(const Batch& batch, uint32_t row, Arena& arena,
             std::optional<RegexScratch>& scratch) const;

 private:
  struct Rule {
    Selector selector;
    std::shared_ptr<const Map> map;
    std::vector<Regex> patterns;  // of the map, where it holds some
  };
  static bool has(const Rule& rule, std::string_view value, std::optional<RegexScratch>& scratch);
  std::vector<Rule> rules_;
  Program program_;
};

}  // namespace winnow
