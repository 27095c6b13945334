// The steps of a selector, as its parser names them and its run takes them.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace winnow::selector_steps {

constexpr uint8_t kFieldsMax = 8;  // that one value is made of

enum class Take : uint8_t {
  kConstant,
  kIp,
  kFrom,
  kRcpts,
  kTo,
  kUser,
  kHelo,
  kHostname,
  kHeader,
  kUrls,
  kMapUrls,
  kEmails,
  kMessageId,
  kQueueId,
  kFiles,
  kReceived,
  kReceivedCount,
  kAuthenticated,
  kLanguages,
  kAttachments,
  kDigest,
  kTime,
  kWords,
  kRequestHeader,
};

enum class Change : uint8_t {
  kField,  // of an address or a URL; the argument is its name
  kFields,
  kLower,
  kFirst,
  kLast,
  kNth,
  kTakeN,
  kDropN,
  kJoin,
  kJoinFields,
  kSort,
  kUniq,
  kDigest,
  kSubstring,
  kPrepend,
  kAppend,
  kRegexp,
  kFilterMap,
  kExceptMap,
  kApplyMap,
  kEqual,
  kIn,
  kNotIn,
  kInverse,
  kId,
  kIpMask,
  kOrganisation,
  kSame,
};

inline std::optional<int64_t> whole(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace winnow::selector_steps
