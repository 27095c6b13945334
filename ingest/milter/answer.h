// A verdict as milter packets: edits first, then what the action says. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/score/model.h"
#include "engine/verdict.h"
#include "ingest/milter/protocol.h"

namespace winnow {

struct MilterOptions {  // as Rspamd's proxy worker names them
  std::string spam_header = "X-Spam";
  std::string reject_message = "Spam message rejected";
  std::string quarantine_message = "Spam message quarantined";
  std::string tempfail_message = "Try again later";
  bool discard_on_reject = false;
  bool quarantine_on_reject = false;
  std::string client_ca_name;  // issuer of client certificates whose subject is a user
};

// A header that tells users of spam, in place of those of its name that were there.
struct SpamMark {
  std::string name;   // empty: the option's spam_header
  std::string value;  // empty: those that were there go, and none comes
};

struct MilterReply {
  std::string_view action;   // "reject", "add header", ...
  std::string_view message;  // for the SMTP client; empty = the option's text
  std::string_view subject;  // of "rewrite subject"
  uint8_t flags = 0;         // ActionFlag bits: kDiscard, kQuarantine
  std::span<const Edit> edits;
  std::optional<std::span<const SpamMark>> marks =
      {};  // of "add header"; nothing: spam_header: Yes
};

MilterReply milter_reply(const ScoreModel& model, const Verdict& verdict);
// The packets that end a message. `seen` are its headers. Edits that the MTA did not agree to are
// left out; where it cannot put into quarantine, it is told to try again.
void render_milter(const MilterReply& reply, const MilterOptions& options, const SeenHeaders& seen,
                   const MilterAgreement& agreement, std::string& out);
// There is no verdict (overload, fault of ours): the client tries again.
void render_milter_tempfail(std::string& out);

}  // namespace winnow
