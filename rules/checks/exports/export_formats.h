// What an export sends of a message and its verdict. Pure: who sends brings the clock, the name of
// this machine and an id. Fields and their values are those that Rspamd 3.4 sends
// (tests/peer/metadata_exporter.py); what is not known is "unknown".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/score/model.h"
#include "rules/checks/exports/export_rule.h"

namespace winnow {

struct ExportInput {
  const ExportPlan& plan;
  const ScoreModel& model;
  const Evidence& evidence;
  const Verdict& verdict;
  std::string_view message;    // its bytes
  std::string_view host_name;  // this machine's
  std::string_view id;         // of a mail that is made: letters and digits that nobody had before
  int64_t scan_ms = 0;         // how long it took
  std::string_view date = {};  // of a mail that is made: "Wed, 21 Oct 2026 09:30:00 GMT"
};

struct ExportText {
  std::string body;
  std::string type;                                               // MIME type of the body, for HTTP
  std::vector<std::pair<std::string, std::string>> headers = {};  // name and value, for HTTP
  std::vector<std::string> mail_to = {};                          // recipients, for SMTP
  std::vector<std::string> recipients = {};  // each gets an entry of its own in a stream

  size_t bytes() const;  // that it holds
};
constexpr size_t kExportRecipientsMax = 100;  // of a mail or an entry each; more are left out

ExportText write_export(const ExportRule& rule, const ExportInput& input);

// {"from":…}, Rspamd's format json; with the message as "message": as text where it is valid UTF-8,
// else in base64 with "message_encoding":"base64".
std::string export_json(const ExportInput& input, bool with_message);

}  // namespace winnow
