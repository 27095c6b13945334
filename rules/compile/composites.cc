// composites {} and group {}: how symbols are combined and what they weigh.
#include <fmt/format.h>

#include <algorithm>

#include "engine/score/micro.h"
#include "rules/compile/compile.h"
#include "rules/config/nearest.h"
#include "rules/config/symbols.h"
#include "rules/lang/composite.h"
#include "rules/lang/regexp.h"

namespace winnow {

namespace {

// Those that are on, in the order of the files.
template <typename Each>
void for_each_composite(const UclObject& root, Each each) {
  for (const char* const key : {"composites", "composite"}) {
    const UclObject* const section = root.find(key);
    if (!section) continue;
    for (const UclObject* const object : section->named()) {
      const UclObject& value = object->last_value();
      if (value.is_object() && value.flag("enabled", true)) each(value);
    }
  }
}

void compile_composite(Compiler& compiler, const UclObject& object) {
  const UclObject* const expression = object.find("expression");
  if (!expression) {
    compiler.warn(object, fmt::format("composite {} has no expression; it is off", object.key()));
    return;
  }
  Removal policy = Removal::kRemove;
  if (const UclObject* const given = object.find("policy")) {
    Result<Removal> parsed = parse_removal(given->last_value().text());
    if (!parsed)
      compiler.warn(*given, fmt::format("composite {}: {}", object.key(), parsed.error().what));
    else
      policy = *parsed;
  }
  CompositeNames names;
  names.symbol = [&](std::string_view name) {
    const SymbolId id = compiler.find_symbol(name);
    if (id == kNoId<SymbolId>) return id;
    const uint16_t flags = compiler.set.model.symbols[index(id)].flags;
    return flags & static_cast<uint16_t>(SymbolFlag::kUndefined) ? kNoId<SymbolId> : id;
  };
  names.group = [&](std::string_view name) {
    const auto at = compiler.group_ids.find(std::string(name));
    return at == compiler.group_ids.end() ? kNoId<GroupId> : at->second;
  };
  names.regexp = [&](std::string_view text) -> Result<uint32_t> {
    Result<PatternSpec> spec = parse_plain_regexp(text);
    if (!spec) return fail(spec.error());
    Result<Regex> regex = Regex::compile(spec->regex, spec->flags);
    if (!regex) return fail(regex.error());
    return compiler.set.add_option_regexp(std::move(*regex));
  };
  names.unknown = [&](std::string_view name, size_t) {
    const bool group =
        std::ranges::find(known_symbols(), name, &KnownSymbol::group) != known_symbols().end();
    if (group || is_known_symbol(name) || compiler.accepted.contains(name)) {
      // What the shipped policy reads beside others may wait in silence.
      if (!object.place().file.starts_with("policy:")) compiler.waiting.emplace(name);
      return;
    }
    std::vector<std::string_view> known;
    for (const KnownSymbol& symbol : known_symbols()) known.push_back(symbol.name);
    for (const Symbol& symbol : compiler.set.model.symbols) known.push_back(symbol.name);
    const std::string near = did_you_mean(name, known);
    compiler.warn(*expression, fmt::format("composite {} reads {}, which no rule inserts.{}{}",
                                           object.key(), name, near.empty() ? "" : " ", near));
  };
  Result<Composite> composite = parse_composite(compiler.find_symbol(object.key()),
                                                expression->last_value().text(), policy, names);
  if (!composite) {
    compiler.warn(*expression, fmt::format("composite {} is off: {} (byte {})", object.key(),
                                           composite.error().what, composite.error().column));
    return;
  }
  composite->place = compiler.place(*expression);
  compiler.set.model.composites.push_back(std::move(*composite));
}

Micro cap(Compiler& compiler, const UclObject& group, const char* key, Micro none) {
  const UclObject* const value = group.find(key);
  if (!value) return none;
  const std::optional<double> number = value->last_value().as_number();
  if (!number) {
    compiler.warn(*value, fmt::format("{} of group {} is no number", key, group.key()));
    return none;
  }
  return *number == 0 ? none : to_micro(*number);  // 0 is no cap
}

void read_group(Compiler& compiler, const UclObject& object) {
  const GroupId id = compiler.group(object.key());
  Group& group = compiler.set.model.groups[index(id)];
  group.place = compiler.place(object);
  group.max_score = cap(compiler, object, "max_score", group.max_score);
  group.min_score = cap(compiler, object, "min_score", group.min_score);
  if (const std::string_view text = object.string("description", ""); !text.empty())
    group.description = text;
  group.disabled = object.flag("disabled", false) || !object.flag("enabled", true);
  group.is_public = object.flag("public", !object.flag("private", !group.is_public));
  const bool one_shot = object.flag("one_shot", false);
  for (const char* const key : {"symbols", "symbol"}) {
    const UclObject* const symbols = object.find(key);
    if (!symbols) continue;
    for (const UclObject* const one : symbols->named()) {
      const UclObject& value = one->last_value();
      const bool known = compiler.find_symbol(one->key()) != kNoId<SymbolId>;
      const SymbolId symbol = compiler.symbol(one->key());
      if (!known) compiler.set.model.symbols[index(symbol)].place = compiler.place(value);
      compiler.join_group(symbol, object.key());
      read_symbol(compiler, value, symbol, "group.*.symbols.*");
    }
  }
  if (one_shot)
    for (const SymbolId symbol : compiler.set.model.groups[index(id)].symbols)
      compiler.set.model.symbols[index(symbol)].shots_max = 1;
}

}  // namespace

// Their names, so that others may read them and groups may weigh them.
void declare_composites(Compiler& compiler, const UclObject& root) {
  for_each_composite(root, [&](const UclObject& value) {
    const SymbolId id = compiler.inserted(value.key());
    Symbol& symbol = compiler.set.model.symbols[index(id)];
    symbol.kind = SymbolKind::kComposite;
    symbol.place = compiler.place(value);
    read_symbol(compiler, value, id, "composites.*");
    if (compiler.options.keep_tests && value.find("test")) {
      RuleInfo info;
      info.symbol = id;
      info.expression = value.string("expression", "");
      read_tests(compiler, value, info);
      compiler.set.rules.push_back(std::move(info));
    }
  });
}

// REQUIRES: groups have their symbols.
void compile_composites(Compiler& compiler, const UclObject& root) {
  for_each_composite(root, [&](const UclObject& value) { compile_composite(compiler, value); });
  for (const SymbolId symbol : order_composites(compiler.set.model, [&](SymbolId id) {
         return compiler.set.model.symbols[index(id)].kind == SymbolKind::kPostfilter;
       }))
    compiler.warn(compiler.set.model.symbols[index(symbol)].place,
                  fmt::format("composite {} reads itself through others; it is off",
                              compiler.set.model.symbols[index(symbol)].name));
}

void compile_groups(Compiler& compiler, const UclObject& root) {
  for (const char* const key : {"group", "groups"}) {
    const UclObject* const groups = root.find(key);
    if (!groups) continue;
    for (const UclObject* const group : groups->named())
      for (const UclObject& value : group->values())
        if (value.is_object()) read_group(compiler, value);
  }
  if (const UclObject* const symbols = root.find("symbols"))
    for (const UclObject* const one : symbols->named())
      read_symbol(compiler, one->last_value(), compiler.symbol(one->key()), "group.*.symbols.*");
}

}  // namespace winnow
