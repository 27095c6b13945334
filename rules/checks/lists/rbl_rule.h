// rbl { rbls { NAME { … } } }: one DNS list as configuration writes it, read into what is asked and
// judged (facts/lists.md, facts/semantics.md "rbl").
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/crypt/digest.h"
#include "rules/checks/check.h"
#include "rules/checks/lists/list_items.h"
#include "rules/checks/lists/return_codes.h"
#include "rules/checks/lists/url_compose.h"
#include "rules/lang/selector.h"
#include "rules/maps/map.h"

namespace winnow {

enum class RblCheck : uint16_t {
  kFrom = 1,
  kReceived = 2,
  kHelo = 4,
  kRdns = 8,
  kUrls = 16,
  kContentUrls = 32,
  kImages = 64,
  kNumericUrls = 128,
  kEmails = 256,
  kReplyTo = 512,
  kDkim = 1024,
  kSelector = 2048,
};

// A rule's selector with the label that its options carry.
struct RblSelector {
  std::string label, text;
  uint32_t hash = 0;  // of the text
};

// One symbol of a rule under each prefix that its checks give it: [0] is without one.
struct RblSymbol {
  std::string name;
  std::vector<SymbolId> ids = {};  // by prefix number
  bool whitelists = false;         // in a whitelist: its hit suppresses other lists
};

struct RblRule {
  const UclObject* body = nullptr;
  std::string name, zone;  // zone: lower case, no trailing dot
  std::string fail_symbol;
  SymbolId fail = kNoId<SymbolId>;
  uint16_t checks = 0;  // RblCheck bits
  bool ipv4 = true, ipv6 = true, no_ip = false, unknown = false;
  bool exclude_users = false, exclude_local = true;
  bool emails_domainonly = false, dkim_domainonly = true, dkim_match_from = false;
  bool url_full_hostname = false, resolve_ip = false;
  bool is_whitelist = false, ignore_whitelist = false;
  std::string emails_delimiter = ".";
  std::optional<DigestKind> hash;
  DigestForm hash_form = DigestForm::kHex;
  uint32_t hash_len = 0;  // 0 = all of it
  std::string probe;      // label that is never listed; empty: a random one
  bool monitored = true;
  uint32_t requests_limit = 0;  // names asked of one message, IP, HELO and name of the client aside
  int received_min_pos = 1, received_max_pos = -1;
  uint8_t received_flags = 0, received_nflags = 0;  // ReceivedFlag bits
  std::vector<RblSelector> selectors;
  std::vector<std::string> prefixes{""};  // "", "RBL_", …
  std::array<uint8_t, 128> prefix_of{};   // by ItemKind: number of its prefix
  std::vector<RblSymbol> symbols;         // [0] the rule's own
  ReturnCodes codes;                      // of numbers of symbols
  std::vector<SymbolId> require_symbols;
  std::shared_ptr<const Map> whitelist;       // values not asked
  std::shared_ptr<const Map> url_whitelist;   // organisational domains not asked
  std::shared_ptr<const UrlCompose> compose;  // null: links' organisational domains are asked

  std::vector<bool> used_prefixes() const;  // by prefix number: whether a check of it is on
  bool has(RblCheck check) const { return checks & static_cast<uint16_t>(check); }
};

// The rules of the section in order; those that are off or cannot be are left out, and the operator
// was told why. `symbols` names what they may insert; maps and selectors are read by complete().
std::vector<RblRule> read_rbl_rules(CompileContext& context);
// In compile(): ids, maps.
void complete_rbl_rule(CompileContext& context, RblRule& rule);

}  // namespace winnow
