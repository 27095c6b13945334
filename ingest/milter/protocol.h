// The milter protocol (versions 2 to 6) as a state machine: bytes in, bytes and wants out. No
// sockets, no clock. What is answered to which command: facts of Rspamd's milter worker, and of
// libmilter for the versions before 6, which Rspamd refuses.
//
//   packet := length:be32 (of what follows, 1..131072) command:u8 data
//
//   O version actions protocol   → O with what of it is agreed on: every action that is offered;
//                                  that commands get no reply (0xff080), where it is offered; that
//                                  header values keep their leading blanks (0x100000); bodies in
//                                  pieces of 1 MB or 256 KB
//   D stage name\0 value\0 ...   macros; one table, names without braces and case, later wins
//   C host\0 family [port:be16 addr\0]     H helo\0     M address\0 arg\0...
//   R address\0 arg\0...    L name\0 value\0    N (blank line)    B bytes    T U (nothing)
//   E [bytes]                    → the verdict
//   A  message data is forgotten     K  connection data too; O may follow     Q  close
//
// A command whose reply was not switched off is answered `c` (go on). No order is demanded, and a
// client that never says O is taken for one of version 6. Several messages may follow each other.
// A length of 0 or over the maximum, an unknown command, a field without its NUL: the connection
// ends. `GET /ping` as first bytes is answered as HTTP. A message over body_max ends the connection
// too: its MTA defers.
//
// Leading blanks decide whether a DKIM signature over simple headers survives: `Subject:x` and
// `Subject: x` are told apart only where they are kept.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/session.h"
#include "pipeline/message.h"

namespace winnow {

struct MilterLimits {
  size_t body_max = 64u << 20;  // of one message with its headers
  size_t recipients_max = 10'000;
  size_t macros_max = 256;        // of one connection, and 64 KB of their bytes
  size_t pending_max = 1u << 20;  // kept while a verdict is awaited
  bool leading_space = true;      // ask that blanks before header values are kept
};

// What was agreed on with the MTA.
struct MilterAgreement {
  // Bits of actions (SMFIF_*).
  static constexpr uint32_t kAddHeaders = 1, kChangeBody = 2, kAddRecipient = 4, kDropRecipient = 8,
                            kChangeHeaders = 16, kQuarantine = 32, kChangeFrom = 64;
  uint32_t version = 6;
  uint32_t actions = 0x1ff;
  uint32_t protocol = 0xff080;
  bool leading_space = false;  // header values come, and go, with their leading blanks
};

// Header names and how often each was seen: answers that change headers by index need it.
class SeenHeaders {
 public:
  void add(std::string_view name);
  void clear();
  uint32_t count(std::string_view name) const;  // any case
  uint32_t all() const { return all_; }

 private:
  std::map<std::string, uint32_t, std::less<>> counts_;  // by name in lower case
  uint32_t all_ = 0;
};

class MilterSession {
 public:
  explicit MilterSession(const MilterLimits& limits = {});

  // Takes bytes, appends replies to `out`.
  SessionWant feed(std::string_view bytes, std::string& out);
  // REQUIRED: the session wants a verdict. `client_ca`: issuer of certificates whose subject is a
  // user; empty = none.
  Message take_message(std::string_view client_ca = {});
  // True once a message, at its first recipient: sender and client are known, content is not.
  bool take_envelope_news() { return std::exchange(envelope_news_, false); }
  // What is known of the envelope, as a message without bytes.
  Message envelope(std::string_view client_ca = {}) const;
  const SeenHeaders& seen() const { return seen_; }
  const MilterAgreement& agreement() const { return agreement_; }
  // The answer's packets were put out: goes on with what came meanwhile.
  SessionWant answered(std::string& out);
  // Why the last input was refused, a literal; empty where it was not. Each refusal closes.
  std::string_view refusal() const { return refusal_; }

  // A macro's value; empty where it was not sent. Name without braces, lower case.
  std::string_view macro(std::string_view name) const;
  // Bytes of a message that is on its way in: 0 between messages.
  size_t message_bytes() const { return buffer_.size() + body_.size() + from_known_; }
  // Bytes that the session holds.
  size_t held_bytes() const { return buffer_.size() + body_.size() + macro_bytes_; }

 private:
  enum class Mode : uint8_t { kFirstBytes, kPackets };
  SessionWant run(std::string& out);
  SessionWant http(std::string& out);
  bool command(char name, std::string_view data, std::string& out);
  bool take(char name, std::string_view data, std::string& out);
  bool negotiate(std::string_view data, std::string& out);
  bool macros(std::string_view data);
  bool connect(std::string_view data);
  bool recipient(std::string_view data);
  void add_arguments(std::string_view data, std::string_view name, std::string_view before);
  bool header(std::string_view data);
  bool body(std::string_view data);
  bool refuse(std::string_view why) {
    refusal_ = why;
    return false;
  }
  void forget_message();
  void forget_connection();

  const MilterLimits limits_;
  MilterAgreement agreement_;
  size_t packet_max_;
  Mode mode_ = Mode::kFirstBytes;
  SessionWant want_ = SessionWant::kBytes;
  std::string_view refusal_;
  std::string buffer_;
  size_t at_ = 0;  // what of the buffer is done

  std::string host_, helo_;
  IpAddress ip_;
  std::map<std::string, std::string, std::less<>> macros_;
  size_t macro_bytes_ = 0;

  bool from_known_ = false;
  bool envelope_news_ = false;
  std::string from_;
  std::vector<std::string> recipients_;
  std::vector<std::pair<std::string, std::string>> arguments_;  // ESMTP, as request headers
  size_t argument_bytes_ = 0;
  std::string body_;
  SeenHeaders seen_;
};

}  // namespace winnow
