// A batch: up to rows_max messages as columns.
//
// Layout. Every column is a flat array. One-to-many columns are CSR: row r owns
// values[begin[r] .. begin[r+1]); they are filled in row order, one stage after the other, so a
// row's values are contiguous. Logs (symbol hits, atom hits, questions) come from many places
// and are append-only {row, ...}; sealing sorts them by row, stably.
//
// Ownership. Every view points into the batch's arena or into the message's input buffer
// (followed by at least 64 zero bytes) and dies with the batch. Nothing here points from one
// row to another; one-to-many links are 32-bit indices *within the row* unless said otherwise.
//
// Stages, in order, and the columns each fills:
//   intake   rows: raw, envelope
//   parse    headers, parts, addresses, received, facts.*        (engine/mime)
//   content  parts[].detected, archives                          (engine/content, engine/archive)
//   text     texts, html*, then text-side facts                  (engine/text, engine/html)
//   urls     urls, emails, url_spans, texts[].url_bytes          (engine/url)
//   words    words, texts[].language, texts[].folded             (engine/text)
//   derive   derived                                             (rules/checks)
//   match    atom log                                            (engine/match)
//   checks   symbol log, question log                            (rules/checks)
// A batch computes and never waits. It has one owner at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/arena.h"
#include "engine/fault.h"
#include "engine/ids.h"

namespace winnow {

// One-to-many column in row order. `values` of row r: row(r). REQUIRED: rows are closed in
// order with end_row(), one call a row, before the next row's values are added.
template <class T>
struct Csr {
  std::vector<uint32_t> begin{0};
  std::vector<T> values;

