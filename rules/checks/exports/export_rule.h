// One rule of metadata_exporter { rules { … } }: which mail, in which form, to whom. Read once a
// rule set; jobs that wait hold a counted reference, so that a reload takes nothing from them.
//
// A mail that its sender waits for (`defer`) asks a question of kind kTake and type kExportTake
// whose key is the rule's name. Its answer is one value: kExportSent, or what went wrong.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rules/checks/check.h"

namespace winnow {

struct RuleSet;

constexpr uint16_t kExportTake = 0x4558;
constexpr std::string_view kExportQuestion = "export ";
constexpr std::string_view kExportSent = "sent";
constexpr size_t kExportRulesMax = 32;

enum class ExportBackend : uint8_t { kHttp, kRedisPubsub, kRedisStream, kSendMail };
enum class ExportSelector : uint8_t {
  kAll,
  kSpam,
  kSpamOfUsers,
  kReject,
  kRejectOfUsers,
  kNotSoftReject
};
enum class ExportFormat : uint8_t { kMessage, kEmailAlert, kJson, kJsonWithMessage, kMultipart };

struct ExportRule {
  std::string name;
  ExportBackend backend = ExportBackend::kHttp;
  ExportSelector selector = ExportSelector::kAll;
  ExportFormat format = ExportFormat::kMessage;
  bool defer = false;
  uint32_t timeout_ms = 5'000;  // of the whole export
  // http
  std::string url, user, password, mime_type = "text/plain", header_prefix = "X-Rspamd-";
  uint32_t connect_timeout_ms = 0;  // 0: that of the whole
  bool meta_headers = false, gzip = false, any_certificate = false;
  // redis_pubsub, redis_stream
  std::string channel;      // or the stream's key
  uint64_t length_max = 0;  // entries of a stream, about; 0: no limit
  bool per_recipient = false;
  // send_mail; of email_alert also its header
  std::string smtp, helo = "rspamd", mail_from, email_template;  // empty: the built-in one
  uint16_t smtp_port = 25;
  std::vector<std::string> mail_to;
  bool alert_sender = false, alert_recipients = false, alert_user = false;
};

struct ExportPlan final : CheckPlan {
  std::vector<std::shared_ptr<const ExportRule>> rules;
  // Facts that hold the values of From, To, Subject and Date, one a header.
  std::array<SymbolId, 4> header_facts{};
  bool reads_headers = false;  // a format has them
  ActionId reject = kNoId<ActionId>, soft_reject = kNoId<ActionId>, add_header = kNoId<ActionId>,
           rewrite_subject = kNoId<ActionId>;

  // Null where there is none of that name.
  const std::shared_ptr<const ExportRule>* find(std::string_view name) const;
  // Of a question's key.
  const std::shared_ptr<const ExportRule>* find_asked(std::string_view key) const;
  bool asks_redis() const;
  bool is_selected(const ExportRule& rule, ActionId action, bool of_user) const;
};

// Null where the rules export nothing.
const ExportPlan* find_exports(const RuleSet& rules);

// The rules that `options` (may be null) defines. What cannot be done is said with its place, and
// the rule left out.
std::vector<std::shared_ptr<const ExportRule>> read_export_rules(const CompileContext& context);

}  // namespace winnow
