#include "pipeline/lookup/store/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "pipeline/lookup/store/packed_counters.h"

namespace winnow {

namespace {

void put_u64(std::string& out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
}

uint64_t get_u64(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8 && i < bytes.size(); ++i)
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// A double as bits whose order is the order of numbers.
uint64_t score_bits(double score) {
  const auto bits = std::bit_cast<uint64_t>(score == 0 ? 0.0 : score);
  return bits >> 63 ? ~bits : bits | 1ull << 63;
}

double score_of(uint64_t bits) {
  return std::bit_cast<double>(bits >> 63 ? bits & ~(1ull << 63) : ~bits);
}

std::string named(char kind, std::string_view key) {
  std::string out;
  out.reserve(1 + key.size());
  out += kind;
  return out.append(key);
}

// For keys that something follows.
std::string framed(char kind, std::string_view key) {
  std::string out(1, kind);
  out += static_cast<char>(key.size() >> 8);
  out += static_cast<char>(key.size() & 0xFF);
  return out.append(key);
}

std::string expiry_key(uint64_t expires_ms, std::string_view key) {
  std::string out(1, 'x');
  put_u64(out, expires_ms);
  return out.append(key);
}

bool holds(std::string_view record, int64_t now_ms) {
  const uint64_t expires = get_u64(record);
  return expires == 0 || now_ms < static_cast<int64_t>(expires);
}

Error broken(std::string_view what) {
  return {.what = fmt::format("the store is damaged ({}): restore it from a copy, or rebuild it "
                              "from the learning log",
                              what)};
}

// False where the bytes are no counters.
bool read_counters(std::string_view record, std::span<uint64_t> out) {
  size_t at = 0;
  for (unsigned field = 0; at < record.size(); ++field) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      if (at == record.size() || shift > 28) return false;
      const auto byte = static_cast<uint8_t>(record[at++]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (!(byte & 0x80)) break;
    }
    if (field >= kStoreFieldsMax) return false;
    if (field < out.size()) out[field] = value;
  }
  return true;
}

void write_counters(std::span<const uint64_t> counters, std::string& out) {
  out.clear();
  size_t n = counters.size();
  while (n > 0 && counters[n - 1] == 0) --n;
  for (uint64_t value : counters.first(n)) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
  }
}

// --- writes ---

Error wrong_packed_key(const PackedFamily& family) {
  return {.what = fmt::format("counters that begin with '{}' have keys of {} bytes, and {} fields",
                              family.letter, family.key_bytes, kPackedFields)};
}

Result<void> add(StoreTable& table, const StoreBatch::Write& write, std::string& record) {
  if (const PackedFamily* const family = table.packed_family(write.key)) {
    if (write.key.size() != family->key_bytes || write.field >= kPackedFields)
      return fail(wrong_packed_key(*family));
    CounterDelta delta{packed_number(write.key), {}};
    delta.by[write.field] = write.number;
    return add_packed(table, packed_head(write.key), {&delta, 1});
  }
  const std::string key = named('c', write.key);
  const auto found = table.find(key);
  if (!found) return fail(found.error());
  uint64_t counters[kStoreFieldsMax] = {};
  if (*found && !read_counters(**found, counters)) return fail(broken("counters"));
  uint64_t& counter = counters[write.field];
  if (write.number < 0) {
    const uint64_t less = 0 - static_cast<uint64_t>(write.number);
    counter = counter > less ? counter - less : 0;
  } else {
    counter =
        std::min(kStoreCountMax,
                 counter + std::min<uint64_t>(static_cast<uint64_t>(write.number), kStoreCountMax));
  }
  write_counters(counters, record);
  if (record.empty()) return table.erase(key);
  return table.put(key, record);
}

Result<void> add_many(StoreTable& table, const StoreBatch::Write& write, std::string& record) {
  if (const PackedFamily* const family = table.packed_family(write.key))
    return write.key.size() + kPackedNumberBytes == family->key_bytes
               ? add_packed(table, write.key, deltas_of(write))
               : fail(wrong_packed_key(*family));
  for (const StoreBatch::Write& one : single_adds(write))
    if (Result<void> good = add(table, one, record); !good) return good;
  return {};
}

Result<void> erase_value(StoreTable& table, std::string_view key) {
  const std::string name = named('v', key);
  const auto found = table.find(name);
  if (!found) return fail(found.error());
  if (!*found) return {};
  const uint64_t expires = get_u64(**found);
  if (expires != 0)
    if (Result<void> good = table.erase(expiry_key(expires, key)); !good) return good;
  return table.erase(name);
}

