// Which texts of a message a scope has, in which order: one place for the matcher, its tests and
// `explain`. Facts: facts/scoring.md "Types". What `item` counts is said beside each scope.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/content/content.h"
#include "engine/url/decoded.h"

namespace winnow {

// Room for texts that stand nowhere as one piece; keeps its capacity.
using TextRoom = std::vector<char>;

// `text` with line breaks (CRLF, CR, LF) as one blank each, in `room`.
std::string_view flatten(std::string_view text, TextRoom& room);

// The text of `word`, which was cut out of `source`, in the given word scope.
std::string_view word_text(ScopeKind scope, std::string_view source, const Word& word);

// What meta words were cut out of.
struct MetaTexts {
  std::string_view subject;
  std::string_view name;  // of the first From
};
MetaTexts meta_texts(const Batch& batch, uint32_t row);

// Did the stages run that fill the columns this scope reads? A scope whose columns are empty has
// no texts.
bool scope_is_filled(ScopeKind scope, const Batch& batch);

// What patterns see of a text in an attachment, where the configuration does not ask for all of it:
// a letter that was sent as a file, not what a log or a patch holds.
constexpr size_t kAttachedBytesMax = 16 * 1024;
// The first `bytes_max` bytes, or up to three fewer where they would end inside a UTF-8 sequence.
std::string_view utf8_head(std::string_view text, size_t bytes_max);

// Whether a part with a name is the letter itself rather than a file in it: a page named as such
// that is no attachment and is what its message begins with: it, and each multipart around it, is
// the first of what holds it or one side of an alternative.
bool is_named_letter(std::span<const Part> parts, uint32_t index);

// Calls f(item, text) for each text of a scope that is neither a header, nor words, nor derived. A
// text is valid only during its call. `attached`: texts in attachments are given whole.
template <class F>
void each_text(ScopeKind scope, const Batch& batch, uint32_t row, bool attached, TextRoom& room,
               F&& f) {
  const auto seen = [attached](const Text& text, std::string_view bytes) {
    const bool whole = attached || !(text.flags & static_cast<uint16_t>(TextFlag::kAttached));
    return whole ? bytes : utf8_head(bytes, kAttachedBytesMax);
  };
  const std::span<const Text> texts =
      row < batch.texts.rows() ? batch.texts.row(row) : std::span<const Text>{};
  switch (scope) {
    case ScopeKind::kAllHeaders: {  // item: part 0
      const std::span<const Part> parts = batch.parts.row(row);
      f(0u, parts.empty() ? batch.raw[row].substr(0, batch.facts[row].body_offset)
                          : parts[0].raw_headers);
      break;
    }
    case ScopeKind::kBody:  // item: 0, the whole message
      f(0u, batch.raw[row]);
      break;
    case ScopeKind::kPart:  // item: text
      for (uint32_t i = 0; i < texts.size(); ++i) f(i, seen(texts[i], texts[i].plain));
      break;
    case ScopeKind::kSaRawBody:  // item: text
      for (uint32_t i = 0; i < texts.size(); ++i) f(i, seen(texts[i], texts[i].utf8));
      break;
    case ScopeKind::kFolded:  // item: text
      for (uint32_t i = 0; i < texts.size(); ++i) f(i, seen(texts[i], texts[i].folded));
      break;
    case ScopeKind::kSaBody: {  // item: 0 the Subject, then text + 1
      const uint32_t subject = batch.facts[row].subject;
      if (subject != kNoIndex) f(0u, flatten(batch.headers.row(row)[subject].decoded, room));
      for (uint32_t i = 0; i < texts.size(); ++i)
        f(i + 1, flatten(seen(texts[i], texts[i].plain), room));
      break;
    }
    case ScopeKind::kRawPart: {  // item: part; only parts that are text
      const std::span<const Part> parts = batch.parts.row(row);
      for (uint32_t i = 0; i < parts.size(); ++i) {
        const uint32_t text = parts[i].text;
        if (text < texts.size() && !is_svg_page(parts[i])) f(i, seen(texts[text], parts[i].raw));
      }
      break;
    }
    // item: url, its escapes decoded; then number of urls + url, where its normal form is another.
    case ScopeKind::kUrl: {
      const std::span<const Url> urls = batch.urls.row(row);
      const auto count = static_cast<uint32_t>(urls.size());
      for (uint32_t i = 0; i < count; ++i) {
        const bool image = (urls[i].flags & static_cast<uint32_t>(UrlFlag::kImage)) != 0;
        if (urls[i].scheme == UrlScheme::kMailto || image) continue;
        const std::string_view read = decoded_url(urls[i].normal, room);
        const bool two = read != urls[i].normal;
        f(i, read);
        if (two) f(count + i, urls[i].normal);
      }
      break;
    }
    case ScopeKind::kEmail: {  // item: email
      const std::span<const Email> emails = batch.emails.row(row);
      for (uint32_t i = 0; i < emails.size(); ++i) f(i, emails[i].address);
      break;
    }
    // item: part; then number of parts + archive member. A letter's own name is no file's.
    case ScopeKind::kFilename: {
      const std::span<const Part> parts = batch.parts.row(row);
      const std::span<const ArchiveMember> members = batch.archive_members.row(row);
      const auto count = static_cast<uint32_t>(parts.size());
      for (uint32_t i = 0; i < count; ++i) {
        if (!parts[i].filename.empty() && !is_named_letter(parts, i)) f(i, parts[i].filename);
      }
      for (uint32_t i = 0; i < members.size(); ++i) f(count + i, members[i].name);
      break;
    }
    default:
      break;
  }
}

// Calls f(item, text) for each word of the texts that is not empty in a word scope; item: word.
template <class F>
void each_word_of_texts(ScopeKind scope, const Batch& batch, uint32_t row, F&& f) {
  const std::span<const Word> words = batch.words.row(row);
  for (const Text& text : batch.texts.row(row)) {
    for (uint32_t i = text.words.begin; i < text.words.end && i < words.size(); ++i) {
      const std::string_view bytes = word_text(scope, text.plain, words[i]);
      if (!bytes.empty()) f(i, bytes);
    }
  }
}

// The same for all that a word scope has: the words of the texts, then those of the Subject and of
// the first From's name.
template <class F>
void each_word(ScopeKind scope, const Batch& batch, uint32_t row, F&& f) {
  each_word_of_texts(scope, batch, row, f);
  const std::span<const Word> words = batch.words.row(row);
  const Range meta = row < batch.meta_words.size() ? batch.meta_words[row] : Range{};
  if (meta.empty()) return;
  const MetaTexts from = meta_texts(batch, row);
  for (uint32_t i = meta.begin; i < meta.end && i < words.size(); ++i) {
    const bool of_name = words[i].flags & static_cast<uint8_t>(WordFlag::kName);
    const std::string_view bytes = word_text(scope, of_name ? from.name : from.subject, words[i]);
    if (!bytes.empty()) f(i, bytes);
  }
}

// The text a header scope gives to patterns.
constexpr std::string_view header_text(ScopeKind scope, const Header& header) {
  return scope == ScopeKind::kRawHeader ? header.unfolded : header.decoded;
}

// The text that `where` is in, as patterns saw it; empty where there is none. May point into
// `room`.
std::string_view scope_text(const Batch& batch, uint32_t row, const Where& where, TextRoom& room);

}  // namespace winnow
