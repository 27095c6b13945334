// Entries of packed counters. The input is an entry: its rows come back from the bytes that they
// become, and as an entry of a table each is found.
#include <cstdlib>
#include <string>
#include <vector>

#include "pipeline/lookup/store/packed_counters.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<PackedRow> rows, again;
  if (!read_packed(input, rows)) return 0;
  std::string bytes;
  append_packed(rows, bytes);
  if (!read_packed(bytes, again) || again != rows) std::abort();
  for (size_t i = 1; i < rows.size(); ++i)
    if (rows[i].number <= rows[i - 1].number) std::abort();
  return 0;
}