  void clear() {
    begin.resize(1);
    values.clear();
  }
  void end_row() { begin.push_back(static_cast<uint32_t>(values.size())); }
  // Values of the row that is being filled.
  std::span<T> open_row() { return std::span<T>(values).subspan(begin.back()); }
  uint32_t rows() const { return static_cast<uint32_t>(begin.size() - 1); }
  std::span<const T> row(uint32_t r) const {
    return std::span<const T>(values).subspan(begin[r], begin[r + 1] - begin[r]);
  }
  std::span<T> row(uint32_t r) {
    return std::span<T>(values).subspan(begin[r], begin[r + 1] - begin[r]);
  }
};

// IPv4 as ::ffff:a.b.c.d, network byte order; family says how it was written.
struct IpAddress {
  uint8_t bytes[16] = {};
  uint8_t family = 0;  // 0 none, 4, 6
  bool valid() const { return family != 0; }
};

// What the SMTP session said. Empty = not known (checks that need it are skipped and say so).
struct Envelope {
  std::string_view from;  // MAIL FROM without <>; empty also for the null sender
  bool from_known = false;
  std::string_view helo;
  std::string_view hostname;  // PTR name of the client as the MTA verified it
  std::string_view user;      // authenticated user
  std::string_view queue_id;
  std::string_view mta_name;  // of the server that asks; the host of Authentication-Results
  IpAddress ip;
  bool headerless = false;  // the message is text, below no header block
  bool own_ip = false;      // `ip` is of the site's own networks (options.local_addrs)
  int64_t now_ms = 0;       // Unix milliseconds: the message's clock (Date checks, records)
};

// What a request says beyond the envelope (HTTP headers of the client, macros of a milter).
struct RequestHeader {
  std::string_view name;  // lower case
  std::string_view value;
};

// --- Headers ------------------------------------------------------------------------------

enum class HeaderFlag : uint8_t {
  kMalformedName = 1,  // bytes RFC 5322 does not allow in a name, or blank before the colon
  kEncoded = 2,        // had at least one RFC 2047 word
  kNoSpace = 4,        // value follows the colon directly
  kTab = 8,            // value separated from the colon by a tab
  kEightBit = 16,      // raw bytes over 127
  kEmptyLine = 32,     // a folded line that is blank only
};

struct Header {
  HeaderId id = kNoId<HeaderId>;  // in the plan's HeaderNames; kNoId = a name nobody asks for
  uint32_t part = 0;              // part whose header block it stands in; 0 = the message's own
  uint32_t order = 0;             // 0-based within its header block
  uint8_t flags = 0;              // HeaderFlag bits
  std::string_view name;          // as written
  std::string_view raw;           // value as on the wire: folds and line ends kept, last one cut
  std::string_view unfolded;      // undecoded, folds to one blank, leading blanks cut (scope X)
  std::string_view decoded;       // RFC 2047 decoded, valid UTF-8, unfolded (scope H)
};

// --- Parts --------------------------------------------------------------------------------

enum class PartKind : uint8_t { kText, kHtml, kMultipart, kMessage, kOther };
enum class TransferEncoding : uint8_t {
  kNone,
  k7bit,
  k8bit,
  kBinary,
  kBase64,
  kQuotedPrintable,
  kUuencode,
  kYenc,
  kUnknown
};
enum class Disposition : uint8_t { kNone, kInline, kAttachment, kOther };

enum class PartFlag : uint16_t {
  kAttachment = 1,   // shown as an attachment: disposition, or a file name on a non-text part
  kVirtual = 2,      // not a MIME part of its own: uuencode, yEnc, TNEF member, PGP body
  kTypeMissing = 4,  // no Content-Type: the default was taken
  kTypeBroken = 8,
  kSecondReading = 16,  // the other reading of an ambiguous structure
  kEncrypted = 32,      // S/MIME enveloped or PGP encrypted
  kSigned = 64,
  kFlowed = 128,  // format=flowed
  kDelSp = 256,
  kTruncated = 512,  // cut by a limit or by the end of the message
};

// What the bytes say (engine/content), beside what the headers claim.
struct DetectedType {
  std::string_view type;       // "application/pdf"; static storage; empty = unknown
  std::string_view extension;  // "pdf"; static storage
};

struct Part {
  uint32_t parent = kNoIndex;  // index within the row; kNoIndex for the root
  uint16_t depth = 0;
  PartKind kind = PartKind::kText;
  TransferEncoding encoding = TransferEncoding::kNone;
  Disposition disposition = Disposition::kNone;
  uint16_t flags = 0;             // PartFlag bits
  uint32_t text = kNoIndex;       // index into the row's texts
  uint32_t archive = kNoIndex;    // index into the row's archives
  Range headers;                  // into the row's headers
  std::string_view type;          // lower case: "text"
  std::string_view subtype;       // lower case: "html"
  std::string_view content_type;  // whole Content-Type value, unfolded; empty if missing
  std::string_view charset;       // as declared, lower case
  std::string_view boundary;
  std::string_view filename;        // decoded UTF-8: Content-Disposition filename, else name
  std::string_view other_filename;  // another name that it is given, of another extension
  std::string_view content_id;      // without <>
  std::string_view encoding_label;  // Content-Transfer-Encoding as declared, lower case
  std::string_view raw_headers;     // header block as on the wire
  std::string_view raw;             // body before transfer decoding, within the message
  std::string_view decoded;         // body after transfer decoding (== raw where identity)
  DetectedType detected;
};

// --- Texts --------------------------------------------------------------------------------

enum class TextFlag : uint16_t {
  kHtml = 1,
  kCharsetDeclared = 2,
  kCharsetGuessed = 4,  // no or unknown label: detection chose
  kRaw = 8,             // no charset fits: windows-1252 stands in
  kZeroWidth = 16,      // has zero-width or bidi control characters
  kAttached = 32,       // text in an attachment beside a body
  kEmpty = 64,          // only blanks
  kEmoji = 128,
};

struct Text {
  uint32_t part = 0;
  uint16_t flags = 0;         // TextFlag bits
  uint32_t html = kNoIndex;   // index into the row's htmls
  std::string_view charset;   // canonical name of the charset that was used; static storage
  std::string_view utf8;      // valid UTF-8, markup in place (scope D)
  std::string_view plain;     // as a reader sees it (texts.h): HTML rendered, lines unfolded, ...
  std::string_view folded;    // plain with case, confusables, spacing, zero-width undone
  std::string_view language;  // ISO 639-1, static storage; empty = not known
  Range words;                // into the row's words
  uint32_t lines = 0;
  uint32_t empty_lines = 0;
  uint32_t spaces = 0;
  uint32_t double_spaces = 0;
  uint32_t non_ascii = 0;  // code points over 127 of plain
  uint32_t letters = 0;
  uint32_t capitals = 0;
  uint32_t digits = 0;
  uint32_t url_bytes = 0;  // of plain that url_spans cover
};

// --- HTML ---------------------------------------------------------------------------------

enum class HtmlFlag : uint32_t {
  kUnbalanced = 1,   // closing tags that do not match
  kUnclosedTag = 2,  // '<' without '>' at the end
  kUnclosedComment = 4,
  kBadAttribute = 8,
  kUnknownTag = 16,
  kXml = 32,
  kDoctype = 64,
  kDuplicateHtml = 128,  // <html>, <head> or <body> more than once
  kDuplicateHead = 256,
  kDuplicateBody = 512,
  kTooManyTags = 1024,
  kTooDeep = 2048,
  kScript = 4096,
  kFormPassword = 8192,
  kDataUrl = 16384,
  kMetaRefresh = 32768,
  kNulByte = 65536,
};

struct Html {
  uint32_t text = 0;   // index into the row's texts
  uint32_t flags = 0;  // HtmlFlag bits
  uint32_t tags = 0;   // opening tags seen
  uint32_t unknown_tags = 0;
  uint32_t comments = 0;
  uint32_t comment_bytes = 0;
  uint32_t style_bytes = 0;
  uint32_t script_bytes = 0;
  uint32_t depth_max = 0;
  uint32_t visible_bytes = 0;      // of rendered text
  uint32_t invisible_bytes = 0;    // hidden by display, visibility, size, opacity, colour
  uint32_t transparent_bytes = 0;  // of those, by colour on colour
  uint32_t invisible_blocks = 0;   // elements that directly hold hidden text
  uint32_t zero_font_blocks = 0;   // of those, by font size 0
  uint64_t tags_seen[3] = {};      // bit per HtmlTag (engine/html/tags.h)
  Range links;                     // into the row's html_links
  Range images;                    // into the row's html_images
  Range forms;                     // into the row's html_forms
  std::string_view title;
  std::string_view base;       // <base href>
  std::string_view refresh;    // target of <meta http-equiv=refresh>
  std::string_view invisible;  // the hidden text itself, bounded
};

struct HtmlLink {
  uint32_t html = 0;
  uint16_t tag = 0;  // HtmlTag: a, area, link, form, img, ...
  bool invisible = false;
  std::string_view href;  // entity-decoded, trimmed
  std::string_view text;  // what is displayed inside, blanks collapsed
  Range plain;            // bytes of Text::plain it covers
};

struct HtmlImage {
  uint32_t html = 0;
  int32_t width = -1;  // CSS pixels; -1 not given
  int32_t height = -1;
  bool embedded = false;  // cid: or data:
  bool linked = false;    // inside <a href>
  std::string_view src;
  std::string_view alt;
};

struct HtmlForm {
  uint32_t html = 0;
  bool password = false;  // has an <input type=password>
  uint16_t inputs = 0;
  std::string_view action;
  std::string_view method;
};

// --- URLs and addresses ---------------------------------------------------------------------

enum class UrlFlag : uint32_t {  // facts/received-and-text.md, "URL flags"
  kPhished = 1 << 0,
  kHtmlDisplayed = 1 << 1,
  kUrlDisplayed = 1 << 2,
  kObscured = 1 << 3,
  kNumeric = 1 << 4,
  kNoTld = 1 << 5,
  kZeroWidth = 1 << 6,
  kIdn = 1 << 7,
  kHasPort = 1 << 8,
  kHasUser = 1 << 9,
  kMissingSlashes = 1 << 10,
  kSchemaless = 1 << 11,
  kHostEncoded = 1 << 12,
  kPathEncoded = 1 << 13,
  kQueryEncoded = 1 << 14,
  kUserEncoded = 1 << 15,
  kUnnormalised = 1 << 16,
  kText = 1 << 17,
  kSubject = 1 << 18,
  kImage = 1 << 19,
  kSpecial = 1 << 20,
  kQuery = 1 << 21,
  kContent = 1 << 22,
  kRedirected = 1 << 23,
  kRedirectTarget = 1 << 24,
  kInvisible = 1 << 25,
  kTruncated = 1 << 26,
  kHtml = 1 << 27,           // from HTML
  kHeader = 1 << 28,         // from a header other than Subject
  kFromDisplayed = 1 << 29,  // phished: `shown` is what was displayed
  kCalendar = 1 << 30,
};

enum class UrlScheme : uint8_t {
  kHttp,
  kHttps,
  kFtp,
  kMailto,
  kTel,
  kFile,
  kData,
  kJavascript,
  kOther
};

// A distinct URL of the message: the same normalised URL is counted, not repeated.
struct Url {
  UrlScheme scheme = UrlScheme::kHttp;
  uint16_t port = 0;   // 0 = not given
  uint32_t flags = 0;  // UrlFlag bits, or-ed over all places where it stands
  uint32_t count = 1;
  uint32_t part = 0;        // of its first place
  uint32_t order = 0;       // order of first appearance
  uint64_t hash = 0;        // xxh3 of `normal`
  std::string_view found;   // as found
  std::string_view normal;  // normalised whole URL (scope U)
  std::string_view user;
  std::string_view host;    // lower case, IDN as A-label; an IP in dotted form
  std::string_view domain;  // organisational domain (eTLD+1); == host for an IP
  std::string_view tld;     // public suffix
  std::string_view path;    // without the leading slash
  std::string_view query;
  std::string_view fragment;
  std::string_view shown;  // displayed link text, where it looks like a URL or kPhished
  std::string_view shown_domain;
};

struct Email {         // address found in bodies, links or headers other than the address headers
  uint32_t flags = 0;  // UrlFlag bits
  uint32_t count = 1;
  uint32_t part = 0;
  std::string_view address;  // user@host, host lower case
  std::string_view user;
  std::string_view host;
  std::string_view domain;  // organisational
};

// One place in a text where a URL stands, by address or as a link's displayed text; the words
// stage makes one token of it. In order of (text, begin), without overlap.
struct UrlSpan {
  uint32_t text = 0;   // index into the row's texts
  uint32_t begin = 0;  // bytes of Text::plain
  uint32_t end = 0;
  uint32_t url = kNoIndex;  // index into the row's urls; kNoIndex = a mail address
};

enum class AddressField : uint8_t {
  kFrom,
  kSender,
  kReplyTo,
  kTo,
  kCc,
  kBcc,
  kReturnPath,
  kErrorsTo,
  kDispositionNotificationTo,
  kResentFrom,
  kResentTo,
  kDeliveredTo,
  kListId,
  kCount
};

struct Address {
  AddressField field = AddressField::kFrom;
  bool valid = false;        // parses as RFC 5322/6532 addr-spec
  bool group = false;        // member of a group
  uint32_t header = 0;       // index into the row's headers
  std::string_view name;     // display name, decoded, unquoted
  std::string_view address;  // local@domain, domain lower case; empty when only a name stands
  std::string_view local;
  std::string_view domain;  // lower case
  std::string_view raw;     // this address as written
};

enum class ReceivedFlag : uint8_t { kTls = 1, kAuthenticated = 2, kArtificial = 4, kSsl = 8 };

struct Received {
  uint8_t flags = 0;               // ReceivedFlag bits
  uint32_t header = kNoIndex;      // index into the row's headers
  IpAddress from_ip;               // address in the from clause's comment, else literal
  IpAddress real_ip;               // address the receiving host saw
  int64_t time = 0;                // Unix seconds; 0 = none
  std::string_view from_hostname;  // name the client gave (HELO)
  std::string_view real_hostname;  // name by reverse lookup
  std::string_view by_hostname;
  std::string_view for_address;
  std::string_view protocol;  // "esmtps", lower case
  std::string_view id;
};

// --- Archives -------------------------------------------------------------------------------

struct Archive {
  uint32_t part = 0;
  bool encrypted = false;   // any member, or the list itself
  bool truncated = false;   // a limit was passed or the archive is broken
  bool unreadable = false;  // the list itself is encrypted: no member is known
  bool misnamed = false;    // its file name's extension says another kind of archive
  uint64_t packed_bytes = 0;
  std::string_view format;  // "zip", "rar", "7z", "tar", "gzip"; static storage
  uint64_t unpacked_bytes = 0;
  Range members;  // into the row's archive_members
};

struct ArchiveMember {
  std::string_view name;  // valid UTF-8
  uint64_t size = 0;      // unpacked, as the archive claims
  uint64_t packed = 0;    // bytes it takes in the archive; 0 = not known
  uint8_t depth = 0;      // 0 = in the archive itself, 1 = in an archive inside it, ...
  bool encrypted = false;
  bool directory = false;
  bool obfuscated = false;  // its name holds control, zero-width or undecodable characters
};

// --- Words ----------------------------------------------------------------------------------

enum class WordFlag : uint8_t {
  kText = 1,
  kException = 2,
  kStop = 4,
  kInvisible = 8,
  kBroken = 16,
  kEmoji = 32,
  kName = 64,  // of From's name
  kHeader = 128
};

struct Word {
  uint32_t offset = 0;      // of the raw word in Text::plain (or in the meta text)
  uint16_t length = 0;      // bytes
  uint8_t flags = 0;        // WordFlag bits
  uint8_t script = 0;       // engine/text/script.h
  uint64_t hash = 0;        // of `stem`; the one hash of the word, reused everywhere
  std::string_view normal;  // NFKC, lower case, letters, marks, digits, ... only
  std::string_view stem;
};

// --- Derived texts ---------------------------------------------------------------------------

// A text that a check makes of columns for patterns to be asked of, as From's display name or a
// whole text as one line: scope kSelector.
struct DerivedText {
  uint32_t selector = 0;  // which kind: a number given out when rules are compiled
  std::string_view text;
};

// --- Facts and logs -------------------------------------------------------------------------

enum class Newlines : uint8_t { kLf, kCrLf, kCr, kMixed, kNone };

struct Facts {  // one a row
  Faults faults;
  uint32_t size = 0;         // bytes of the raw message
  uint32_t body_offset = 0;  // first byte after the header block
  uint32_t body_lines = 0;
  Newlines newlines = Newlines::kNone;
  int64_t date = 0;           // Date header, Unix seconds; 0 = none or broken
  int32_t date_zone_min = 0;  // its zone, minutes east
  bool has_date = false;
  uint32_t subject = kNoIndex;  // index of the first Subject among the row's headers
  uint32_t message_id = kNoIndex;
  uint32_t root_headers = 0;          // headers of the message itself (prefix of its header row)
  std::string_view message_id_value;  // without <>
  uint8_t digest[16] = {};            // engine/hash; zero where nobody asked for it
};

// Where in a message something was found; all zero = nowhere in particular.
enum class ScopeKind : uint8_t {
  kNowhere,
  kHeader,
  kRawHeader,
  kMimeHeader,
  kAllHeaders,
  kBody,
  kPart,
  kRawPart,
  kSaBody,
  kSaRawBody,
  kUrl,
  kEmail,
  kWord,
  kRawWord,
  kStemWord,
  kFolded,
  kSelector,
  kFilename,
};
struct Where {
  ScopeKind scope = ScopeKind::kNowhere;
  uint32_t item = 0;   // index within the row of the header, part, text, URL, word, ...
  uint32_t begin = 0;  // bytes within that item; 0,0 = all of it or not located
  uint32_t end = 0;
};

struct AtomHit {  // a pattern matched or a function was true
  uint32_t row;
  AtomId atom;
  uint32_t count;  // 1 unless the pattern counts, or stands for more texts (match.h)
  Where where;     // first place; with PatternFlag::kEachText the place of this hit
};

struct SymbolHit {  // a check inserted a symbol
  uint32_t row;
  SymbolId symbol;
  double weight;            // dynamic weight, multiplied with the static one
  std::string_view option;  // empty = none
  Where where;
};

struct Batch {
  // REQUIRED of `raw`: followed by kPadding readable zero bytes; outlives the batch's stages.
  static constexpr size_t kPadding = 64;

