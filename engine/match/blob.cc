#include "engine/match/blob.h"

#include <xxhash.h>

#include <cstring>

#include "engine/little_endian.h"
#include "fmt/format.h"

namespace winnow {

namespace {

constexpr std::string_view kMagic = "WNMATCH3";
constexpr size_t kKeyBytes = 32;
constexpr size_t kCheckBytes = 8;

}  // namespace

std::string blob_key(std::span<const DatabasePattern> members, bool joined) {
  std::string all = fmt::format("{}|{}|{}\n", kMagic, database_platform(), joined);
  for (const DatabasePattern& member : members) {
    all += fmt::format("{} {} ", member.regex.size(), member.flags & kMeaningFlags);
    all += member.regex;
  }
  const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string write_blob(std::string_view key, const LoadedGroup& group) {
  std::string out(kMagic);
  out += key;
  for (const PatternClass how : group.classes) append_little(out, static_cast<uint8_t>(how));
  append_little<uint32_t>(out, static_cast<uint32_t>(group.refused.size()));
  for (uint32_t refused : group.refused) append_little<uint32_t>(out, refused);
  if (group.database) out += group.database->serialise();
  append_little<uint64_t>(out, XXH3_64bits(out.data(), out.size()));
  return out;
}

Result<LoadedGroup> read_blob(std::string_view key, std::string_view bytes, size_t members) {
  const auto damaged = [] { return fail("cached pattern database is damaged"); };
  const size_t head = kMagic.size() + kKeyBytes + members + 4;
  if (bytes.size() < head + kCheckBytes || !bytes.starts_with(kMagic) ||
      bytes.substr(kMagic.size(), kKeyBytes) != key) {
    return fail("cached pattern database is of another kind or for other patterns");
  }
  const std::string_view checked = bytes.substr(0, bytes.size() - kCheckBytes);
  if (XXH3_64bits(checked.data(), checked.size()) !=
      read_little<uint64_t>(bytes.data() + checked.size())) {
    return damaged();
  }
  LoadedGroup loaded;
  uint32_t listed = 0;
  for (const char how : checked.substr(kMagic.size() + kKeyBytes, members)) {
    if (static_cast<uint8_t>(how) > static_cast<uint8_t>(PatternClass::kAlone)) return damaged();
    loaded.classes.push_back(static_cast<PatternClass>(how));
    listed += loaded.classes.back() != PatternClass::kAlone;
  }
  const uint32_t refused = read_little<uint32_t>(checked.data() + head - 4);
  if (refused > listed || checked.size() - head < refused * size_t{4}) return damaged();
  for (uint32_t i = 0; i < refused; ++i) {
    loaded.refused.push_back(read_little<uint32_t>(checked.data() + head + i * size_t{4}));
    if (loaded.refused.back() >= listed) return damaged();
  }
  if (listed == 0) return loaded;
  Result<std::shared_ptr<const Database>> database =
      Database::deserialise(checked.substr(head + refused * size_t{4}));
  if (!database) return tl::unexpected<Error>(database.error());
  loaded.database = std::move(*database);
  return loaded;
}

}  // namespace winnow
