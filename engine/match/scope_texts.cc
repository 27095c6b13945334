#include "engine/match/scope_texts.h"

#include <algorithm>
#include <cstring>

#include "engine/ascii.h"
#include "engine/match/pattern.h"

namespace winnow {

std::string_view flatten(std::string_view text, TextRoom& room) {
  if (text.empty()) return {};
  room.resize(text.size());
  char* out = room.data();
  const char* at = text.data();
  const char* const end = at + text.size();
  if (std::memchr(at, '\r', text.size()) == nullptr) {
    // Texts of the text stage end their lines with LF alone: nothing moves.
    std::memcpy(out, at, text.size());
    char* const out_end = out + text.size();
    while (out != out_end && (out = static_cast<char*>(std::memchr(out, '\n', out_end - out)))) {
      *out++ = ' ';
    }
    return {room.data(), text.size()};
  }
  while (at != end) {
    const char c = *at++;
    if (c == '\r' && at != end && *at == '\n') ++at;
    *out++ = c == '\r' || c == '\n' ? ' ' : c;
  }
  return {room.data(), static_cast<size_t>(out - room.data())};
}

std::string_view utf8_head(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && bytes_max - end < 3 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

bool is_named_letter(std::span<const Part> parts, uint32_t index) {
  const Part& part = parts[index];
  const std::string_view name = part.filename;
  const std::string_view extension = name.substr(std::min(name.rfind('.'), name.size()));
  if (!equal_caseless(extension, ".html") && !equal_caseless(extension, ".htm")) return false;
  const bool attached = (part.flags & static_cast<uint16_t>(PartFlag::kAttachment)) != 0;
  if (attached || part.kind != PartKind::kHtml) return false;
  // A multipart within another is as far from its beginning as the first part of it is.
  for (uint32_t at = index; parts[at].parent != kNoIndex; at = parts[at].parent) {
    const Part& parent = parts[parts[at].parent];
    if (parent.subtype != "alternative" && at != parts[at].parent + 1) return false;
    if (parent.kind == PartKind::kMessage) break;
  }
  return true;
}

std::string_view word_text(ScopeKind scope, std::string_view source, const Word& word) {
  switch (scope) {
    case ScopeKind::kWord:
      return word.normal;
    case ScopeKind::kStemWord:
      return word.stem;
    default:
      return word.offset <= source.size() ? source.substr(word.offset, word.length)
                                          : std::string_view();
  }
}

MetaTexts meta_texts(const Batch& batch, uint32_t row) {
  MetaTexts out;
  const std::span<const Header> headers = batch.headers.row(row);
  const uint32_t subject = batch.facts[row].subject;
  if (subject < headers.size()) out.subject = headers[subject].decoded;
  const std::span<const Address> addresses = batch.addresses.row(row);
  const auto from = std::ranges::find(addresses, AddressField::kFrom, &Address::field);
  if (from != addresses.end()) out.name = from->name;
  return out;
}

bool scope_is_filled(ScopeKind scope, const Batch& batch) {
  const auto full = [&](const auto& column) { return column.rows() >= batch.rows; };
  switch (scope) {
    case ScopeKind::kHeader:
    case ScopeKind::kRawHeader:
    case ScopeKind::kMimeHeader:
      return full(batch.headers);
    case ScopeKind::kAllHeaders:
      return full(batch.parts);
    case ScopeKind::kBody:
      return true;
    case ScopeKind::kPart:
    case ScopeKind::kSaRawBody:
    case ScopeKind::kFolded:
      return full(batch.texts);
    case ScopeKind::kSaBody:
      return full(batch.texts) && full(batch.headers);
    case ScopeKind::kRawPart:
      return full(batch.parts) && full(batch.texts);
    case ScopeKind::kUrl:
      return full(batch.urls);
    case ScopeKind::kEmail:
      return full(batch.emails);
    case ScopeKind::kWord:
    case ScopeKind::kRawWord:
    case ScopeKind::kStemWord:
      return full(batch.words) && full(batch.texts);
    case ScopeKind::kSelector:
      return full(batch.derived);
    case ScopeKind::kFilename:
      return full(batch.parts) && full(batch.archive_members);
    default:
      return false;
  }
}

std::string_view scope_text(const Batch& batch, uint32_t row, const Where& where, TextRoom& room) {
  std::string_view found;
  const auto take = [&](uint32_t item, std::string_view text) {
    if (item == where.item) found = text;
  };
  if (where.scope == ScopeKind::kUrl) {
    const std::span<const Url> urls = batch.urls.row(row);
    if (where.item < urls.size()) return decoded_url(urls[where.item].normal, room);
    const size_t url = where.item - urls.size();
    return url < urls.size() ? urls[url].normal : std::string_view();
  }
  if (is_header_scope(where.scope)) {
    const std::span<const Header> headers = batch.headers.row(row);
    return where.item < headers.size() ? header_text(where.scope, headers[where.item])
                                       : std::string_view();
  }
  if (where.scope == ScopeKind::kSelector) {
    const std::span<const DerivedText> derived = batch.derived.row(row);
    return where.item < derived.size() ? derived[where.item].text : std::string_view();
  }
  if (is_word_scope(where.scope)) {
    each_word(where.scope, batch, row, take);
  } else if (where.scope == ScopeKind::kSaBody) {
    // Each text of this scope is built in `room`: the last one asked for must be the one wanted.
    const std::span<const Text> texts = batch.texts.row(row);
    const uint32_t subject = batch.facts[row].subject;
    if (where.item == 0 && subject != kNoIndex) {
      return flatten(batch.headers.row(row)[subject].decoded, room);
    }
    if (where.item > 0 && where.item <= texts.size()) {
      return flatten(texts[where.item - 1].plain, room);
    }
  } else {
    each_text(where.scope, batch, row, true, room, take);
  }
  return found;
}

}  // namespace winnow
