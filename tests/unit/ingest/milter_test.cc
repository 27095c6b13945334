// Milter conversations as text files (tests/protocol/milter/*.txt), each run with whole writes and
// a byte at a time.
//
//   > C data     the MTA sends packet C        < C data     the next packet from us
//   >> bytes     the MTA sends bare bytes      << bytes     the next bytes from us
//   verdict from=A rcpt=B,C ip=I helo=H host=N user=U id=Q    a verdict is wanted, for this message
//   body text    ... whose bytes are these     mta NAME    header NAME VALUE    ... and this of it,
//                headers in their order        edit KIND POSITION NAME VALUE
//   answer ACTION [| message]                  tempfail
//   option NAME [VALUE]    open | close        nothing more came, and the session's want
// Escapes: \0 \r \n \\ \xHH.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/mime/ip.h"
#include "ingest/milter/answer.h"
#include "ingest/milter/protocol.h"

namespace winnow {
namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    switch (text[++i]) {
      case '0':
        out.push_back('\0');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'x':
        out.push_back(
            static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16)));
        i += 2;
        break;
      default:
        out.push_back(text[i]);
    }
  }
  return out;
}

std::string packet(char name, std::string_view data) {
  std::string out;
  const auto length = static_cast<uint32_t>(data.size() + 1);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(length >> shift));
  out.push_back(name);
  return out.append(data);
}

std::string describe(const Message& message) {
  std::string rcpt;
  for (const std::string& one : message.recipients) rcpt += (rcpt.empty() ? "" : ",") + one;
  std::string ip;
  for (int i = 0; i < (message.ip.family == 4 ? 4 : 0); ++i)
    ip += (i ? "." : "") + std::to_string(message.ip.bytes[12 + i]);
  if (message.ip.family == 6) ip = "v6";
  return "from=" + message.from.value_or("-") + " rcpt=" + rcpt + " ip=" + ip +
         " helo=" + message.helo + " host=" + message.hostname + " user=" + message.user +
         " id=" + message.queue_id;
}

struct Conversation {
  explicit Conversation(bool by_byte) : bytewise(by_byte) {}
  bool bytewise;
  MilterSession session{{.body_max = 1 << 20}};
  MilterOptions options;
  SessionWant want = SessionWant::kBytes;
  std::string out;
  Message message;
  size_t headers = 0;  // of the message's that were looked at
  std::vector<Edit> edits;
  std::vector<std::string> names;  // of edits

  void feed(std::string_view bytes) {
    if (!bytewise) {
      want = session.feed(bytes, out);
      return;
    }
    for (const char& c : bytes) want = session.feed({&c, 1}, out);
  }
  void expect(const std::string& bytes) {
    EXPECT_EQ(out.substr(0, bytes.size()), bytes);
    out.erase(0, bytes.size());
  }
  void end_answer() {
    edits.clear();
    names.clear();
    want = session.answered(out);
  }
  void line(const std::string& text);
};

void Conversation::line(const std::string& text) {
  std::istringstream in(text);
  std::string word;
  in >> word;
  const auto rest = [&] {
    std::string all;
    std::getline(in >> std::ws, all);
    return all;
  };
  if (word == ">>") return feed(unescape(rest()));
  if (word == "<<") return expect(unescape(rest()));
  if (word == ">" || word == "<") {
    char name;
    in >> name;
    const std::string bytes = packet(name, unescape(rest()));
    return word == ">" ? feed(bytes) : expect(bytes);
  }
  if (word == "verdict") {
    ASSERT_EQ(want, SessionWant::kVerdict);
    message = session.take_message(options.client_ca_name);
    headers = 0;
    EXPECT_EQ(describe(message), rest());
  } else if (word == "body") {
    EXPECT_EQ(message.bytes.view(), unescape(rest()));
  } else if (word == "mta") {
    EXPECT_EQ(message.mta_name, rest());
  } else if (word == "header") {
    std::string name;
    in >> name;
    ASSERT_LT(headers, message.request_headers.size());
    EXPECT_EQ(message.request_headers[headers].first, name);
    EXPECT_EQ(message.request_headers[headers++].second, rest());
  } else if (word == "edit") {
    const std::string_view kinds[] = {"add",  "signature", "change",  "remove",  "subject",
                                      "from", "addrcpt",   "delrcpt", "newbody", "quarantine"};
    std::string kind, name;
    Edit edit{.kind = {}, .value = {}};
    in >> kind >> edit.position >> name;
    edit.kind = static_cast<EditKind>(std::ranges::find(kinds, kind) - std::begin(kinds));
    names.push_back(name);
    edit.value = unescape(rest());
    edits.push_back(edit);
  } else if (word == "answer") {
    const std::string all = rest();
    const size_t bar = all.find(" | ");
    const std::string action = all.substr(0, bar);
    const std::string said = bar == std::string::npos ? "" : unescape(all.substr(bar + 3));
    for (size_t i = 0; i < edits.size(); ++i) edits[i].name = names[i];
    const auto flag = action == "discard"      ? ActionFlag::kDiscard
                      : action == "quarantine" ? ActionFlag::kQuarantine
                                               : ActionFlag::kThresholdOnly;
    render_milter({.action = action,
                   .message = said,
                   .subject = said,
                   .flags = static_cast<uint8_t>(flag),
                   .edits = edits},
                  options, session.seen(), session.agreement(), out);
    end_answer();
  } else if (word == "tempfail") {
    render_milter_tempfail(out);
    end_answer();
  } else if (word == "option") {
    std::string name;
    in >> name;
    if (name == "discard_on_reject") options.discard_on_reject = true;
    if (name == "quarantine_on_reject") options.quarantine_on_reject = true;
    if (name == "reject_message") options.reject_message = rest();
    if (name == "tempfail_message") options.tempfail_message = rest();
    if (name == "quarantine_message") options.quarantine_message = rest();
    if (name == "spam_header") options.spam_header = rest();
    if (name == "client_ca_name") options.client_ca_name = rest();
  } else if (word == "open" || word == "close") {
    EXPECT_EQ(out, "");
    EXPECT_EQ(want, word == "open" ? SessionWant::kBytes : SessionWant::kClose);
  } else {
    FAIL() << "unknown line";
  }
}