Result<void> set(StoreTable& table, const StoreBatch::Write& write, std::string& record) {
  if (Result<void> good = erase_value(table, write.key); !good) return good;
  record.clear();
  const auto expires = static_cast<uint64_t>(std::max<int64_t>(0, write.number));
  put_u64(record, expires);
  record += write.value;
  if (expires != 0)
    if (Result<void> good = table.put(expiry_key(expires, write.key), ""); !good) return good;
  return table.put(named('v', write.key), record);
}

Result<void> erase_prefix(StoreTable& table, const std::string& prefix) {
  for (;;) {
    const auto entry = table.seek(prefix);
    if (!entry) return fail(entry.error());
    if (!*entry || !(*entry)->key.starts_with(prefix)) return {};
    if (Result<void> good = table.erase(std::string((*entry)->key)); !good) return good;
  }
}

Result<void> erase(StoreTable& table, const StoreBatch::Write& write) {
  if (Result<void> good = erase_value(table, write.key); !good) return good;
  if (const PackedFamily* const family = table.packed_family(write.key);
      family && write.key.size() == family->key_bytes) {
    const auto all = -static_cast<int64_t>(kStoreCountMax);
    const CounterDelta down{packed_number(write.key), {all, all}};
    if (Result<void> good = add_packed(table, packed_head(write.key), {&down, 1}); !good)
      return good;
  }
  for (const char kind : {'c', 'l'})
    if (Result<void> good = table.erase(named(kind, write.key)); !good) return good;
  for (const char kind : {'i', 's', 'w'})
    if (Result<void> good = erase_prefix(table, framed(kind, write.key)); !good) return good;
  return {};
}

std::string list_entry(std::string_view key, uint64_t sequence) {
  std::string out = framed('i', key);
  put_u64(out, sequence);
  return out;
}

constexpr uint64_t kFirstSequence = 1ull << 62;  // lists grow downwards from here

Result<void> push(StoreTable& table, const StoreBatch::Write& write, std::string& record) {
  const std::string name = named('l', write.key);
  const auto found = table.find(name);
  if (!found) return fail(found.error());
  if (*found && (*found)->size() != 16) return fail(broken("a list"));
  uint64_t first = *found ? get_u64(**found) : kFirstSequence;
  uint64_t end = *found ? get_u64((*found)->substr(8)) : kFirstSequence;
  if (Result<void> good = table.put(list_entry(write.key, --first), write.value); !good)
    return good;
  for (; end - first > write.keep; --end)
    if (Result<void> good = table.erase(list_entry(write.key, end - 1)); !good) return good;
  if (first == end) return table.erase(name);
  record.clear();
  put_u64(record, first);
  put_u64(record, end);
  return table.put(name, record);
}

std::string ordered_member(std::string_view key, uint64_t score, std::string_view member) {
  std::string out = framed('w', key);
  put_u64(out, score);
  return out.append(member);
}

Result<void> sorted_erase(StoreTable& table, std::string_view key, std::string_view member) {
  const std::string name = framed('s', key).append(member);
  const auto found = table.find(name);
  if (!found) return fail(found.error());
  if (!*found) return {};
  const uint64_t score = get_u64(**found);
  if (Result<void> good = table.erase(ordered_member(key, score, member)); !good) return good;
  return table.erase(name);
}

Result<void> sorted_add(StoreTable& table, const StoreBatch::Write& write, std::string& record) {
  if (Result<void> good = sorted_erase(table, write.key, write.value); !good) return good;
  const uint64_t score = score_bits(write.score);
  record.clear();
  put_u64(record, score);
  if (Result<void> good = table.put(framed('s', write.key).append(write.value), record); !good)
    return good;
  return table.put(ordered_member(write.key, score, write.value), "");
}

Result<void> sorted_trim(StoreTable& table, const StoreBatch::Write& write) {
  const std::string prefix = framed('w', write.key);
  const uint64_t limit = score_bits(write.score);
  for (;;) {
    const auto entry = table.seek(prefix);
    if (!entry) return fail(entry.error());
    if (!*entry || !(*entry)->key.starts_with(prefix)) return {};
    const std::string_view rest = (*entry)->key.substr(prefix.size());
    if (rest.size() < 8) return fail(broken("a sorted set"));
    if (get_u64(rest) >= limit) return {};
    const std::string member(rest.substr(8));
    if (Result<void> good = sorted_erase(table, write.key, member); !good) return good;
  }
}

