#include "rules/checks/lists/mx_probe.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/mime/ip.h"
#include "rules/checks/question_text.h"

namespace winnow {

std::string write_mx_probe(const MxProbe& probe) {
  char ip[kIpTextMax];
  const std::string_view flags = !probe.greeting ? "-" : probe.quit ? "gq" : "g";
  return fmt::format("{} {} {} {} {} {} {} {}", std::string_view(ip, format_ip(probe.ip, ip)),
                     probe.port, probe.connect_ms, probe.read_ms, flags, probe.good_s,
                     probe.failed_s, probe.timeout_s);
}

std::optional<MxProbe> read_mx_probe(std::string_view text) {
  MxProbe out;
  const std::optional<IpAddress> ip = parse_ip(cut_word(text));
  if (!ip) return std::nullopt;
  out.ip = *ip;
  if (!cut_number(text, out.port) || out.port == 0 || !cut_number(text, out.connect_ms) ||
      !cut_number(text, out.read_ms))
    return std::nullopt;
  const std::string_view flags = cut_word(text);
  if (flags != "-" && flags != "g" && flags != "gq") return std::nullopt;
  out.greeting = flags != "-";
  out.quit = flags == "gq";
  if (!cut_number(text, out.good_s) || !cut_number(text, out.failed_s) ||
      !cut_number(text, out.timeout_s) || !text.empty())
    return std::nullopt;
  return out;
}

std::string mx_greeting_outcome(std::string_view line) {
  const std::string_view code = line.substr(0, 3);
  const bool digits =
      code.size() == 3 && std::ranges::all_of(code, [](char c) { return c >= '0' && c <= '9'; });
  const bool ends =
      line.size() == 3 ||
      (line.size() > 3 && (line[3] == ' ' || line[3] == '-' || line[3] == '\r' || line[3] == '\n'));
  if (!digits || !ends) return "inv";
  if (code == "220") return "gd";
  if (code[0] == '4' || code[0] == '5') return fmt::format("err:{}", code);
  return "inv";
}

}  // namespace winnow
