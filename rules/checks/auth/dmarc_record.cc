#include "rules/checks/auth/dmarc_record.h"

#include "rules/checks/auth/tag_list.h"

namespace winnow {

namespace {

bool read_policy(std::string_view value, DmarcPolicy& policy) {
  for (const DmarcPolicy one : {DmarcPolicy::kNone, DmarcPolicy::kQuarantine, DmarcPolicy::kReject})
    if (equal_caseless(value, policy_text(one))) {
      policy = one;
      return true;
    }
  return false;
}

}  // namespace

std::string_view policy_text(DmarcPolicy policy) {
  static constexpr std::string_view kTexts[] = {"none", "quarantine", "reject"};
  return kTexts[static_cast<size_t>(policy)];
}

DmarcParse parse_dmarc_record(std::string_view text, DmarcRecord& record) {
  record = {};
  TagReader tags(text);
  Tag tag;
  if (!tags.next(tag) || !equal_caseless(tag.name, "v") || tag.value != "DMARC1")
    return DmarcParse::kNoRecord;
  bool has_policy = false, has_subdomain = false, has_absent = false;
  while (tags.next(tag)) {
    if (equal_caseless(tag.name, "p")) {
      has_policy = read_policy(tag.value, record.policy);
      if (!has_policy && record.bad_policy.empty()) record.bad_policy = tag.value;
    } else if (equal_caseless(tag.name, "sp")) {
      has_subdomain |= read_policy(tag.value, record.subdomain_policy);
    } else if (equal_caseless(tag.name, "np")) {
      has_absent |= read_policy(tag.value, record.absent_policy);
    } else if (equal_caseless(tag.name, "psd")) {
      record.psd = equal_caseless(tag.value, "y")   ? DmarcPsd::kYes
                   : equal_caseless(tag.value, "n") ? DmarcPsd::kNo
                                                    : DmarcPsd::kUnsaid;
    } else if (equal_caseless(tag.name, "t")) {
      record.is_test = equal_caseless(tag.value, "y");
    } else if (equal_caseless(tag.name, "rua")) {
      record.has_reports = find_caseless(tag.value, "mailto:") != std::string_view::npos;
      if (record.has_reports) record.rua = tag.value;
    } else if (equal_caseless(tag.name, "adkim")) {
      record.strict_dkim = equal_caseless(tag.value, "s");
    } else if (equal_caseless(tag.name, "aspf")) {
      record.strict_spf = equal_caseless(tag.value, "s");
    } else if (equal_caseless(tag.name, "pct")) {
      unsigned percent = 0;
      const char* const end = tag.value.data() + tag.value.size();
      const auto read = std::from_chars(tag.value.data(), end, percent);
      if (read.ec == std::errc() && read.ptr == end && percent <= 100)
        record.percent = static_cast<uint8_t>(percent);
    }
  }
  if (!has_subdomain) record.subdomain_policy = record.policy;
  if (!has_absent) record.absent_policy = record.subdomain_policy;
  return has_policy && record.bad_policy.empty() ? DmarcParse::kGood : DmarcParse::kBadPolicy;
}

}  // namespace winnow
