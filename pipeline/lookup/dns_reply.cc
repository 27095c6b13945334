#include "pipeline/lookup/dns_reply.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/ascii.h"
#include "engine/crypt/hex_text.h"

namespace winnow {

namespace {

constexpr uint16_t kA = 1, kNs = 2, kCname = 5, kSoa = 6, kPtr = 12, kMx = 15, kTxt = 16,
                   kAaaa = 28, kSrv = 33, kSpf = 99, kInternet = 1;
constexpr size_t kHeaderBytes = 12, kNameBytesMax = 255;
constexpr uint32_t kNegativeTtlMax_s = 3 * 3600;  // RFC 2308 5

// Bytes that names of hosts do not have are written \DDD; `plain` is written as it is.
void append_name_byte(std::string& out, uint8_t c, uint8_t plain) {
  if ((c > ' ' && c < 0x7F && c != '.' && c != '\\') || (c == plain && c != 0))
    out += lower_ascii(static_cast<char>(c));
  else
    fmt::format_to(std::back_inserter(out), "\\{:03}", c);
}

// Reads forward; once something does not fit, everything after is refused.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> packet) : packet_(packet) {}

  bool good() const { return good_; }
  size_t at() const { return at_; }
  size_t left() const { return packet_.size() - at_; }
  void seek(size_t at) { at <= packet_.size() ? void(at_ = at) : fail(); }
  void fail() { good_ = false, at_ = packet_.size(); }

  uint8_t byte() { return need(1) ? packet_[at_++] : uint8_t{0}; }
  uint16_t two() {
    const uint16_t high = byte();
    return static_cast<uint16_t>(high << 8 | byte());
  }
  uint32_t four() {
    const uint32_t high = two();
    return high << 16 | two();
  }
  std::span<const uint8_t> bytes(size_t n) {
    if (!need(n)) return {};
    at_ += n;
    return packet_.subspan(at_ - n, n);
  }

  // A name, in lower case, labels joined by dots. Bytes that a name of hosts cannot hold are
  // written \DDD, so that a dot inside a label is none between labels (RFC 4343 2.1).
  std::string name() {
    std::string out;
    size_t at = at_, end = 0, wire = 0;
    size_t lowest = at_;  // a pointer must point below all that was read so far
    for (;;) {
      if (at >= packet_.size()) return fail(), out;
      const uint8_t length = packet_[at];
      if (length >= 0xC0) {
        if (at + 1 >= packet_.size()) return fail(), out;
        const size_t to = static_cast<size_t>(length & 0x3F) << 8 | packet_[at + 1];
        if (end == 0) end = at + 2;
        if (to >= lowest) return fail(), out;
        at = lowest = to;
        continue;
      }
      wire += 1u + length;
      if (length > 63 || wire > kNameBytesMax || at + 1 + length > packet_.size())
        return fail(), out;
      if (length == 0) break;
      if (!out.empty()) out += '.';
      for (size_t i = at + 1; i <= at + length; ++i) append_name_byte(out, packet_[i], '\0');
      at += 1u + length;
    }
    at_ = end ? end : at + 1;
    return out;
  }

 private:
  bool need(size_t n) {
    if (n <= left()) return true;
    fail();
    return false;
  }

  std::span<const uint8_t> packet_;
  size_t at_ = 0;
  bool good_ = true;
};

// A name as questions hold it, written as Reader::name() writes names.
std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) append_name_byte(out, static_cast<uint8_t>(c), '.');
  return out;
}

std::string address(int family, std::span<const uint8_t> data) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(family, data.data(), text, sizeof text) ? text : std::string();
}

// The data of a record in presentation form; the reader stands at its first byte. Empty where it
// does not parse.
std::optional<std::string> value(Reader& reader, uint16_t type, size_t length) {
  const size_t end = reader.at() + length;
  std::string out;
  switch (type) {
    case kA:
      if (length != 4) return {};
      return address(AF_INET, reader.bytes(4));
    case kAaaa:
      if (length != 16) return {};
      return address(AF_INET6, reader.bytes(16));
    case kNs:
    case kCname:
    case kPtr:
      out = reader.name();
      break;
    case kMx: {
      const uint16_t preference = reader.two();
      out = fmt::format("{} {}", preference, reader.name());
      break;
    }
    case kSrv: {
      const uint16_t priority = reader.two(), weight = reader.two(), port = reader.two();
      out = fmt::format("{} {} {} {}", priority, weight, port, reader.name());
      break;
    }
    case kSoa: {
      const std::string primary = reader.name(), mailbox = reader.name();
      out = fmt::format("{} {}", primary, mailbox);
      for (int i = 0; i < 5; ++i) fmt::format_to(std::back_inserter(out), " {}", reader.four());
      break;
    }
    case kTxt:
    case kSpf:
      while (reader.good() && reader.at() < end) {
        const std::span<const uint8_t> text = reader.bytes(reader.byte());
        out.append(reinterpret_cast<const char*>(text.data()), text.size());
      }
      break;
    default:
      out = fmt::format("\\# {} ", length);
      append_hex(reader.bytes(length), out);
  }
  if (!reader.good() || reader.at() != end) return {};
  return out;
}

