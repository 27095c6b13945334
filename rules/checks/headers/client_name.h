// The client's name: as the mail server verified it, else by a question that is asked before
// sealing where somebody answers. Checks that need it look at it in content() where it is known or
// nobody answers, else in judge().
#pragma once

#include "engine/score/questions.h"
#include "rules/checks/auth/dns_name.h"
#include "rules/checks/row.h"

namespace winnow {

// Whether no name of a hop means that there was none: Postfix and qmail write "unknown", Sendmail
// (it gives its version, 8.x) leaves the name out. Others do so too where the name is the greeted
// one, or never look.
inline bool is_nameless(const Batch& batch, uint32_t row, const Received& hop) {
  if (!hop.real_hostname.empty()) return false;
  const std::string_view written = batch.headers.row(row)[hop.header].decoded;
  if (written.find("(unknown [") != std::string_view::npos ||
      written.find("from unknown (") != std::string_view::npos)
    return true;
  const size_t version = written.find("(8.");
  return version != std::string_view::npos && version + 3 < written.size() &&
         written[version + 3] >= '0' && written[version + 3] <= '9';
}

// Whether somebody says that the client has no name: the mail server, to us or in its Received
// header. That nobody says a name is not the same.
inline bool is_client_nameless(const Batch& batch, uint32_t row) {
  const Envelope& envelope = batch.envelopes[row];
  if (!envelope.hostname.empty() || !envelope.ip.valid()) return false;
  for (const RequestHeader& header : batch.request_headers.row(row))
    if (header.name == "hostname" && header.value == "unknown") return true;
  for (const Received& hop : batch.received.row(row))
    if (hop.real_ip.valid() && same_ip(hop.real_ip, envelope.ip) &&
        !(hop.flags & static_cast<uint8_t>(ReceivedFlag::kArtificial)))
      return is_nameless(batch, row, hop);
  return false;
}

// True where the name is asked for, so that content() leaves it to judge().
inline bool is_name_asked(const Batch& batch, uint32_t row) {
  const Envelope& envelope = batch.envelopes[row];
  return envelope.hostname.empty() && envelope.ip.valid() && !is_trusted(envelope) &&
         !is_unanswered(batch);
}

inline void ask_client_names(const Batch& batch, Asker& asker) {
  for (uint32_t row = 0; row < batch.rows; ++row)
    if (is_name_asked(batch, row))
      asker.ask(row, QuestionKind::kDns, rr::kPtr, reverse_name(batch.envelopes[row].ip).view());
}

struct ClientName {
  bool asked = false;    // content() left it to judge()
  bool waiting = false;  // the answer is open
  bool unknown = false;  // there was none
  std::string_view name;
};

inline ClientName client_name(const Evidence& evidence, Judgement& judgement) {
  ClientName out;
  const Envelope& envelope = evidence.envelope;
  out.name = envelope.hostname;
  if (!out.name.empty() || !envelope.ip.valid()) return out;
  const DnsName name = reverse_name(envelope.ip);
  out.asked =
      find_question(evidence.questions, QuestionKind::kDns, rr::kPtr, name.view()) != kNoIndex;
  if (!out.asked) return out;
  const Answer* const answer = judgement.ask(QuestionKind::kDns, rr::kPtr, name.view());
  out.waiting = !answer;
  if (!answer) return out;
  out.unknown = answer->state == AnswerState::kUnknown;
  if (!answer->values.empty()) out.name = answer->values.front();
  if (out.name.ends_with('.')) out.name.remove_suffix(1);
  return out;
}

}  // namespace winnow