Result<bool> expect(StoreTable& table, const StoreBatch::Write& write, int64_t now_ms) {
  const auto found = table.find(named('v', write.key));
  if (!found) return fail(found.error());
  const bool there = *found && holds(**found, now_ms);
  if (write.kind == StoreBatch::Kind::kExpectAbsent) return !there;
  return there && (*found)->substr(8) == write.value;
}

Result<void> carry_out(StoreTable& table, const StoreBatch::Write& write, std::string& record) {
  using Kind = StoreBatch::Kind;
  switch (write.kind) {
    case Kind::kAdd:
      return add(table, write, record);
    case Kind::kAddMany:
      return add_many(table, write, record);
    case Kind::kSet:
      return set(table, write, record);
    case Kind::kErase:
      return erase(table, write);
    case Kind::kPush:
      return push(table, write, record);
    case Kind::kSortedAdd:
      return sorted_add(table, write, record);
    case Kind::kSortedErase:
      return sorted_erase(table, write.key, write.value);
    case Kind::kSortedTrim:
      return sorted_trim(table, write);
    case Kind::kExpectValue:
    case Kind::kExpectAbsent:
      break;
  }
  return {};
}

// Calls take(key, record) for entries of a kind in order, until it says false.
template <class Take>
Result<void> walk(StoreTable& table, char kind, std::string_view prefix, std::string_view after,
                  const Take& take) {
  const std::string start = named(kind, prefix);
  std::string from = start;
  if (!after.empty()) from = std::max(from, named(kind, after) + '\0');
  for (;;) {
    const auto entry = table.seek(from);
    if (!entry) return fail(entry.error());
    if (!*entry || !(*entry)->key.starts_with(start)) return {};
    if (!take((*entry)->key.substr(1), (*entry)->value)) return {};
    from.assign((*entry)->key) += '\0';
  }
}

}  // namespace

Result<void> check_write(const StoreBatch::Write& write) {
  using Kind = StoreBatch::Kind;
  if (write.key.empty() || write.key.size() > kStoreKeyMax)
    return fail(fmt::format("a key of the store has 1 to {} bytes, not {}", kStoreKeyMax,
                            write.key.size()));
  const bool member = write.kind == Kind::kSortedAdd || write.kind == Kind::kSortedErase;
  const size_t most = member ? kStoreMemberMax : kStoreValueMax;
  if (write.value.size() > most)
    return fail(fmt::format("a {} of the store has at most {} bytes, not {}",
                            member ? "member" : "value", most, write.value.size()));
  if (write.kind == Kind::kAdd && write.field >= kStoreFieldsMax)
    return fail("a counter row has no such field");
  if (write.kind == Kind::kAddMany && write.key.size() + kPackedNumberBytes > kStoreKeyMax)
    return fail("a key of many counters is too long");
  if (write.kind == Kind::kSortedAdd && std::isnan(write.score))
    return fail("a score of a sorted set is not a number");
  return {};
}

std::vector<StoreWrite> single_adds(const StoreWrite& many) {
  std::vector<StoreWrite> out;
  for (const CounterDelta& delta : deltas_of(many)) {
    StoreWrite one{.kind = StoreWriteKind::kAdd, .key = many.key};
    put_u64(one.key, delta.number);
    for (one.field = 0; one.field < delta.by.size(); ++one.field) {
      one.number = delta.by[one.field];
      if (one.number != 0) out.push_back(one);
    }
  }
  return out;
}

Result<std::vector<std::optional<std::string>>> table_get(StoreTable& table,
                                                          std::span<const std::string_view> keys,
                                                          int64_t now_ms) {
  std::vector<std::optional<std::string>> out(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto found = table.find(named('v', keys[i]));
    if (!found) return fail(found.error());
    if (!*found || !holds(**found, now_ms)) continue;
    if ((*found)->size() < 8) return fail(broken("a value"));
    out[i].emplace((*found)->substr(8));
  }
  return out;
}

