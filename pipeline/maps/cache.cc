#include "pipeline/maps/cache.h"

#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <atomic>
#include <charconv>
#include <fstream>

#include "engine/crypt/base32.h"

namespace winnow {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMagic = "winnow map 1";

template <class Number>
bool number(std::string_view text, Number& out, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size();
}

// Reads the head; leaves the stream at the body.
std::optional<MapCopy> read_head(std::istream& in) {
  std::string line;
  if (!std::getline(in, line) || line != kMagic) return std::nullopt;
  MapCopy copy;
  bool good = true;
  while (std::getline(in, line) && !line.empty()) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos || line.size() > 8192) return std::nullopt;
    const std::string_view key = std::string_view(line).substr(0, colon);
    const std::string_view value = std::string_view(line).substr(colon + 2);
    if (key == "source") copy.source = value;
    if (key == "etag") copy.etag = value;
    if (key == "modified") copy.last_modified = value;
    if (key == "fetched") good = good && number(value, copy.fetched_ms);
    if (key == "bytes") good = good && number(value, copy.bytes);
    if (key == "hash") good = good && number(value, copy.hash, 16);
    if (key == "signature") copy.signature = base32_decode(value).value_or("");
  }
  return good && in ? std::optional(copy) : std::nullopt;
}

}  // namespace

uint64_t map_bytes_hash(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

fs::path MapCache::path(const std::string& source, const char* suffix) const {
  const XXH128_hash_t hash = XXH3_128bits(source.data(), source.size());
  return directory_ / fmt::format("{:016x}{:016x}.{}", hash.high64, hash.low64, suffix);
}

std::optional<MapCopy> MapCache::find(const std::string& source) const {
  std::ifstream in(path(source, "map"), std::ios::binary);
  if (!in) return std::nullopt;
  std::optional<MapCopy> copy = read_head(in);
  return copy && copy->source == source ? copy : std::nullopt;
}

std::optional<std::string> MapCache::body(const MapCopy& copy, size_t bytes_max) const {
  std::ifstream in(path(copy.source, "map"), std::ios::binary);
  const std::optional<MapCopy> head = read_head(in);
  if (!head || head->bytes != copy.bytes || copy.bytes > bytes_max) return std::nullopt;
  // A head may lie about a length: no more is reserved than the file has.
  const std::streamoff begin = in.tellg();
  in.seekg(0, std::ios::end);
  if (static_cast<uint64_t>(in.tellg() - begin) != copy.bytes) return std::nullopt;
  in.seekg(begin);
  std::string bytes(copy.bytes, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (static_cast<uint64_t>(in.gcount()) != copy.bytes || map_bytes_hash(bytes) != copy.hash)
    return std::nullopt;
  return bytes;
}

bool MapCache::write(const fs::path& to, std::string_view head, std::string_view body) const {
  static std::atomic<uint32_t> serial{0};
  std::error_code error;
  fs::create_directories(directory_, error);
  const fs::path fresh = to.string() + fmt::format(".{}.{}.new", getpid(), ++serial);
  std::ofstream out(fresh, std::ios::binary);
  out.write(head.data(), static_cast<std::streamsize>(head.size()));
  out.write(body.data(), static_cast<std::streamsize>(body.size()));
  out.close();
  const bool good = static_cast<bool>(out);
  if (good) fs::rename(fresh, to, error);
  if (!good || error) fs::remove(fresh, error);
  return good && !error;
}

bool MapCache::put(const MapCopy& copy, std::string_view body) const {
  std::string head = fmt::format("{}\nsource: {}\n", kMagic, copy.source);
  if (!copy.etag.empty()) head += fmt::format("etag: {}\n", copy.etag);
  if (!copy.last_modified.empty()) head += fmt::format("modified: {}\n", copy.last_modified);
  if (!copy.signature.empty())
    head += fmt::format("signature: {}\n", base32_encode(copy.signature));
  head += fmt::format("fetched: {}\nbytes: {}\nhash: {:016x}\n\n", copy.fetched_ms, body.size(),
                      copy.hash);
  return write(path(copy.source, "map"), head, body);
}

void MapCache::drop(const std::string& source) const {
  std::error_code error;
  fs::remove(path(source, "map"), error);
  fs::remove(path(source, "state"), error);
}

std::optional<MapCheck> MapCache::check(const std::string& source) const {
  std::ifstream in(path(source, "state"));
  MapCheck check;
  if (!(in >> check.checked_ms >> check.next_ms >> check.failures)) return std::nullopt;
  in.ignore(1);
  std::getline(in, check.error);
  return check;
}

void MapCache::put_check(const std::string& source, const MapCheck& check) const {
  std::string error = check.error;
  for (char& c : error)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  write(path(source, "state"),
        fmt::format("{} {} {}\n{}\n", check.checked_ms, check.next_ms, check.failures, error), {});
}

}  // namespace winnow
