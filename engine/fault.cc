#include "engine/fault.h"

namespace winnow {

namespace {
constexpr std::array<FaultInfo, static_cast<size_t>(Fault::kCount)> kFaults{{
    {Fault::kBoundaryMissing, "MIME_BOUNDARY_MISSING", "multipart without a boundary"},
    {Fault::kBoundaryUnclosed, "MIME_BOUNDARY_UNCLOSED", "multipart is never closed"},
    {Fault::kBoundaryDuplicate, "MIME_BOUNDARY_DUPLICATE", "nested multiparts share a boundary"},
    {Fault::kHeaderDuplicate, "HEADER_DUPLICATE", "a header that may stand once stands twice"},
    {Fault::kHeaderMalformed, "BROKEN_HEADERS", "a line among the headers is no header"},
    {Fault::kHeaderUnterminated, "HEADER_UNTERMINATED", "no empty line ends the headers"},
    {Fault::kHeaderNul, "HEADER_NUL", "a NUL byte in the headers"},
    {Fault::kHeader8Bit, "HEADER_8BIT", "bytes over 127 in the headers that are not UTF-8"},
    {Fault::kEncodedWordBroken, "ENCODED_WORD_BROKEN", "an encoded word does not decode"},
    {Fault::kParameterBroken, "MIME_PARAMETER_BROKEN", "a MIME parameter does not decode"},
    {Fault::kContentTypeBroken, "CONTENT_TYPE_BROKEN", "Content-Type cannot be parsed"},
    {Fault::kTransferEncodingBroken, "TRANSFER_ENCODING_BROKEN",
     "unknown or repeated transfer encoding, or rubbish inside base64"},
    {Fault::kQuotedPrintableBroken, "QUOTED_PRINTABLE_BROKEN", "bad escape in quoted-printable"},
    {Fault::kUuencodeBroken, "UUENCODE_BROKEN", "uuencoded block does not decode"},
    {Fault::kYencBroken, "YENC_BROKEN", "yEnc block does not decode"},
    {Fault::kTnefBroken, "TNEF_BROKEN", "TNEF attachment does not decode"},
    {Fault::kNewlinesMixed, "NEWLINES_MIXED", "CR, LF and CRLF line ends in one message"},
    {Fault::kBodyNul, "BODY_NUL", "a NUL byte in a text"},
    {Fault::kMessageEmpty, "MESSAGE_EMPTY", "the message has no bytes"},
    {Fault::kCharsetUnknown, "CHARSET_UNKNOWN", "unknown charset label"},
    {Fault::kCharsetWrong, "CHARSET_WRONG", "text is not in the charset that its label says"},
    {Fault::kUnicodeBad, "UNICODE_BAD", "zero-width, bidi or invalid characters in text"},
    {Fault::kAddressBroken, "ADDRESS_BROKEN", "an address header cannot be parsed"},
    {Fault::kDateBroken, "DATE_BROKEN",
     "the Date header cannot be read, or is not written as RFC 5322 says"},
    {Fault::kHtmlBroken, "HTML_BROKEN", "HTML with unclosed tags, comments or attributes"},
    {Fault::kArchiveBroken, "ARCHIVE_BROKEN", "an archive cannot be listed to its end"},
    {Fault::kLimitHeaders, "LIMIT_HEADERS", "more headers than headers_max"},
    {Fault::kLimitParts, "LIMIT_PARTS", "more MIME parts than parts_max"},
    {Fault::kLimitDepth, "LIMIT_DEPTH", "MIME nesting deeper than depth_max"},
    {Fault::kLimitAddresses, "LIMIT_ADDRESSES", "more addresses than addresses_max"},
    {Fault::kLimitReceived, "LIMIT_RECEIVED", "more Received headers than received_max"},
    {Fault::kLimitUrls, "LIMIT_URLS", "more URLs than urls_max"},
    {Fault::kLimitWords, "LIMIT_WORDS", "more words than words_max"},
    {Fault::kLimitText, "LIMIT_TEXT", "more text than text_bytes_max"},
    {Fault::kLimitHtml, "LIMIT_HTML", "more HTML tags, attributes or nesting than allowed"},
    {Fault::kLimitEncodedWords, "LIMIT_ENCODED_WORDS", "more encoded words than allowed"},
    {Fault::kLimitArchive, "LIMIT_ARCHIVE", "archive over its limits of members, size or ratio"},
    {Fault::kLimitMatch, "LIMIT_MATCH", "a pattern passed its byte or step limit"},
    {Fault::kLimitQuestions, "LIMIT_QUESTIONS", "more questions than questions_max"},
    {Fault::kLimitHits, "LIMIT_HITS", "more hits than hits_max"},
    {Fault::kAmbiguous, "MIME_AMBIGUOUS", "readable in two ways; both were scanned"},
    {Fault::kPoison, "POISON", "the engine died on this message before"},
}};
}  // namespace

const std::array<FaultInfo, static_cast<size_t>(Fault::kCount)>& fault_table() { return kFaults; }

}  // namespace winnow
