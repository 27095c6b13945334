#include "bench/load/exchange.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace winnow::load {

namespace {

constexpr size_t kChunkMax = 65535;  // of a body, as MTAs send it

void packet(std::string& out, char command, std::string_view data) {
  const auto length = static_cast<uint32_t>(data.size() + 1);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(length >> shift));
  out.push_back(command);
  out += data;
}

std::string_view line_at(std::string_view text, size_t at, size_t& next) {
  const size_t end = std::min(text.find('\n', at), text.size());
  next = std::min(end + 1, text.size());
  std::string_view line = text.substr(at, end - at);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// One 'L' a field, continuation lines with it.
size_t milter_headers(std::string& out, std::string_view mail) {
  size_t at = 0;
  std::string field;
  const auto flush = [&] {
    const size_t colon = field.find(':');
    if (colon != std::string::npos) {
      size_t value = colon + 1;
      if (value < field.size() && field[value] == ' ') ++value;
      std::string data = field.substr(0, colon);
      data.push_back('\0');
      data += field.substr(value);
      data.push_back('\0');
      packet(out, 'L', data);
    }
    field.clear();
  };
  while (at < mail.size()) {
    size_t next = 0;
    const std::string_view line = line_at(mail, at, next);
    at = next;
    if (line.empty()) break;
    if (line.front() == ' ' || line.front() == '\t') {
      field += '\n';
    } else {
      flush();
    }
    field += line;
  }
  flush();
  return at;
}

Answer http_answer(std::string_view text) {
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return {};
  const std::string_view head = text.substr(0, end);
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const size_t found = head.find(kLength);
  size_t length = 0;
  if (found != std::string_view::npos)
    std::from_chars(head.data() + found + kLength.size(), head.data() + head.size(), length);
  if (text.size() < end + 4 + length) return {};
  const std::string_view body = text.substr(end + 4, length);
  Answer out{.bytes = end + 4 + length,
             .good = head.starts_with("HTTP/1.1 200 ") &&
                     body.find("\"action\":") != std::string_view::npos};
  constexpr std::string_view kTime = "\"time_real\":";
  const size_t time = body.rfind(kTime);
  double seconds = 0;
  if (time != std::string_view::npos &&
      std::from_chars(body.data() + time + kTime.size(), body.data() + body.size(), seconds).ec ==
          std::errc())
    out.scan_ms = seconds * 1000;
  return out;
}

// Edits come before the packet that ends the answer.
Answer milter_answer(std::string_view text) {
  size_t at = 0;
  while (text.size() >= at + 5) {
    uint32_t length = 0;
    for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<uint8_t>(text[at + i]);
    const char command = text[at + 4];
    if (text.size() < at + 4 + length) return {};
    at += 4 + length;
    if (std::string_view("aydtrO").find(command) != std::string_view::npos)
      return {.bytes = at, .good = command != 't'};
  }
  return {};
}

}  // namespace

std::string opening(Protocol protocol) {
  std::string out;
  if (protocol == Protocol::kMilter)
    packet(out, 'O', std::string_view("\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff", 12));
  return out;
}

std::string request(Protocol protocol, std::string_view mail) {
  std::string out;
  if (protocol == Protocol::kHttp) {
    out =
        "POST /checkv2 HTTP/1.1\r\nHost: load\r\nIP: 192.0.2.7\r\nFrom: <anna@example.org>\r\n"
        "Rcpt: <ben@example.net>\r\nHelo: client.example.org\r\nContent-Length: ";
    out += std::to_string(mail.size());
    out += "\r\n\r\n";
    out += mail;
    return out;
  }
  packet(out, 'C',
         std::string_view("client.example.org\0004\x1f\x90"
                          "192.0.2.7\0",
                          32));
  packet(out, 'H', std::string_view("client.example.org\0", 19));
  packet(out, 'M', std::string_view("<anna@example.org>\0", 19));
  packet(out, 'R', std::string_view("<ben@example.net>\0", 18));
  size_t at = milter_headers(out, mail);
  packet(out, 'N', {});
  for (; at < mail.size(); at += kChunkMax) packet(out, 'B', mail.substr(at, kChunkMax));
  packet(out, 'E', {});
  return out;
}

Answer answer(Protocol protocol, std::string_view text) {
  return protocol == Protocol::kHttp ? http_answer(text) : milter_answer(text);
}

}  // namespace winnow::load
