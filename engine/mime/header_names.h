// Names of headers as dense ids. The first kKnownHeaders ids are fixed (enum Known), so that the
// engine can name them; rules add the others they read when they are compiled. Look-up is
// case-insensitive and happens once a header line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/ids.h"

namespace winnow {

namespace known {
// Order is the id; kNames in header_names.cc has the same order.
enum Known : uint32_t {
  kFrom,
  kTo,
  kCc,
  kBcc,
  kSubject,
  kDate,
  kMessageId,
  kReplyTo,
  kSender,
  kReturnPath,
  kReceived,
  kInReplyTo,
  kReferences,
  kMimeVersion,
  kContentType,
  kContentTransferEncoding,
  kContentDisposition,
  kContentId,
  kContentDescription,
  kContentLocation,
  kXMailer,
  kUserAgent,
  kListId,
  kListUnsubscribe,
  kListUnsubscribePost,
  kListPost,
  kListHelp,
  kListOwner,
  kListSubscribe,
  kListArchive,
  kPrecedence,
  kAutoSubmitted,
  kErrorsTo,
  kDeliveredTo,
  kXOriginalTo,
  kDispositionNotificationTo,
  kReturnReceiptTo,
  kDkimSignature,
  kArcSeal,
  kArcMessageSignature,
  kArcAuthenticationResults,
  kAuthenticationResults,
  kReceivedSpf,
  kXPriority,
  kXMsmailPriority,
  kImportance,
  kXMimeOle,
  kThreadTopic,
  kThreadIndex,
  kResentFrom,
  kResentTo,
  kResentDate,
  kResentMessageId,
  kResentSender,
  kXSpamFlag,
  kXSpam,
  kXOriginatingIp,
  kXPhpScript,
  kXPhpOriginatingScript,
  kXSource,
  kXSourceArgs,
  kXSourceDir,
  kXAntiabuse,
  kXAuthenticatedSender,
  kXAuthenticatedUser,
  kOrganization,
  kLines,
  kStatus,
  kCount
};
}  // namespace known
constexpr uint32_t kKnownHeaders = known::kCount;

constexpr HeaderId header_id(known::Known name) { return static_cast<HeaderId>(name); }

class HeaderNames {
 public:
  HeaderNames();
  // Id of `name`, any case; kNoId where nobody asks for it. Does not allocate.
  HeaderId find(std::string_view name) const;
  // Id of `name`, added if new. REQUIRED: only while rules are compiled.
  HeaderId add(std::string_view name);
  std::string_view name(HeaderId id) const { return names_[index(id)]; }
  uint32_t size() const { return static_cast<uint32_t>(names_.size()); }

 private:
  void place(uint32_t id);
  void rehash(size_t slots);
  std::vector<std::string> names_;
  std::vector<uint32_t> slots_;  // open addressing, power of two; kNoIndex = empty
};

}  // namespace winnow