Result<std::vector<uint64_t>> table_counts(StoreTable& table,
                                           std::span<const std::string_view> keys,
                                           unsigned fields) {
  std::vector<uint64_t> out(keys.size() * fields);
  std::string key;
  PackedReader packed(table);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (const PackedFamily* const family = table.packed_family(keys[i])) {
      if (keys[i].size() != family->key_bytes) continue;
      const Result<PackedRow> row = packed.read(keys[i]);
      if (!row) return fail(row.error());
      for (unsigned field = 0; field < std::min(fields, kPackedFields); ++field)
        out[i * fields + field] = row->counts[field];
      continue;
    }
    key.assign(1, 'c').append(keys[i]);
    const auto found = table.find(key);
    if (!found) return fail(found.error());
    if (*found && !read_counters(**found, std::span(out).subspan(i * fields, fields)))
      return fail(broken("counters"));
  }
  return out;
}

Result<std::vector<std::string>> table_list(StoreTable& table, std::string_view key, uint32_t skip,
                                            uint32_t count) {
  std::vector<std::string> out;
  const auto found = table.find(named('l', key));
  if (!found) return fail(found.error());
  if (!*found) return out;
  if ((*found)->size() != 16) return fail(broken("a list"));
  const uint64_t first = get_u64(**found), end = get_u64((*found)->substr(8));
  for (uint64_t at = first + skip; at < end && out.size() < count; ++at) {
    const auto entry = table.find(list_entry(key, at));
    if (!entry) return fail(entry.error());
    if (!*entry) return fail(broken("a list"));
    out.emplace_back(**entry);
  }
  return out;
}

Result<std::vector<SortedMember>> table_window(StoreTable& table, std::string_view key, double min,
                                               double max, uint32_t count) {
  std::vector<SortedMember> out;
  const std::string prefix = framed('w', key);
  std::string from = ordered_member(key, score_bits(min), "");
  while (out.size() < count) {
    const auto entry = table.seek(from);
    if (!entry) return fail(entry.error());
    if (!*entry || !(*entry)->key.starts_with(prefix)) break;
    const std::string_view rest = (*entry)->key.substr(prefix.size());
    if (rest.size() < 8) return fail(broken("a sorted set"));
    const double score = score_of(get_u64(rest));
    if (score > max) break;
    out.push_back({std::string(rest.substr(8)), score});
    from.assign((*entry)->key) += '\0';
  }
  return out;
}

namespace {

size_t used_fields(std::span<const uint64_t> counters) {
  size_t n = counters.size();
  while (n > 0 && counters[n - 1] == 0) --n;
  return n;
}

// Rows that stand one by one, whose keys begin below `end`. False: `take` had enough.
Result<bool> walk_single(StoreTable& table, std::string_view prefix, std::string_view after,
                         unsigned end, const TakeCounters& take) {
  bool good = true, more = true;
  const Result<void> walked = walk(table, 'c', prefix, after, [&](auto key, auto record) {
    if (!key.empty() && static_cast<uint8_t>(key[0]) >= end) return false;
    uint64_t counters[kStoreFieldsMax] = {};
    good = read_counters(record, counters);
    if (good) more = take(key, std::span<const uint64_t>(counters, used_fields(counters)));
    return good && more;
  });
  if (!walked) return fail(walked.error());
  if (!good) return fail(broken("counters"));
  return more;
}

Result<bool> walk_packed(StoreTable& table, const PackedFamily& family, std::string_view prefix,
                         std::string_view after, const TakeCounters& take) {
  std::string from = named('p', std::max(std::max(prefix, after), {&family.letter, 1}));
  PackedEntry rows;
  std::string key;
  for (;;) {
    const auto entry = table.seek(from);
    if (!entry) return fail(entry.error());
    if (!*entry || (*entry)->key.size() < 2 || (*entry)->key[0] != 'p' ||
        (*entry)->key[1] != family.letter)
      return true;
    if (!read_packed_entry((*entry)->key, (*entry)->value, rows))
      return fail(broken("packed counters"));
    from.assign((*entry)->key) += '\0';
    key.assign(rows.head);
    for (const PackedRow& row : rows.rows) {
      key.resize(rows.head.size());
      put_u64(key, row.number);
      if (key <= after || key < prefix) continue;
      if (!key.starts_with(prefix)) return true;
      const uint64_t counters[] = {row.counts[0], row.counts[1]};
      if (!take(key, std::span<const uint64_t>(counters, used_fields(counters)))) return false;
    }
  }
}

}  // namespace