struct Record {
  std::string owner;
  uint16_t type = 0;
  uint32_t ttl_s = 0;
  size_t data = 0;  // where in the packet
  size_t length = 0;
};

bool read_record(Reader& reader, Record& record) {
  record.owner = reader.name();
  record.type = reader.two();
  const uint16_t klass = reader.two();
  const uint32_t ttl = reader.four();
  record.ttl_s = ttl > 0x7FFFFFFF ? 0 : ttl;  // RFC 2181 8
  record.length = reader.two();
  record.data = reader.at();
  reader.bytes(record.length);
  if (klass != kInternet) record.type = 0;
  return reader.good();
}

// How long a negative answer holds: the lesser of the SOA's own TTL and its last number.
uint32_t negative_ttl(Reader reader, size_t records) {
  Record record;
  for (size_t i = 0; i < std::min(records, kDnsRecordsMax) && read_record(reader, record); ++i) {
    if (record.type != kSoa || record.length < 20) continue;
    reader.seek(record.data + record.length - 4);
    return std::min({record.ttl_s, reader.four(), kNegativeTtlMax_s});
  }
  return 0;
}

DnsOutcome of_rcode(unsigned rcode) {
  switch (rcode) {
    case 0:
      return DnsOutcome::kNoData;
    case 3:
      return DnsOutcome::kNoName;
    case 5:
      return DnsOutcome::kRefused;
    case 1:
    case 4:
      return DnsOutcome::kBroken;
    default:
      return DnsOutcome::kServerFailure;
  }
}

}  // namespace

DnsReply read_dns_reply(std::span<const uint8_t> packet, std::string_view name, uint16_t type) {
  DnsReply reply;
  if (packet.size() < kHeaderBytes) return reply;
  Reader reader(packet);
  reader.two();  // the id was looked at by who received it
  const uint16_t flags = reader.two();
  const uint16_t questions = reader.two(), answers = reader.two(), authorities = reader.two();
  reader.two();
  const bool is_reply = flags & 0x8000, is_query = (flags & 0x7800) == 0, cut = flags & 0x0200;
  if (!is_reply || !is_query || questions != 1) return reply;
  const std::string asked = reader.name();
  const uint16_t asked_type = reader.two(), asked_class = reader.two();
  if (!reader.good() || asked != escaped(name) || asked_type != type || asked_class != kInternet)
    return reply;
  reply.authentic = flags & 0x0020;
  reply.outcome = of_rcode(flags & 0xF);
  if (reply.outcome != DnsOutcome::kNoData && reply.outcome != DnsOutcome::kNoName) return reply;

  std::vector<Record> records;
  Record record;
  for (size_t i = 0; i < std::min<size_t>(answers, kDnsRecordsMax); ++i) {
    if (!read_record(reader, record)) return {.outcome = DnsOutcome::kBroken};
    if (record.type == type || record.type == kCname) records.push_back(record);
  }
  reply.ttl_s = UINT32_MAX;
  std::string owner = asked;
  size_t bytes = 0;
  for (unsigned hop = 0; hop <= kDnsAliasesMax; ++hop) {
    const Record* alias = nullptr;
    for (const Record& one : records) {
      if (one.owner != owner) continue;
      if (one.type != type) {
        if (!alias) alias = &one;
        continue;
      }
      Reader data(packet);
      data.seek(one.data);
      std::optional<std::string> text = value(data, type, one.length);
      if (!text || (bytes += text->size()) > kDnsValueBytesMax)
        return {.outcome = DnsOutcome::kBroken};
      reply.ttl_s = std::min(reply.ttl_s, one.ttl_s);
      reply.values.push_back(std::move(*text));
    }
    if (!reply.values.empty()) {
      reply.outcome = DnsOutcome::kValue;
      return reply;
    }
    if (!alias) break;
    Reader data(packet);
    data.seek(alias->data);
    const std::optional<std::string> to = value(data, kCname, alias->length);
    if (!to || hop == kDnsAliasesMax) return {.outcome = DnsOutcome::kBroken};
    reply.ttl_s = std::min(reply.ttl_s, alias->ttl_s);
    owner = *to;
  }
  if (cut) return {.outcome = DnsOutcome::kBroken};  // by TCP, too: what is not there may exist
  // An alias of the root leads to nothing: what mail asks about does not stand there.
  const bool followed = owner != asked && !owner.empty();
  if (reply.outcome == DnsOutcome::kNoData && followed && authorities == 0) {
    reply.outcome = DnsOutcome::kAlias;
    reply.alias = std::move(owner);
    return reply;
  }
  reply.ttl_s = std::min(reply.ttl_s, negative_ttl(reader, authorities));
  return reply;
}

}  // namespace winnow