  explicit Batch(size_t arena_block = 256 * 1024) : arena(arena_block) {}
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  uint32_t rows = 0;
  Arena arena;
  // Kinds of questions (1 << QuestionKind) of which every answer will be unknown: what only such
  // an answer would need may be left out. Stays over clear().
  uint32_t silent = 0;

  // intake
  std::vector<std::string_view> raw;  // [rows] message bytes
  std::vector<uint64_t> sequence;     // [rows] position in the input order
  std::vector<Envelope> envelopes;    // [rows]
  Csr<std::string_view> recipients;   // RCPT TO without <>
  Csr<RequestHeader> request_headers;
  // parse
  std::vector<Facts> facts;  // [rows]
  Csr<Header> headers;       // root's first, then part by part
  Csr<Part> parts;           // pre-order; 0 = root
  Csr<Address> addresses;    // in header order
  Csr<Received> received;    // topmost first
  // content
  Csr<Archive> archives;
  Csr<ArchiveMember> archive_members;
  // text
  Csr<Text> texts;
  Csr<Html> htmls;
  Csr<HtmlLink> html_links;
  Csr<HtmlImage> html_images;
  Csr<HtmlForm> html_forms;
  // urls
  Csr<Url> urls;
  Csr<Email> emails;
  Csr<UrlSpan> url_spans;
  // words
  Csr<Word> words;                // text by text; then the meta words
  std::vector<Range> meta_words;  // [rows] into the row's words
  // derive
  Csr<DerivedText> derived;
  // logs
  std::vector<AtomHit> atoms;
  std::vector<SymbolHit> symbols;

  // Adds a message; the stages have not run yet. Views must outlive the batch's work.
  void add(std::string_view message, uint64_t seq, const Envelope& envelope,
           std::span<const std::string_view> rcpts, std::span<const RequestHeader> request = {});
  // Empties every column and the arena; capacity stays (bounded by the arena's keep_bytes).
  void clear();
  // Bytes held from the heap, columns and arena.
  size_t reserved_bytes() const;
};

}  // namespace winnow
