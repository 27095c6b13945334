// Prints how Winnow reads messages, as JSON lines: one line a message, for tests/peer/*.py to
// compare with other parsers. Arguments: files; "-" reads paths, one a line, from standard input.
#include <fmt/format.h>
#include <xxhash.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "engine/mime/parse.h"

namespace winnow {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // Bytes over 127 as U+0080..U+00FF: the reader encodes them as Latin-1 and has the bytes again.
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (byte < 0x20 || byte >= 0x7f)
      out += fmt::format("\\u{:04x}", byte);
    else
      out += c;
  }
  return out + '"';
}

std::string field(std::string_view name, std::string_view value) {
  return fmt::format(", \"{}\": {}", name, quoted(value));
}

std::string part_json(const Batch& batch, uint32_t index) {
  const Part& part = batch.parts.row(0)[index];
  std::string out = fmt::format(
      "{{\"index\": {}, \"parent\": {}, \"depth\": {}, \"kind\": {}, \"encoding\": {}, "
      "\"flags\": {}, \"disposition\": {}, \"size\": {}, \"raw_size\": {}, \"raw_at\": {}, "
      "\"xxh3\": \"{:016x}\"",
      index, part.parent == kNoIndex ? -1 : static_cast<int64_t>(part.parent), part.depth,
      static_cast<int>(part.kind), static_cast<int>(part.encoding), part.flags,
      static_cast<int>(part.disposition), part.decoded.size(), part.raw.size(),
      part.raw.data() - batch.raw[0].data(), XXH3_64bits(part.decoded.data(), part.decoded.size()));
  out += field("type", part.type) + field("subtype", part.subtype) +
         field("charset", part.charset) + field("filename", part.filename) +
         field("id", part.content_id) + field("boundary", part.boundary);
  if (std::getenv("MIME_DUMP_BODIES") != nullptr) out += field("decoded", part.decoded);
  out += ", \"headers\": [";
  for (uint32_t h = part.headers.begin; h < part.headers.end; ++h) {
    const Header& header = batch.headers.row(0)[h];
    if (h != part.headers.begin) out += ", ";
    out += fmt::format("[{}, {}, {}]", quoted(header.name), quoted(header.unfolded),
                       quoted(header.decoded));
  }
  return out + "]}";
}

std::string message_json(const std::string& path, const Batch& batch) {
  const Facts& facts = batch.facts[0];
  std::string out = "{\"path\": " + quoted(path);
  out += fmt::format(", \"size\": {}, \"body_offset\": {}, \"body_lines\": {}, \"newlines\": {}",
                     facts.size, facts.body_offset, facts.body_lines,
                     static_cast<int>(facts.newlines));
  out +=
      fmt::format(", \"date\": {}, \"zone\": {}, \"faults\": [", facts.date, facts.date_zone_min);
  bool first = true;
  for (const FaultInfo& info : fault_table()) {
    if (!facts.faults.has(info.fault)) continue;
    out += (first ? "" : ", ") + quoted(info.symbol);
    first = false;
  }
  out += "], \"addresses\": [";
  first = true;
  for (const Address& address : batch.addresses.row(0)) {
    out += fmt::format("{}[{}, {}, {}]", first ? "" : ", ", static_cast<int>(address.field),
                       quoted(address.name), quoted(address.address));
    first = false;
  }
  out += "], \"parts\": [";
  for (uint32_t i = 0; i < batch.parts.row(0).size(); ++i)
    out += (i == 0 ? "" : ", ") + part_json(batch, i);
  return out + "]}";
}

class Dump {
 public:
  bool file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "mime_dump: cannot read %s\n", path.c_str());
      return false;
    }
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const size_t size = bytes.size();
    bytes.append(Batch::kPadding, '\0');
    batch_.clear();
    batch_.add({bytes.data(), size}, 0, Envelope{}, {});
    parse({names_, Limits{}}, scratch_, batch_);
    std::puts(message_json(path, batch_).c_str());
    return true;
  }

 private:
  HeaderNames names_;
  ParseScratch scratch_;
  Batch batch_;
};

}  // namespace
}  // namespace winnow

int main(int argc, char** argv) {
  winnow::Dump dump;
  bool good = true;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) != "-") {
      good &= dump.file(argv[i]);
      continue;
    }
    for (std::string line; std::getline(std::cin, line);) good &= dump.file(line);
  }
  return good ? 0 : 1;
}