TEST(Milter, Transcripts) {
  const std::filesystem::path folder = WINNOW_SOURCE_DIR "/tests/protocol/milter";
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++files;
    for (const bool bytewise : {false, true}) {
      std::ifstream file(entry.path());
      Conversation talk(bytewise);
      std::string text;
      for (int number = 1; std::getline(file, text); ++number) {
        if (text.empty() || text[0] == '#') continue;
        SCOPED_TRACE(entry.path().filename().string() + ":" + std::to_string(number) + ": " + text);
        talk.line(text);
      }
    }
  }
  EXPECT_GE(files, 5u);
}

// ESMTP arguments of the sender, and of each recipient by its place among them, as request headers.
TEST(Milter, ArgumentsOfEachRecipient) {
  std::string out;
  MilterSession session;
  const auto send = [&](char name, std::string_view data) {
    return session.feed(packet(name, data), out);
  };
  const auto z = [](std::string text) {
    std::ranges::replace(text, '|', '\0');
    return text;
  };
  send('M', z("<a@example.org>|SIZE=1000|BODY=8BITMIME|"));
  send('R', z("<b@example.org>|"));
  send('R', z("<c@example.org>|NOTIFY=NEVER|ORCPT=rfc822;d@example.org|"));
  ASSERT_EQ(send('E', ""), SessionWant::kVerdict);
  const Message message = session.take_message();
  EXPECT_EQ(message.recipients, (std::vector<std::string>{"b@example.org", "c@example.org"}));
  using Headers = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(message.request_headers,
            (Headers{{"x-rspamd-mail-esmtp-args", "SIZE=1000"},
                     {"x-rspamd-mail-esmtp-args", "BODY=8BITMIME"},
                     {"x-rspamd-rcpt-esmtp-args", "1:NOTIFY=NEVER"},
                     {"x-rspamd-rcpt-esmtp-args", "1:ORCPT=rfc822;d@example.org"}}));

  // The next message has its own.
  session.answered(out);
  send('R', z("<e@example.org>|"));
  ASSERT_EQ(send('E', ""), SessionWant::kVerdict);
  EXPECT_TRUE(session.take_message().request_headers.empty());

  // 64 KB of them are kept; what is beyond is left out, and the message is judged.
  session.answered(out);
  for (int i = 0; i < 100; ++i) send('R', z("<f@example.org>|" + std::string(1000, 'x') + "|"));
  ASSERT_EQ(send('E', ""), SessionWant::kVerdict);
  const Message many = session.take_message();
  EXPECT_EQ(many.recipients.size(), 100u);
  EXPECT_GT(many.request_headers.size(), 60u);
  EXPECT_LT(many.request_headers.size(), 66u);
}

// At the first recipient sender and client are known: once a message.
TEST(Milter, EnvelopeIsNewsOnce) {
  std::string out;
  MilterSession session;
  const auto send = [&](char name, const std::string& data) {
    return session.feed(packet(name, data + '\0'), out);
  };
  send('M', "<a@example.org>");
  EXPECT_FALSE(session.take_envelope_news());
  send('R', "<b@example.org>");
  EXPECT_TRUE(session.take_envelope_news());
  const Message envelope = session.envelope();
  EXPECT_EQ(envelope.from, "a@example.org");
  EXPECT_EQ(envelope.recipients, std::vector<std::string>{"b@example.org"});
  EXPECT_EQ(envelope.bytes.size(), 0u);
  send('R', "<c@example.org>");
  EXPECT_FALSE(session.take_envelope_news());
  // Given up: the next message has its own.
  session.feed(packet('A', ""), out);
  send('R', "<d@example.org>");
  EXPECT_TRUE(session.take_envelope_news());
  send('R', "<e@example.org>");
  session.feed(packet('A', ""), out);
  EXPECT_FALSE(session.take_envelope_news());
}

