// Every check there is, one line each, in the order in which they run within their phase.
#include <array>

#include "rules/checks/check.h"

namespace winnow {

extern const Check kAddressLists;
extern const Check kAliases;
extern const Check kArc;
extern const Check kArchivesCheck;
extern const Check kAsnCheck;
extern const Check kBayes;
extern const Check kGreylist;
extern const Check kBitcoin;
extern const Check kBounce;
extern const Check kChartable;
extern const Check kConfirmations;
extern const Check kDkim;
extern const Check kDkimSigning;
extern const Check kDmarc;
extern const Check kForgedRecipients;
extern const Check kForwarding;
extern const Check kFromCheck;
extern const Check kGtube;
extern const Check kHfilter;
extern const Check kHiddenUrls;
extern const Check kHtmlMake;
extern const Check kHtmlShape;
extern const Check kLinkOwner;
extern const Check kMailingList;
extern const Check kHttpHeaders;
extern const Check kBimi;
extern const Check kManner;
extern const Check kMessageIdCheck;
extern const Check kMetadataExporter;
extern const Check kMilterHeaders;
extern const Check kMimeStructure;
extern const Check kMimeTypes;
extern const Check kOnceReceived;
extern const Check kMultimap;
extern const Check kMxCheck;
extern const Check kPartsDiffer;
extern const Check kPath;
extern const Check kPdf;
extern const Check kPhishingFeeds;
extern const Check kRbl;
extern const Check kReader;
extern const Check kReceivedCheck;
extern const Check kRecipientOrder;
extern const Check kRecipients;
extern const Check kReplyToCheck;
extern const Check kSealedParts;
extern const Check kPriority;
extern const Check kServiceAccounts;
extern const Check kSpamtrap;
extern const Check kSpf;
extern const Check kSubjectCheck;
extern const Check kUniqueHeaders;
extern const Check kUrlSuspect;
extern const Check kWhitelist;

std::span<const Check* const> all_checks() {
  static constexpr std::array kChecks{
      &kMultimap,
      &kUniqueHeaders,
      &kFromCheck,
      &kReplyToCheck,
      &kRecipients,
      &kRecipientOrder,
      &kForgedRecipients,
      &kReceivedCheck,
      &kOnceReceived,
      &kPath,
      &kHfilter,
      &kMessageIdCheck,
      &kSubjectCheck,
      &kMailingList,
      &kBounce,
      &kConfirmations,
      &kPriority,
      &kServiceAccounts,
      &kForwarding,
      &kAliases,
      &kDkimSigning,  // before arc: its seal covers our signature
      &kArc,
      &kArchivesCheck,
      &kSealedParts,
      &kPdf,
      &kMimeStructure,
      &kMimeTypes,
      &kPartsDiffer,
      &kHtmlShape,
      &kHtmlMake,
      &kManner,
      &kReader,
      &kAddressLists,
      &kBitcoin,
      &kChartable,
      &kGtube,
      &kHiddenUrls,
      &kUrlSuspect,
      &kLinkOwner,
      // Who sent it.
      &kHttpHeaders,  // before those that are silent where it speaks
      &kSpf,
      &kDkim,
      &kDmarc,
      &kBimi,
      // What lists say of it.
      &kRbl,
      &kAsnCheck,
      &kMxCheck,
      &kPhishingFeeds,
      &kWhitelist,
      &kSpamtrap,
      // What was learnt.
      &kBayes,
      // What is remembered of senders.
      &kGreylist,
      // What is written into the message.
      &kMilterHeaders,
      // Who is told of it.
      &kMetadataExporter,
  };
  return kChecks;
}

}  // namespace winnow
