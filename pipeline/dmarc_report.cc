#include "pipeline/dmarc_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <xxhash.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "engine/ascii.h"
#include "engine/crypt/base64_text.h"
#include "engine/mime/phrase.h"
#include "rules/config/ucl.h"

namespace winnow {

namespace {

constexpr int64_t kDay_s = 86'400;

// Character data: what XML cannot hold becomes "?".
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += static_cast<uint8_t>(c) < ' ' || static_cast<uint8_t>(c) > '~' ? '?' : c;
    }
  }
  return out;
}

class Xml {
 public:
  void open(std::string_view name) {
    line(fmt::format("<{}>", name));
    open_.emplace_back(name.substr(0, name.find(' ')));
  }
  void close() {
    const std::string name = std::move(open_.back());
    open_.pop_back();
    line(fmt::format("</{}>", name));
  }
  void put(std::string_view name, std::string_view value) {
    line(fmt::format("<{0}>{1}</{0}>", name, escaped(value)));
  }
  // Left out where there is nothing.
  void put_some(std::string_view name, std::string_view value) {
    if (!value.empty()) put(name, value);
  }
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

 private:
  void line(const std::string& what) {
    text.append(2 * open_.size(), ' ');
    text += what;
    text += '\n';
  }
  std::vector<std::string> open_;
};

// The policy that most messages were judged by: a report has one.
const DmarcReportRow& published(const DmarcStore::Rows& rows) {
  std::map<std::string, uint64_t> counts;
  const DmarcReportRow* best = &rows[0].first;
  uint64_t most = 0;
  for (const auto& [row, count] : rows) {
    const std::string policy = fmt::format("{} {} {} {} {} {} {} {}", row.method, row.adkim,
                                           row.aspf, row.p, row.sp, row.np, row.pct, row.testing);
    const uint64_t sum = counts[policy] += count;
    if (sum > most) {
      most = sum;
      best = &row;
    }
  }
  return *best;
}

void put_policy(Xml& xml, const DmarcReportRow& row, bool walks) {
  xml.open("policy_published");
  xml.put("domain", row.policy_domain);
  if (walks) xml.put("discovery_method", row.method);
  xml.put("adkim", row.adkim);
  xml.put("aspf", row.aspf);
  xml.put("p", row.p);
  xml.put("sp", row.sp);
  if (walks) {
    xml.put("np", row.np);
    xml.put("testing", row.testing);
  } else {
    xml.put("pct", row.pct);
  }
  xml.close();
}

void put_record(Xml& xml, const DmarcReportRow& row, uint64_t count, bool walks) {
  const bool passed = row.dkim == "pass" || row.spf == "pass";
  xml.open("record");
  xml.open("row");
  xml.put("source_ip", row.ip);
  xml.put("count", fmt::format("{}", count));
  xml.open("policy_evaluated");
  xml.put("disposition", walks && passed ? "pass" : row.disposition);
  xml.put("dkim", row.dkim);
  xml.put("spf", row.spf);
  if (!row.reason.empty()) {
    xml.open("reason");
    xml.put("type", row.reason);
    xml.close();
  }
  xml.close();
  xml.close();
  xml.open("identifiers");
  xml.put_some("envelope_from", row.envelope_from);
  xml.put("header_from", row.header_from);
  xml.close();
  xml.open("auth_results");
  for (const DmarcReportRow::Signature& one : row.signatures) {
    xml.open("dkim");
    xml.put("domain", one.domain);
    xml.put_some("selector", one.selector);
    xml.put("result", one.result);
    xml.close();
  }
  xml.open("spf");
  xml.put("domain", row.spf_domain);
  xml.put_some("scope", row.spf_scope);
  xml.put("result", row.spf_result);
  xml.close();
  xml.close();
  xml.close();
}

int64_t begin_s(const DmarcStore::Pile& pile) {
  return dmarc_day_begins_ms(pile.day).value_or(0) / 1'000;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr ==
            text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "10m": bytes; UINT64_MAX where there is none, 0 where it is none.
uint64_t size_limit(std::string_view text) {
  uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc()) return 0;
  const std::string_view unit = text.substr(static_cast<size_t>(read.ptr - text.data()));
  static constexpr std::string_view kUnits[] = {"", "k", "m", "g", "t"};
  const auto* const at = std::find(std::begin(kUnits), std::end(kUnits), unit);
  if (at == std::end(kUnits) || value > (uint64_t{1} << 20)) return 0;
  return value << (10 * (at - std::begin(kUnits)));
}

// What may stand in a header of ours, and in a command of SMTP.
bool is_mail_address(std::string_view text) {
  const size_t at = text.rfind('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() < 320 &&
         std::ranges::all_of(text, [](char c) {
           return c > ' ' && c <= '~' && c != '<' && c != '>' && c != ',' && c != '"';
         });
}

}  // namespace