TEST(Milter, LimitsEndTheConnection) {
  std::string out;
  MilterSession recipients({.recipients_max = 2});
  EXPECT_EQ(recipients.feed(packet('R', std::string("a\0", 2)), out), SessionWant::kBytes);
  EXPECT_EQ(recipients.feed(packet('R', std::string("b\0", 2)), out), SessionWant::kBytes);
  EXPECT_EQ(recipients.feed(packet('R', std::string("c\0", 2)), out), SessionWant::kClose);
  EXPECT_EQ(recipients.refusal(), "too many recipients");

  MilterSession body({.body_max = 10});
  EXPECT_EQ(body.feed(packet('B', "0123456789"), out), SessionWant::kBytes);
  EXPECT_EQ(body.feed(packet('B', "0"), out), SessionWant::kClose);
  EXPECT_EQ(body.refusal(), "message is too large");

  MilterSession pending({.pending_max = 100});
  EXPECT_EQ(pending.feed(packet('E', ""), out), SessionWant::kVerdict);
  EXPECT_EQ(pending.feed(std::string(100, 'x'), out), SessionWant::kVerdict);
  EXPECT_EQ(pending.feed("x", out), SessionWant::kClose);
  EXPECT_EQ(pending.refusal(), "too much is sent before the verdict");

  // Macros beyond the limits are not kept, and what is kept is bounded.
  MilterSession macros({.macros_max = 4});
  for (int i = 0; i < 100; ++i)
    macros.feed(packet('D', "C" + std::to_string(i) + '\0' + std::string(100, 'v') + '\0'), out);
  EXPECT_LT(macros.held_bytes(), 1000u);
  EXPECT_EQ(out, "");
}

TEST(Milter, EachRefusalHasAReason) {
  for (const auto& [bytes, reason] :
       {std::pair{packet('Z', ""), "unknown command"},
        {packet('M', "no end"), "bad packet"},
        {packet('O', "short"), "bad packet"},
        {std::string(4, '\0'), "bad length of a packet"},
        {std::string("\x7f\0\0\0", 4), "bad length of a packet"},
        {std::string("GET / HTTP/1.0\r\n\r\n"), "HTTP where milter is spoken"},
        {std::string("GET /ping HTTP/1.0\r\n\r\n"), ""},
        {packet('Q', ""), ""}}) {
    std::string out;
    MilterSession session;
    EXPECT_EQ(session.feed(bytes, out), SessionWant::kClose) << reason;
    EXPECT_EQ(session.refusal(), reason);
  }
}

// A packet may be as long as its body's piece that was agreed upon, and its command's byte.
TEST(Milter, PacketsOfTheAgreedSizeAndBeyond) {
  const struct {
    uint32_t offered, agreed;
    size_t most;
  } rows[] = {{0, 0, 131072},
              {0x10000000, 0x10000000, (1 << 18) + 1},
              {0x20000000, 0x20000000, (1 << 20) + 1},
              {0x30000000, 0x20000000, (1 << 20) + 1}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.offered);
    const auto be32 = [](uint32_t value) {
      std::string out;
      for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
      return out;
    };
    for (const size_t over : {0, 1}) {
      std::string out;
      MilterSession session({.body_max = 4 << 20});
      ASSERT_EQ(session.feed(packet('O', be32(6) + be32(0x1ff) + be32(row.offered)), out),
                SessionWant::kBytes);
      EXPECT_EQ(out, packet('O', be32(6) + be32(0x1ff) + be32(row.agreed)));
      const std::string body(row.most - 1 + over, 'x');
      EXPECT_EQ(session.feed(packet('B', body), out),
                over ? SessionWant::kClose : SessionWant::kBytes);
      if (over) continue;
      ASSERT_EQ(session.feed(packet('E', ""), out), SessionWant::kVerdict);
      EXPECT_EQ(session.take_message().bytes.view(), body);
    }
  }
}

// The head of an HTTP request may be 4096 bytes long, whether it comes at once or in pieces.
TEST(Milter, PingOfTheLongestHeadAndBeyond) {
  const std::string start = "GET /ping HTTP/1.0\r\nX: ", end = "\r\n\r\n";
  for (const size_t bytes : {size_t{4096}, size_t{4097}}) {
    const std::string request = start + std::string(bytes - start.size() - end.size(), 'x') + end;
    for (const size_t piece : {request.size(), size_t{1}}) {
      MilterSession session{MilterLimits()};
      std::string out;
      SessionWant want = SessionWant::kBytes;
      for (size_t at = 0; at < request.size() && want == SessionWant::kBytes; at += piece)
        want = session.feed(std::string_view(request).substr(at, piece), out);
      EXPECT_EQ(want, SessionWant::kClose);
      EXPECT_EQ(out.ends_with("pong\r\n"), bytes == 4096) << bytes << " in " << piece;
    }
  }
}

}  // namespace
}  // namespace winnow
