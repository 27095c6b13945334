// Every limit of the engine, with unit and effect. Passing one sets the named fault on the row;
// what is over the limit is not looked at; nothing fails. Limits count steps and bytes, never
// time, so the same message meets the same limit everywhere.
#pragma once

#include <cstdint>

namespace winnow {

struct Limits {
  uint32_t headers_max = 10'000;        // headers of one message, all parts
  uint32_t header_bytes_max = 1 << 20;  // one header's value; more is cut
  uint32_t header_block_bytes_max = 8 << 20;
  uint32_t encoded_words_max = 10'000;  // RFC 2047 words decoded a message
  uint32_t addresses_max = 10'000;
  uint32_t received_max = 1'000;
  uint32_t parts_max = 2'000;         // MIME and virtual parts of one message
  uint32_t depth_max = 64;            // MIME nesting
  uint32_t text_bytes_max = 8 << 20;  // decoded text of one part that is looked at
  uint32_t html_tags_max = 200'000;   // of one HTML text
  uint32_t html_attributes_max = 400'000;
  uint32_t html_depth_max = 1'024;
  uint32_t html_links_max = 10'000;
  uint32_t urls_max = 10'240;             // distinct URLs of one message (options.max_urls)
  uint32_t url_bytes_max = 16'384;        // of one URL; more is cut (UrlFlag::kTruncated)
  uint32_t url_candidates_max = 200'000;  // places looked at to find them
  uint32_t words_max = 100'000;           // words of one message (facts/received-and-text.md)
  uint32_t words_text_bytes_max = 1 << 20;
  uint32_t words_decay = 600;                  // words of one text after which a sample is kept
  uint32_t archive_members_max = 10'000;       // of one archive
  uint64_t archive_unpacked_max = 1ull << 30;  // bytes claimed or produced while listing
  uint32_t archive_depth_max = 3;
  uint32_t archive_ratio_max = 1'000;   // unpacked to packed
  uint32_t match_bytes_max = 8 << 20;   // of one scope item given to patterns (max_re_data)
  uint32_t match_count_max = 1'000;     // matches counted of one pattern in one message
  uint32_t pcre_steps_max = 1'000'000;  // PCRE2 match limit of one run
  uint32_t pcre_bytes_max = 256 << 10;  // of one text given to a pattern PCRE2 alone can answer
  uint32_t hits_max = 10'000;           // symbol and atom hits of one message
  uint32_t questions_max = 1'000;
  uint32_t answer_bytes_max = 1 << 20;  // of one message's answers
};

}  // namespace winnow