Result<DmarcReporter> dmarc_reporter(const UclObject& root) {
  const UclObject* const dmarc = root.find("dmarc");
  const UclObject* const section = dmarc ? dmarc->find("reporting") : nullptr;
  if (!section || !section->is_object()) return fail("dmarc.reporting is not configured");
  DmarcReporter out;
  out.org_name = section->string("org_name", "");
  out.email = section->string("email", "");
  out.domain = section->string("domain", "");
  for (const auto& [name, value] :
       {std::pair{"org_name", &out.org_name}, {"email", &out.email}, {"domain", &out.domain}})
    if (value->empty()) return fail(fmt::format("dmarc.reporting.{} is missing", name));
  if (!is_mail_address(out.email)) return fail("dmarc.reporting.email is no address");
  out.from_name = section->string("from_name", out.from_name);
  out.msgid_from = section->string("msgid_from", out.domain);
  out.helo = section->string("helo", out.helo);
  out.smtp = section->string("smtp", out.smtp);
  const int64_t port = section->integer("smtp_port", out.smtp_port);
  const int64_t retries = section->integer("retries", out.retries);
  if (port < 1 || port > 65'535) return fail("dmarc.reporting.smtp_port is no port");
  if (retries < 0 || retries > 100) return fail("dmarc.reporting.retries is out of range");
  out.smtp_port = static_cast<uint16_t>(port);
  out.retries = static_cast<unsigned>(retries);
  for (const std::string_view one : section->strings("bcc_addrs")) out.bcc.emplace_back(one);
  return out;
}

std::vector<std::string> report_addresses(std::string_view rua, size_t bytes) {
  constexpr std::string_view kMailto = "mailto:";
  constexpr size_t kAddressesMax = 10;  // RFC 7489 6.2 asks for two at least
  std::vector<std::string> out;
  while (!rua.empty() && out.size() < kAddressesMax) {
    const size_t comma = std::min(rua.find(','), rua.size());
    std::string_view one = trimmed(rua.substr(0, comma), " \t");
    rua.remove_prefix(std::min(comma + 1, rua.size()));
    if (!starts_caseless(one, kMailto)) continue;
    one.remove_prefix(kMailto.size());
    const size_t mark = one.find('!');
    const uint64_t limit = mark == one.npos ? UINT64_MAX : size_limit(one.substr(mark + 1));
    const std::string address = percent_decoded(one.substr(0, mark));
    if (bytes > limit || !is_mail_address(address)) continue;
    if (std::ranges::find(out, address) == out.end()) out.push_back(address);
  }
  return out;
}

DmarcReport make_dmarc_report(const DmarcReporter& who, const DmarcStore::Pile& pile,
                              const DmarcStore::Rows& rows) {
  DmarcReport out;
  if (rows.empty()) return out;
  const DmarcReportRow& policy = published(rows);
  const bool walks = policy.method == "treewalk";
  const int64_t begin = begin_s(pile), end = begin + kDay_s - 1;
  const std::string name = fmt::format("{}!{}!{}!{}", who.domain, pile.domain, begin, end);
  out.id =
      fmt::format("{}.{}.{:016x}", pile.domain, pile.day, XXH3_64bits(name.data(), name.size()));
  out.file_name = name + ".xml.gz";
  Xml xml;
  xml.open(walks ? "feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\"" : "feedback");
  xml.put("version", "1.0");
  xml.open("report_metadata");
  xml.put("org_name", who.org_name);
  xml.put("email", who.email);
  xml.put("report_id", out.id);
  xml.open("date_range");
  xml.put("begin", fmt::format("{}", begin));
  xml.put("end", fmt::format("{}", end));
  xml.close();
  if (pile.lost > 0)
    xml.put("error", fmt::format("{} messages found no room in this report", pile.lost));
  if (walks) xml.put("generator", "Winnow");
  xml.close();
  put_policy(xml, policy, walks);
  for (const auto& [row, count] : rows) put_record(xml, row, count, walks);
  xml.close();
  out.xml = std::move(xml.text);
  out.addresses = report_addresses(policy.rua, gzip(out.xml).size());
  return out;
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS, kMemory = 8;
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    return {};
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(done == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

std::string dmarc_report_mail(const DmarcReporter& who, const DmarcStore::Pile& pile,
                              const DmarcReport& report, std::span<const std::string> to,
                              int64_t now_s) {
  const std::string boundary = fmt::format("report-{}", report.id);
  std::string out = fmt::format("From: {} <{}>\r\n", write_phrase(who.from_name), who.email);
  out += fmt::format("To: {}\r\n", fmt::join(to, ",\r\n\t"));
  out += fmt::format("Subject: Report Domain: {}\r\n Submitter: {}\r\n Report-ID: <{}>\r\n",
                     pile.domain, who.domain, report.id);
  out += fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} +0000\r\n",
                     fmt::gmtime(static_cast<std::time_t>(now_s)));
  out += fmt::format("Message-ID: <{}.{}@{}>\r\n", report.id, now_s, who.msgid_from);
  out += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n";
  out += fmt::format("Content-Type: multipart/mixed;\r\n\tboundary=\"{}\"\r\n\r\n", boundary);
  out += fmt::format("--{}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n", boundary);
  out += fmt::format(
      "This is an aggregate report of DMARC\r\nfor {}\r\nabout mail of {} (UTC),\r\nfrom "
      "{}.\r\n\r\n",
      pile.domain, pile.day, who.org_name);
  out += fmt::format(
      "--{}\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n"
      "Content-Disposition: attachment;\r\n\tfilename=\"{}\"\r\n\r\n",
      boundary, report.file_name);
  const std::string digits = encode_base64_text(gzip(report.xml));
  constexpr size_t kLine = 76;
  for (size_t at = 0; at < digits.size(); at += kLine) {
    out += std::string_view(digits).substr(at, kLine);
    out += "\r\n";
  }
  return out + fmt::format("--{}--\r\n", boundary);
}

}  // namespace winnow