Result<void> table_walk(StoreTable& table, std::string_view prefix, std::string_view after,
                        const TakeCounters& take) {
  if (const PackedFamily* const family = table.packed_family(prefix)) {
    Result<bool> done = walk_packed(table, *family, prefix, after, take);
    if (!done) return fail(done.error());
    return {};
  }
  // Each family stands between the single rows below and above its letter.
  std::string passed(after);
  for (const PackedFamily& family : table.packed()) {
    if (!prefix.empty()) break;
    const std::string letter(1, family.letter);
    Result<bool> more =
        walk_single(table, prefix, passed, static_cast<uint8_t>(family.letter), take);
    if (more && *more) more = walk_packed(table, family, letter, after, take);
    if (!more) return fail(more.error());
    if (!*more) return {};
    std::string last(1 + kStoreKeyMax, '\xFF');
    last[0] = family.letter;
    passed = std::max(passed, last);
  }
  const Result<bool> done = walk_single(table, prefix, passed, 256, take);
  if (!done) return fail(done.error());
  return {};
}

Result<std::vector<CounterRow>> table_scan(StoreTable& table, std::string_view prefix,
                                           std::string_view after, uint32_t count) {
  std::vector<CounterRow> out;
  if (count == 0) return out;
  const Result<void> walked = table_walk(table, prefix, after, [&](auto key, auto counts) {
    out.push_back({std::string(key), {counts.begin(), counts.end()}});
    return out.size() < count;
  });
  if (!walked) return fail(walked.error());
  return out;
}

Result<uint64_t> table_pack(StoreTable& table, uint64_t most) {
  uint64_t rows = 0;
  for (const PackedFamily& family : table.packed()) {
    std::map<std::string, std::vector<CounterDelta>, std::less<>> by_head;
    std::vector<std::string> keys;
    const std::string letter(1, family.letter);
    const Result<bool> walked = walk_single(table, letter, "", 256, [&](auto key, auto counts) {
      if (rows == most) return false;
      ++rows;
      keys.emplace_back(key);
      if (key.size() != family.key_bytes) return true;
      CounterDelta delta{packed_number(key), {}};
      for (size_t field = 0; field < std::min<size_t>(counts.size(), kPackedFields); ++field)
        delta.by[field] = static_cast<int64_t>(counts[field]);
      by_head[std::string(packed_head(key))].push_back(delta);
      return true;
    });
    if (!walked) return fail(walked.error());
    for (const std::string& key : keys)
      if (Result<void> good = table.erase(named('c', key)); !good) return fail(good.error());
    for (const auto& [head, deltas] : by_head)
      if (Result<void> good = add_packed(table, head, deltas); !good) return fail(good.error());
  }
  return rows;
}

Result<std::vector<std::pair<std::string, std::string>>> table_scan_values(StoreTable& table,
                                                                           std::string_view prefix,
                                                                           std::string_view after,
                                                                           uint32_t count,
                                                                           int64_t now_ms) {
  std::vector<std::pair<std::string, std::string>> out;
  if (count == 0) return out;
  const Result<void> walked = walk(table, 'v', prefix, after, [&](auto key, auto record) {
    if (record.size() >= 8 && holds(record, now_ms))
      out.emplace_back(std::string(key), std::string(record.substr(8)));
    return out.size() < count;
  });
  if (!walked) return fail(walked.error());
  return out;
}

Result<bool> table_apply(StoreTable& table, const StoreBatch& batch, int64_t now_ms) {
  using Kind = StoreBatch::Kind;
  std::string record;
  for (const StoreBatch::Write& write : batch.writes) {
    if (Result<void> good = check_write(write); !good) return fail(good.error());
    if (write.kind == Kind::kExpectValue || write.kind == Kind::kExpectAbsent) {
      Result<bool> expected = expect(table, write, now_ms);
      if (!expected || !*expected) return expected;
    } else if (Result<void> good = carry_out(table, write, record); !good) {
      return fail(good.error());
    }
  }
  return true;
}

Result<uint64_t> table_expire(StoreTable& table, int64_t now_ms, uint64_t max) {
  uint64_t gone = 0;
  while (gone < max) {
    const auto entry = table.seek("x");
    if (!entry) return fail(entry.error());
    if (!*entry || (*entry)->key[0] != 'x') break;
    if ((*entry)->key.size() < 10) return fail(broken("expiry"));
    if (static_cast<int64_t>(get_u64((*entry)->key.substr(1))) > now_ms) break;
    const std::string key((*entry)->key.substr(9));
    if (Result<void> good = erase_value(table, key); !good) return fail(good.error());
    ++gone;
  }
  return gone;
}

}  // namespace winnow
