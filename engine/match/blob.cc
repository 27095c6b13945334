#include "engine/match/blob.h"

#include <xxhash.h>

#include <cstring>

#include "fmt/format.h"

namespace winnow {

namespace {

constexpr std::string_view kMagic = "WNMATCH1";
constexpr size_t kKeyBytes = 32;
constexpr size_t kCheckBytes = 8;

template <class T>
void put(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

template <class T>
T get(std::string_view bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

}  // namespace

std::string blob_key(std::span<const DatabasePattern> patterns, bool joined) {
  std::string all = fmt::format("{}|{}|{}\n", kMagic, database_platform(), joined);
  for (const DatabasePattern& pattern : patterns) {
    all += fmt::format("{} {} {} ", pattern.regex.size(), pattern.flags & kMeaningFlags,
                       static_cast<int>(pattern.how));
    all += pattern.regex;
  }
  const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string write_blob(std::string_view key, const LoadedDatabase& loaded) {
  std::string out(kMagic);
  out += key;
  put<uint32_t>(out, static_cast<uint32_t>(loaded.refused.size()));
  for (uint32_t refused : loaded.refused) put<uint32_t>(out, refused);
  out += loaded.database->serialise();
  put<uint64_t>(out, XXH3_64bits(out.data(), out.size()));
  return out;
}

Result<LoadedDatabase> read_blob(std::string_view key, std::string_view bytes, size_t patterns) {
  constexpr size_t kHead = kMagic.size() + kKeyBytes + 4;
  if (bytes.size() < kHead + kCheckBytes || !bytes.starts_with(kMagic) ||
      bytes.substr(kMagic.size(), kKeyBytes) != key) {
    return fail("cached pattern database is of another kind or for other patterns");
  }
  const std::string_view checked = bytes.substr(0, bytes.size() - kCheckBytes);
  if (XXH3_64bits(checked.data(), checked.size()) != get<uint64_t>(bytes.substr(checked.size()))) {
    return fail("cached pattern database is damaged");
  }
  const uint32_t refused = get<uint32_t>(bytes.substr(kHead - 4));
  if (refused > patterns || checked.size() - kHead < refused * size_t{4}) {
    return fail("cached pattern database is damaged");
  }
  LoadedDatabase loaded;
  for (uint32_t i = 0; i < refused; ++i) {
    loaded.refused.push_back(get<uint32_t>(bytes.substr(kHead + i * size_t{4})));
    if (loaded.refused.back() >= patterns) return fail("cached pattern database is damaged");
  }
  Result<std::shared_ptr<const Database>> database =
      Database::deserialise(checked.substr(kHead + refused * size_t{4}));
  if (!database) return tl::unexpected<Error>(database.error());
  loaded.database = std::move(*database);
  return loaded;
}

}  // namespace winnow
