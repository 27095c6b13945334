// Packed counters. The input is an entry: its rows come back from the bytes that they become. Then
// it is additions to counters, eight bytes each, of a store that packs them: whatever they are and
// however its entries split, the store has what a plain map has.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/lookup/store/memory_store.h"
#include "pipeline/lookup/store/packed_counters.h"
#include "tests/fuzz/require.h"

namespace {

using namespace winnow;

constexpr std::array<PackedFamily, 1> kFamilies{{{'t', 10}}};
constexpr size_t kStepBytes = 8, kStepsMax = 32;

using Counters = std::map<std::string, std::array<uint64_t, 2>>;

std::string key_of(std::string_view head, uint64_t number) {
  std::string key(head);
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(number >> shift & 0xFF);
  return key;
}

uint64_t sum(uint64_t count, int64_t by) {
  constexpr auto kMost = static_cast<int64_t>(kStoreCountMax);
  return static_cast<uint64_t>(std::clamp<int64_t>(static_cast<int64_t>(count) + by, 0, kMost));
}

// head, shift and large, start (2), how many, how far apart, spam, ham.
void add(std::string_view step, Store& store, Counters& plain) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(step[i]); };
  const std::string_view head = byte(0) % 2 ? "tA" : "tB";
  const uint64_t start = (uint64_t{byte(2)} << 8 | byte(3)) << byte(1) % 48;
  const int64_t unit = byte(0) & 0x80 ? static_cast<int64_t>(kStoreCountMax / 100) : 1;
  std::vector<CounterDelta> deltas;
  for (uint64_t i = 0; i <= byte(4); ++i) {
    const CounterDelta one{start + i * (1 + uint64_t{byte(5)}),
                           {static_cast<int8_t>(step[6]) * unit, static_cast<int8_t>(step[7])}};
    deltas.push_back(one);
    auto& counts = plain[key_of(head, one.number)];
    for (size_t field = 0; field < 2; ++field) counts[field] = sum(counts[field], one.by[field]);
  }
  StoreBatch batch;
  batch.add_many(head, deltas);
  const Result<bool> done = store.apply(batch, 0);
  require(done && *done);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<PackedRow> rows, again;
  if (read_packed(input, rows)) {
    std::string bytes;
    append_packed(rows, bytes);
    require(read_packed(bytes, again) && again == rows);
    for (size_t i = 1; i < rows.size(); ++i) require(rows[i].number > rows[i - 1].number);
  }

  const std::unique_ptr<Store> store = memory_store(1 << 30, kFamilies);
  Counters plain;
  for (size_t at = 0; at + kStepBytes <= std::min(size, kStepsMax * kStepBytes); at += kStepBytes)
    add(input.substr(at, kStepBytes), *store, plain);
  std::vector<std::string_view> keys;
  for (const auto& [key, counts] : plain) keys.push_back(key);
  const Result<std::vector<uint64_t>> found = store->counts(keys, 2);
  require(found && found->size() == 2 * keys.size());
  const Result<std::vector<CounterRow>> listed = store->scan("t", "", UINT32_MAX);
  require(listed.has_value());
  size_t at = 0, there = 0;
  for (const auto& [key, counts] : plain) {
    require((*found)[at] == counts[0] && (*found)[at + 1] == counts[1]);
    at += 2;
    if (counts[0] == 0 && counts[1] == 0) continue;
    require(there < listed->size() && (*listed)[there++].key == key);
  }
  require(there == listed->size());
  return 0;
}
