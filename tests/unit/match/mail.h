// Batches filled by hand, for tests of the match stage: only the columns it reads.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch.h"
#include "engine/match/match.h"
#include "engine/match/plan.h"
#include "engine/mime/header_names.h"

namespace winnow {

struct MailHeader {
  HeaderId id;
  std::string name;
  std::string decoded;
  std::string unfolded = {};  // empty: as decoded
  uint32_t part = 0;
};

struct Mail {
  std::string raw = {};
  std::vector<MailHeader> headers = {};
  std::string header_block = {};
  std::vector<std::string> texts = {};
  std::vector<uint16_t> text_flags = {};
  std::vector<Url> urls = {};
  std::vector<std::string> emails = {};
  std::vector<std::string> filenames = {};
  std::vector<std::string> members = {};
  std::vector<std::string> words = {};  // of the first text
};

class MailBatch {
 public:
  void add(const Mail& mail) {
    Batch& b = batch;
    const std::string_view raw = keep(mail.raw);
    b.add(raw, b.rows, {}, {});
    const uint32_t row = b.rows - 1;
    for (const MailHeader& h : mail.headers) {
      Header header;
      header.id = h.id;
      header.part = h.part;
      header.name = keep(h.name);
      header.decoded = keep(h.decoded);
      header.unfolded = h.unfolded.empty() ? header.decoded : keep(h.unfolded);
      b.headers.values.push_back(header);
      const auto at = static_cast<uint32_t>(b.headers.open_row().size() - 1);
      if (h.part == 0 && h.id == header_id(known::kSubject)) b.facts[row].subject = at;
    }
    b.headers.end_row();
    add_texts(mail);
    for (const Url& url : mail.urls) b.urls.values.push_back(url);
    b.urls.end_row();
    for (const std::string& address : mail.emails) {
      Email email;
      email.address = keep(address);
      b.emails.values.push_back(email);
    }
    b.emails.end_row();
    for (const std::string& name : mail.members) {
      ArchiveMember member;
      member.name = keep(name);
      b.archive_members.values.push_back(member);
    }
    b.archive_members.end_row();
  }

  Batch batch;

 private:
  std::string_view keep(const std::string& text) { return kept_.emplace_back(text); }

  void add_texts(const Mail& mail) {
    Batch& b = batch;
    Part root;
    root.raw_headers = keep(mail.header_block);
    if (mail.texts.empty()) root.kind = PartKind::kOther;
    const auto texts = static_cast<uint32_t>(mail.texts.size());
    for (uint32_t i = 0; i < std::max<size_t>(1, texts); ++i) {
      Part part = i == 0 ? root : Part{};
      if (i < texts) {
        part.text = i;
        part.raw = keep("RAW:" + mail.texts[i]);
      }
      if (i < mail.filenames.size()) part.filename = keep(mail.filenames[i]);
      b.parts.values.push_back(part);
    }
    b.parts.end_row();
    for (uint32_t i = 0; i < texts; ++i) {
      Text text;
      text.part = i;
      text.flags = i < mail.text_flags.size() ? mail.text_flags[i] : 0;
      text.plain = keep(mail.texts[i]);
      text.utf8 = keep("<p>" + mail.texts[i] + "</p>");
      text.folded = keep("folded " + mail.texts[i]);
      b.texts.values.push_back(text);
    }
    add_words(mail);
    b.texts.end_row();
  }

  // Raw words stand in the first text one after the other, or are only normal and stem.
  void add_words(const Mail& mail) {
    Batch& b = batch;
    size_t from = 0;
    for (const std::string& bytes : mail.words) {
      Word word;
      if (!mail.texts.empty()) {
        const size_t at = mail.texts[0].find(bytes, from);
        if (at != std::string::npos) {
          word.offset = static_cast<uint32_t>(at);
          word.length = static_cast<uint16_t>(bytes.size());
          from = at + bytes.size();
        }
      }
      word.normal = keep(bytes);
      word.stem = word.normal.substr(0, std::max<size_t>(1, bytes.size()) - 1);
      b.words.values.push_back(word);
    }
    if (!b.texts.open_row().empty()) {
      b.texts.open_row()[0].words = {0, static_cast<uint32_t>(mail.words.size())};
    }
    b.words.end_row();
    b.meta_words.push_back({});
  }

  std::deque<std::string> kept_;
};

}  // namespace winnow
