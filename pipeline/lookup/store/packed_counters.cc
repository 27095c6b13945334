#include "pipeline/lookup/store/packed_counters.h"

#include <algorithm>
#include <limits>

namespace winnow {

namespace {

constexpr size_t kNumberBytes = kPackedNumberBytes;
constexpr uint8_t kLarge = 0xFF;  // both counters follow
constexpr uint32_t kSmall = 15;   // counters below it share a byte

void put_number(uint64_t value, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
}

uint64_t get_number(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

void put_leb(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

// False where there is no such number, or one over `most`.
bool get_leb(std::string_view bytes, size_t& at, uint64_t most, uint64_t& out) {
  out = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at == bytes.size()) return false;
    const auto byte = static_cast<uint8_t>(bytes[at++]);
    const uint64_t part = byte & 0x7F;
    if (shift == 63 && part > 1) return false;
    out |= part << shift;
    if (!(byte & 0x80)) return out <= most;
  }
  return false;
}

std::string entry_key(std::string_view head, uint64_t bound) {
  std::string out(1, 'p');
  out += head;
  put_number(bound, out);
  return out;
}

Error broken() {
  return {.what =
              "the store is damaged (packed counters): restore it from a copy, or rebuild it "
              "from the learning log"};
}

// The entry that a number of `head` belongs to.
struct Found {
  bool there = false;
  uint64_t bound = std::numeric_limits<uint64_t>::max();
};

Result<Found> find_entry(StoreTable& table, std::string_view head, uint64_t number,
                         std::vector<PackedRow>& rows) {
  rows.clear();
  const std::string from = entry_key(head, number);
  const auto entry = table.seek(from);
  if (!entry) return fail(entry.error());
  Found out;
  if (!*entry || (*entry)->key.size() != from.size() ||
      !(*entry)->key.starts_with(std::string_view(from).substr(0, 1 + head.size())))
    return out;
  out.there = true;
  out.bound = packed_number((*entry)->key);
  if (!read_packed((*entry)->value, rows)) return fail(broken());
  return out;
}

uint32_t changed_by(uint32_t count, int64_t delta) {
  const int64_t bounded =
      std::clamp<int64_t>(delta, -static_cast<int64_t>(kStoreCountMax), kStoreCountMax);
  return static_cast<uint32_t>(std::clamp<int64_t>(count + bounded, 0, kStoreCountMax));
}

// Rows and additions, both ascending, as rows. Takes additions up to `bound`; returns how many.
size_t merge(std::span<const PackedRow> rows, std::span<const CounterDelta> deltas, uint64_t bound,
             std::vector<PackedRow>& out) {
  out.clear();
  size_t row = 0, taken = 0;
  for (; taken < deltas.size() && deltas[taken].number <= bound; ++taken) {
    const CounterDelta& delta = deltas[taken];
    for (; row < rows.size() && rows[row].number < delta.number; ++row) out.push_back(rows[row]);
    PackedRow one{.number = delta.number, .counts = {}};
    if (row < rows.size() && rows[row].number == delta.number) one = rows[row++];
    for (size_t field = 0; field < kPackedFields; ++field)
      one.counts[field] = changed_by(one.counts[field], delta.by[field]);
    if (one.counts != PackedRow{}.counts) out.push_back(one);
  }
  out.insert(out.end(), rows.begin() + static_cast<ptrdiff_t>(row), rows.end());
  return taken;
}

// Writes the rows of the entry with that bound: as one, or as some of even size.
Result<void> put_rows(StoreTable& table, std::string_view head, const Found& found,
                      std::span<const PackedRow> rows) {
  const std::string key = entry_key(head, found.bound);
  std::string bytes;
  append_packed(rows, bytes);
  if (rows.empty()) return found.there ? table.erase(key) : Result<void>();
  if (bytes.size() <= kPackedBytesMax) return table.put(key, bytes);
  const size_t pieces = bytes.size() / (kPackedBytesMax * 3 / 4) + 1;
  for (size_t i = 0; i < pieces; ++i) {
    const size_t begin = rows.size() * i / pieces, end = rows.size() * (i + 1) / pieces;
    if (begin == end) continue;
    bytes.clear();
    append_packed(rows.subspan(begin, end - begin), bytes);
    const bool last = end == rows.size();
    if (Result<void> good = table.put(last ? key : entry_key(head, rows[end - 1].number), bytes);
        !good)
      return good;
  }
  return {};
}

}  // namespace

void append_packed(std::span<const PackedRow> rows, std::string& out) {
  uint64_t before = 0;
  for (const PackedRow& row : rows) {
    put_leb(row.number - before, out);
    before = row.number;
    const auto [first, second] = row.counts;
    if (first < kSmall && second < kSmall) {
      out += static_cast<char>(first << 4 | second);
      continue;
    }
    out += static_cast<char>(kLarge);
    put_leb(first, out);
    put_leb(second, out);
  }
}

bool read_packed(std::string_view bytes, std::vector<PackedRow>& out) {
  out.clear();
  uint64_t number = 0;
  for (size_t at = 0; at < bytes.size();) {
    uint64_t more = 0, first = 0, second = 0;
    if (!get_leb(bytes, at, std::numeric_limits<uint64_t>::max() - number, more) ||
        at == bytes.size() || (more == 0 && !out.empty()))
      return false;
    number += more;
    const auto both = static_cast<uint8_t>(bytes[at++]);
    if (both != kLarge) {
      first = both >> 4;
      second = both & 0xF;
      if (first >= kSmall || second >= kSmall) return false;
    } else if (!get_leb(bytes, at, kStoreCountMax, first) ||
               !get_leb(bytes, at, kStoreCountMax, second)) {
      return false;
    }
    out.push_back({number, {static_cast<uint32_t>(first), static_cast<uint32_t>(second)}});
  }
  return true;
}

Result<PackedRow> PackedReader::read(std::string_view key) {
  const uint64_t number = packed_number(key);
  const std::string_view head = packed_head(key);
  if (number < from_ || number > bound_ || head != head_) {
    const Result<Found> found = find_entry(table_, head, number, rows_);
    if (!found) return fail(found.error());
    head_ = head;
    from_ = number;
    bound_ = found->bound;
  }
  const auto row = std::ranges::lower_bound(rows_, number, {}, &PackedRow::number);
  if (row != rows_.end() && row->number == number) return *row;
  return PackedRow{.number = number, .counts = {}};
}

Result<void> add_packed(StoreTable& table, std::string_view head,
                        std::span<const CounterDelta> deltas) {
  std::vector<PackedRow> rows, merged;
  while (!deltas.empty()) {
    const Result<Found> found = find_entry(table, head, deltas[0].number, rows);
    if (!found) return fail(found.error());
    const size_t taken = merge(rows, deltas, found->bound, merged);
    if (Result<void> good = put_rows(table, head, *found, merged); !good) return good;
    deltas = deltas.subspan(taken);
  }
  return {};
}

std::string_view packed_head(std::string_view key) {
  return key.substr(0, key.size() - kNumberBytes);
}
uint64_t packed_number(std::string_view key) {
  return get_number(key.substr(key.size() - kNumberBytes));
}

bool read_packed_entry(std::string_view key, std::string_view value, PackedEntry& out) {
  if (key.size() < 1 + kNumberBytes || key[0] != 'p') return false;
  out.head = packed_head(key.substr(1));
  return read_packed(value, out.rows);
}

}  // namespace winnow
