// The tags of HTML: ids, and what a reader of the page must know of each. One row a tag in tags.cc.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace winnow {

// Of the living standard, of what it declared obsolete, and the few of SVG that carry targets.
// Values are bits of Html::tags_seen; kUnknown is every other name.
enum class HtmlTag : uint8_t {
  kUnknown,
  kA,
  kAbbr,
  kAcronym,
  kAddress,
  kApplet,
  kArea,
  kArticle,
  kAside,
  kAudio,
  kB,
  kBase,
  kBasefont,
  kBdi,
  kBdo,
  kBgsound,
  kBig,
  kBlink,
  kBlockquote,
  kBody,
  kBr,
  kButton,
  kCanvas,
  kCaption,
  kCenter,
  kCircle,
  kCite,
  kCode,
  kCol,
  kColgroup,
  kData,
  kDatalist,
  kDd,
  kDel,
  kDetails,
  kDfn,
  kDialog,
  kDir,
  kDiv,
  kDl,
  kDt,
  kEm,
  kEmbed,
  kFieldset,
  kFigcaption,
  kFigure,
  kFont,
  kFooter,
  kForm,
  kFrame,
  kFrameset,
  kG,
  kH1,
  kH2,
  kH3,
  kH4,
  kH5,
  kH6,
  kHead,
  kHeader,
  kHgroup,
  kHr,
  kHtml,
  kI,
  kIframe,
  kImage,
  kImg,
  kInput,
  kIns,
  kIsindex,
  kKbd,
  kKeygen,
  kLabel,
  kLegend,
  kLi,
  kLink,
  kListing,
  kMain,
  kMap,
  kMark,
  kMarquee,
  kMath,
  kMenu,
  kMeta,
  kMeter,
  kNav,
  kNextid,
  kNobr,
  kNoembed,
  kNoframes,
  kNoscript,
  kObject,
  kOl,
  kOptgroup,
  kOption,
  kOutput,
  kP,
  kParam,
  kPath,
  kPicture,
  kPlaintext,
  kPre,
  kProgress,
  kQ,
  kRb,
  kRp,
  kRt,
  kRtc,
  kRuby,
  kS,
  kSamp,
  kScript,
  kSearch,
  kSection,
  kSelect,
  kSlot,
  kSmall,
  kSource,
  kSpacer,
  kSpan,
  kStrike,
  kStrong,
  kStyle,
  kSub,
  kSummary,
  kSup,
  kSvg,
  kTable,
  kTbody,
  kTd,
  kTemplate,
  kTextarea,
  kTfoot,
  kTh,
  kThead,
  kTime,
  kTitle,
  kTr,
  kTrack,
  kTt,
  kU,
  kUl,
  kUse,
  kVar,
  kVideo,
  kWbr,
  kXml,
  kXmp,
  kCount
};
static_assert(static_cast<int>(HtmlTag::kCount) <= 192);

// The id of a tag's name in any case; kUnknown if it is none.
HtmlTag html_tag(std::string_view name);
// The same where bytes up to `readable` may be loaded: faster.
HtmlTag html_tag(std::string_view name, const char* readable);

// Lower-case name; empty for kUnknown. Static storage.
std::string_view html_tag_name(HtmlTag tag);

constexpr bool has_tag(const uint64_t (&seen)[3], HtmlTag tag) {
  const auto bit = static_cast<unsigned>(tag);
  return seen[bit >> 6] >> (bit & 63) & 1;
}
constexpr void set_tag(uint64_t (&seen)[3], HtmlTag tag) {
  const auto bit = static_cast<unsigned>(tag);
  seen[bit >> 6] |= uint64_t{1} << (bit & 63);
}

enum HtmlTagTrait : uint8_t {
  kTagVoid = 1,          // has no content and no closing tag
  kTagBlock = 2,         // starts and ends a line
  kTagRaw = 4,           // its content is no markup and is not shown
  kTagRcdata = 8,        // its content is text and entities only
  kTagOptionalEnd = 16,  // may be left unclosed
  kTagBarrier = 32,      // a closing tag inside it does not reach beyond it
  kTagPre = 64,          // blanks and line ends inside count
  kTagHidden = 128,      // is not shown
};
extern const std::array<uint8_t, static_cast<size_t>(HtmlTag::kCount)> kHtmlTagTraits;
inline uint8_t tag_traits(HtmlTag tag) { return kHtmlTagTraits[static_cast<size_t>(tag)]; }

}  // namespace winnow
