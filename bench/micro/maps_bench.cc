// A million entries: time to read them, bytes over the data, time to look one up.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "engine/mime/ip.h"
#include "rules/maps/map.h"

namespace winnow {
namespace {

constexpr uint32_t kEntries = 1'000'000;

std::string entry(MapKind kind, uint32_t i) {
  const uint32_t mixed = i * 2654435761u;  // odd: every i has its own
  if (kind == MapKind::kIp)
    return std::to_string(mixed >> 24) + "." + std::to_string(mixed >> 16 & 255) + "." +
           std::to_string(mixed >> 8 & 255) + "." + std::to_string(mixed & 255);
  return "user" + std::to_string(mixed) + "@example" + std::to_string(i % 1000) + ".org";
}

const std::string& text_of(MapKind kind) {
  static std::string texts[8];
  std::string& text = texts[static_cast<size_t>(kind)];
  if (text.empty())
    for (uint32_t i = 0; i < kEntries; ++i)
      text += entry(kind, i) + (kind == MapKind::kSet ? "\n" : " LISTED:2\n");
  return text;
}

std::shared_ptr<const Map> read(MapKind kind) {
  MapBuilder builder(kind);
  builder.add_lines(text_of(kind), 0);
  return builder.finish();
}

void load(benchmark::State& state) {
  const auto kind = static_cast<MapKind>(state.range(0));
  text_of(kind);
  std::shared_ptr<const Map> map;
  for (auto _ : state) map = read(kind);
  if (map->size() != kEntries) std::abort();
  const size_t data = kind == MapKind::kIp ? 0 : map->data_bytes();
  state.counters["bytes_over_data"] = static_cast<double>(map->bytes() - data) / kEntries;
  state.SetLabel(std::string(map_kind_name(kind)));
}
BENCHMARK(load)
    ->Arg(static_cast<int>(MapKind::kSet))
    ->Arg(static_cast<int>(MapKind::kHash))
    ->Arg(static_cast<int>(MapKind::kIp))
    ->Unit(benchmark::kMillisecond);

void find(benchmark::State& state) {
  const auto kind = static_cast<MapKind>(state.range(0));
  const std::shared_ptr<const Map> map = read(kind);
  std::vector<std::string> keys;
  std::vector<IpAddress> ips;
  for (uint32_t i = 0; i < 4096; ++i) {
    keys.push_back(entry(kind, i * 241));
    if (kind == MapKind::kIp) ips.push_back(*parse_ip(keys.back()));
  }
  size_t at = 0, found = 0;
  for (auto _ : state) {
    at = (at + 1) & 4095;
    found += (kind == MapKind::kIp ? map->find(ips[at]) : map->find(keys[at])) != kNoIndex;
  }
  if (found != static_cast<size_t>(state.iterations())) std::abort();
  state.SetLabel(std::string(map_kind_name(kind)));
}
BENCHMARK(find)->Arg(static_cast<int>(MapKind::kHash))->Arg(static_cast<int>(MapKind::kIp));

}  // namespace
}  // namespace winnow
