#include "rules/checks/map_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "engine/mime/ip.h"
#include "engine/score/evaluate.h"
#include "rules/config/ucl.h"
#include "rules/lang/expression.h"
#include "rules/maps/map.h"

namespace winnow {

std::unique_ptr<const MapExpression> MapExpression::compile(const UclObject& from,
                                                            CompileContext& context) {
  const UclObject* const rules = from.is_object() ? from.find("rules") : nullptr;
  const UclObject* const expression = from.is_object() ? from.find("expression") : nullptr;
  if (!rules || !rules->is_object() || !expression) {
    context.warn_at(from, "a map expression has rules { } and an expression");
    return nullptr;
  }
  auto out = std::make_unique<MapExpression>();
  std::vector<std::string_view> names;
  for (const UclObject* const body : rules->named()) {
    static constexpr std::pair<std::string_view, MapKind> kKinds[] = {
        {"set", MapKind::kSet},       {"hash", MapKind::kHash}, {"map", MapKind::kHash},
        {"regexp", MapKind::kRegexp}, {"glob", MapKind::kGlob}, {"radix", MapKind::kIp},
        {"ip", MapKind::kIp},         {"cdb", MapKind::kCdb},
    };
    const UclObject* const map = body->is_object() ? body->find("map") : nullptr;
    const std::string_view type = body->is_object() ? body->string("type", "set") : "set";
    const auto kind = std::ranges::find(kKinds, type, &std::pair<std::string_view, MapKind>::first);
    const std::string_view text = body->is_object() ? body->string("selector", "") : "";
    Result<Selector> selector = Selector::parse(text, context.headers, {});
    if (!map || kind == std::end(kKinds) || !selector) {
      context.warn_at(*body, !map        ? "a rule of a map expression has a map"
                             : !selector ? fmt::format("selector: {}", selector.error().what)
                                         : fmt::format("\"{}\" is no kind of map", type));
      return nullptr;
    }
    if (selector->reads_languages() && context.wants_languages) context.wants_languages();
    Rule rule{std::move(*selector), context.map_of(*map, kind->second), {}};
    for (const MapPattern& pattern : rule.map->patterns())
      if (Result<Regex> regex = Regex::compile(pattern.regex, pattern.flags))
        rule.patterns.push_back(std::move(*regex));
    out->rules_.push_back(std::move(rule));
    names.push_back(body->key());
  }
  Result<Program> program =
      parse_expression(from.string("expression", ""), ExpressionDialect::kComposite,
                       [&](std::string_view name, size_t) -> Result<uint32_t> {
                         const auto at = std::ranges::find(names, name);
                         if (at == names.end())
                           return fail(fmt::format("there is no rule {}", name));
                         return static_cast<uint32_t>(at - names.begin());
                       });
  if (!program || program->empty()) {
    context.warn_at(*expression, program ? "it is empty" : program.error().what);
    return nullptr;
  }
  out->program_ = std::move(*program);
  return out;
}

bool MapExpression::has(const Rule& rule, std::string_view value,
                        std::optional<RegexScratch>& scratch) {
  if (rule.map->kind() == MapKind::kIp) {
    const std::optional<IpAddress> ip = parse_ip(value);
    return ip && rule.map->find(*ip) != kNoIndex;
  }
  if (!has_patterns(rule.map->kind())) return rule.map->find(value) != kNoIndex;
  if (!scratch) scratch.emplace();
  return std::ranges::any_of(rule.patterns, [&](const Regex& one) {
    return one.find_in_bytes(*scratch, value) == Find::kFound;
  });
}

bool MapExpression::holds(const Batch& batch, uint32_t row, Arena& arena,
                          std::optional<RegexScratch>& scratch) const {
  std::vector<std::string_view> values;
  return evaluate(program_, 1, [&](uint32_t number) -> double {
           const Rule& rule = rules_[number];
           values.clear();
           rule.selector.values(batch, row, arena, values);
           return std::ranges::any_of(
               values, [&](std::string_view value) { return has(rule, value, scratch); });
         }) != 0;
}

}  // namespace winnow
