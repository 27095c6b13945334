// Rules in maps: multimap's type regexp_rules. Each line of the map is a pattern, a condition over
// others, a weight or a description (rules/lang/rule_lines.h); what they come to are rules like
// those of regexp { }. A line that cannot be is left out and named; the others count.
#include <fmt/format.h>

#include <algorithm>

#include "engine/score/micro.h"
#include "rules/checks/policy/multimap_rule.h"
#include "rules/compile/rule_parser.h"
#include "rules/lang/rule_lines.h"

namespace winnow {

namespace {

class MapRules {
 public:
  MapRules(Compiler& compiler, const UclObject& body)
      : compiler_(compiler), body_(body), parser_(compiler) {}

  void run() {
    const UclObject* const where = body_.find("map");
    if (!where) return off("it has no map");
    for (const char* const key : {"action", "require_symbols"})
      if (const UclObject* const given = body_.find(key))
        compiler_.warn(*given, fmt::format("multimap rule {}: {} does nothing with type "
                                           "regexp_rules; force_actions and composites do",
                                           body_.key(), key));
    const std::shared_ptr<const Map> map = compiler_.maps.load(*where, MapKind::kLines);
    if (map->kind() != MapKind::kLines)
      return off(fmt::format("a map of kind {} holds no rules", map_kind_name(map->kind())));
    for (const MapPattern& line : map->patterns()) read(line);
    read_metas();
    for (const std::string& name : names_) insert(name);
    if (left_out_ > kComplaintsMax)
      compiler_.warn(body_, fmt::format("multimap rule {}: {} lines of its map are left out in all",
                                        body_.key(), left_out_));
  }

 private:
  static constexpr size_t kComplaintsMax = 5;
  static constexpr size_t kRoundsMax = 32;  // metas that read metas further below

  struct Line {
    uint32_t number;
    RuleLine rule;
  };
  struct Said {  // of one name
    double score = 1;
    std::string description;
  };

  void off(std::string_view why) {
    compiler_.warn(body_, fmt::format("multimap rule {} is off: {}", body_.key(), why));
  }
  void leave_out(uint32_t line, std::string_view why) {
    if (++left_out_ <= kComplaintsMax)
      compiler_.warn(body_, fmt::format("multimap rule {}: line {} of its map is left out: {}",
                                        body_.key(), line, why));
  }

  void read(const MapPattern& line) {
    Result<RuleLine> rule = parse_rule_line(line.regex);
    if (!rule) return leave_out(line.line, rule.error().what);
    switch (rule->kind) {
      case RuleLine::Kind::kNothing:
        return;
      case RuleLine::Kind::kScore:
        said_[rule->name].score = rule->score;
        return;
      case RuleLine::Kind::kDescription:
        said_[rule->name].description = rule->text;
        return;
      case RuleLine::Kind::kMeta:
        metas_.push_back({line.line, std::move(*rule)});
        return;
      case RuleLine::Kind::kPattern:
        if (const Result<void> good = define(*rule); !good)
          leave_out(line.line, fmt::format("{}: {}", rule->name, good.error().what));
    }
  }

  Result<void> define(const RuleLine& rule) {
    if (parser_.defines(rule.name)) return fail("the name stands twice; the first holds");
    Result<void> good = parser_.define(rule.name, rule.text);
    if (good && !rule.is_part()) {
      names_.push_back(rule.name);
      expressions_[rule.name] = rule.text;
    }
    return good;
  }

  // Those that read others only when these are there.
  void read_metas() {
    for (size_t round = 0; round < kRoundsMax && !metas_.empty(); ++round) {
      std::vector<Line> later;
      for (Line& one : metas_)
        if (!define(one.rule)) later.push_back(std::move(one));
      const bool moved = later.size() < metas_.size();
      metas_ = std::move(later);
      if (!moved) break;
    }
    for (const Line& one : metas_)
      if (const Result<void> good = define(one.rule); !good)
        leave_out(one.number, fmt::format("{}: {}", one.rule.name, good.error().what));
  }

  void insert(const std::string& name) {
    Result<Program> program = parser_.parse(name);
    if (!program) return off(program.error().what);
    const bool known = compiler_.find_symbol(name) != kNoId<SymbolId>;
    const SymbolId id = compiler_.inserted(name);
    if (!known) {
      Symbol& symbol = compiler_.set.model.symbols[index(id)];
      const Said said = said_.contains(name) ? said_[name] : Said();
      symbol.score = to_micro(said.score);
      symbol.description = said.description;
      symbol.place = symbol.score_place = compiler_.place(body_);
      symbol.score_place.line = 0;  // the map's weight is a default: groups { } may say another
    }
    if (compiler_.set.model.symbols[index(id)].groups.empty())
      compiler_.join_group(id, body_.string("group", "multimap"));
    RuleInfo info;
    info.symbol = id;
    info.expression = expressions_[name];
    for (const Instruction& one : *program)
      if (one.op == Op::kAtom) info.atoms.push_back(static_cast<AtomId>(one.atom));
    compiler_.set.judge.rules.push_back({.symbol = id, .program = std::move(*program)});
    compiler_.set.rules.push_back(std::move(info));
  }

  Compiler& compiler_;
  const UclObject& body_;
  RuleParser parser_;
  std::vector<Line> metas_;
  std::vector<std::string> names_;  // of symbols, in order
  std::unordered_map<std::string, std::string> expressions_;
  std::unordered_map<std::string, Said> said_;
  size_t left_out_ = 0;
};

}  // namespace

void compile_regexp_maps(Compiler& compiler, const UclObject& root) {
  const UclObject* const section = root.find("multimap");
  if (!section || !section->flag("enabled", true)) return;
  for (const UclObject* const body : multimap_rules(*section))
    if (body->string("type", "") == "regexp_rules") MapRules(compiler, *body).run();
}

}  // namespace winnow
