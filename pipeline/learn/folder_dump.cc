#include "pipeline/learn/folder_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "engine/ascii.h"
#include "pipeline/learn/redis_layout.h"
#include "rules/checks/learned/bayes.h"

namespace winnow {

namespace {

constexpr uint32_t kScanStep = 4'096;

std::string key_of(Tokenizer tokenizer, uint64_t scope) {
  const bool osb = tokenizer == Tokenizer::kOsb;
  return scope == 0 ? osb ? "RS" : "WN" : fmt::format("{}#{:016x}", osb ? "RS" : "WN", scope);
}

}  // namespace

Result<void> dump_folder(const TokenStatistics& statistics,
                         const std::function<void(const DumpedKey&)>& take) {
  const auto walk = [&](std::string_view prefix, const auto& use) -> Result<void> {
    std::string after;
    for (bool more = true; more;) {
      const auto rows = statistics.store().scan(prefix, after, kScanStep);
      if (!rows) return fail(rows.error());
      for (const CounterRow& row : *rows) use(row);
      more = rows->size() == kScanStep;
      if (more) after = rows->back().key;
    }
    return {};
  };
  const Result<ClassNames> names = read_class_names(statistics.store());
  if (!names) return fail(names.error());
  // Fields of the two classes of a plane, as they are in Redis where no label says otherwise.
  const auto append_fields = [&](const CounterRow& row, const CounterKey& at, DumpedKey& to) {
    for (size_t i = 0; i < std::min<size_t>(2, row.counts.size()); ++i) {
      const size_t number = at.plane * size_t{2} + i;
      if (row.counts[i] == 0 || number >= names->size()) continue;
      const std::string_view name = (*names)[number].name();
      const RedisLayout::Class stands{std::string(name), "",
                                      number == 0   ? "S"
                                      : number == 1 ? "H"
                                                    : std::string(name)};
      to.fields.emplace_back(at.learns ? stands.learns_field() : stands.field,
                             std::to_string(row.counts[i]));
    }
  };
  // The layout of keys is that of statistics.h.
  std::map<std::string, DumpedKey> keys;
  for (const std::string_view kind : {"n", "m"}) {
    Result<void> good = walk(kind, [&](const CounterRow& row) {
      const std::optional<CounterKey> at = CounterKey::of(row.key);
      if (!at) return;
      const std::string name = key_of(at->tokenizer, at->scope);
      DumpedKey& key =
          keys.try_emplace(name, DumpedKey{.key = name, .fields = {}, .members = {}}).first->second;
      append_fields(row, *at, key);
    });
    if (!good) return good;
  }
  DumpedKey set{.key = "", .set = true, .fields = {}, .members = {}};
  for (const auto& [name, key] : keys) set.members.push_back(name);
  for (const LearnLabel& one : *names) {
    set.key = fmt::format("BAYES_{}_keys", uppered(one.name()));
    take(set);
  }
  for (auto& [name, key] : keys) {
    key.fields.emplace_back("version", "2");
    take(key);
  }
  // A token has a line for each two classes.
  for (const std::string_view kind : {"t", "u", "x"}) {
    Result<void> good = walk(kind, [&](const CounterRow& row) {
      const std::optional<CounterKey> at = CounterKey::of(row.key);
      if (!at) return;
      DumpedKey key{.key = fmt::format("{}_{}", key_of(at->tokenizer, at->scope), at->hash),
                    .fields = {},
                    .members = {}};
      append_fields(row, *at, key);
      if (!key.fields.empty()) take(key);
    });
    if (!good) return good;
  }
  return {};
}

}  // namespace winnow
