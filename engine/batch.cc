#include "engine/batch.h"

namespace winnow {

namespace {

// Applies `f` to each column once, so that clear() and reserved_bytes() cannot disagree.
template <class B, class F>
void each_csr(B& batch, F f) {
  f(batch.recipients), f(batch.request_headers), f(batch.headers), f(batch.parts),
      f(batch.addresses), f(batch.received);
  f(batch.archives), f(batch.archive_members), f(batch.texts), f(batch.htmls);
  f(batch.html_links), f(batch.html_images), f(batch.html_forms);
  f(batch.urls), f(batch.emails), f(batch.url_spans), f(batch.words), f(batch.derived);
}
template <class B, class F>
void each_flat(B& batch, F f) {
  f(batch.raw), f(batch.sequence), f(batch.envelopes), f(batch.facts), f(batch.meta_words);
  f(batch.atoms), f(batch.symbols);
}

// A column that one huge message blew up is given back, so that memory follows the limits and
// not the largest message ever seen.
constexpr size_t kColumnKeepBytes = 4 * 1024 * 1024;

template <class T>
void clear_flat(std::vector<T>& column) {
  column.clear();
  if (column.capacity() * sizeof(T) > kColumnKeepBytes) column.shrink_to_fit();
}

template <class T>
size_t bytes_of(const std::vector<T>& column) {
  return column.capacity() * sizeof(T);
}

}  // namespace

void Batch::add(std::string_view message, uint64_t seq, const Envelope& envelope,
                std::span<const std::string_view> rcpts, std::span<const RequestHeader> request) {
  raw.push_back(message);
  sequence.push_back(seq);
  envelopes.push_back(envelope);
  recipients.values.insert(recipients.values.end(), rcpts.begin(), rcpts.end());
  recipients.end_row();
  request_headers.values.insert(request_headers.values.end(), request.begin(), request.end());
  request_headers.end_row();
  Facts fact;
  fact.size = static_cast<uint32_t>(message.size());
  facts.push_back(fact);
  ++rows;
}

void Batch::clear() {
  rows = 0;
  each_csr(*this, [](auto& column) {
    column.begin.resize(1);
    clear_flat(column.values);
  });
  each_flat(*this, [](auto& column) { clear_flat(column); });
  arena.reset();
}

size_t Batch::reserved_bytes() const {
  size_t sum = arena.reserved_bytes();
  each_csr(*this,
           [&](const auto& column) { sum += bytes_of(column.begin) + bytes_of(column.values); });
  each_flat(*this, [&](const auto& column) { sum += bytes_of(column); });
  return sum;
}

}  // namespace winnow
