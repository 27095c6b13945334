#include "engine/score/seal.h"

#include <algorithm>

#include "engine/score/seal_links.h"

namespace winnow {

namespace {

template <class Hit>
void sort_by_row(const std::vector<Hit>& hits, uint32_t rows, SealScratch::Log& log) {
  log.begin.assign(rows + 1, 0);
  log.order.resize(hits.size());
  for (const Hit& hit : hits) ++log.begin[hit.row + 1];
  for (uint32_t r = 0; r < rows; ++r) log.begin[r + 1] += log.begin[r];
  // begin[r] serves as the cursor of row r, which leaves it at begin[r + 1]: shift back after.
  for (uint32_t i = 0; i < hits.size(); ++i) log.order[log.begin[hits[i].row]++] = i;
  for (uint32_t r = rows; r > 0; --r) log.begin[r] = log.begin[r - 1];
  log.begin[0] = 0;
}

// Copies views into a slab, remembering the last few wholes so that their parts are rebased.
class Mover {
 public:
  explicit Mover(Arena& slab) : slab_(slab) {}

  std::string_view operator()(std::string_view view) {
    if (view.empty()) return {};
    for (const auto& [from, to] : recent_) {
      if (!from.empty() && view.data() >= from.data() &&
          view.data() + view.size() <= from.data() + from.size())
        return to.substr(static_cast<size_t>(view.data() - from.data()), view.size());
    }
    const std::string_view copy = slab_.copy(view);
    recent_[next_++ % kRecent] = {view, copy};
    return copy;
  }

 private:
  static constexpr uint32_t kRecent = 4;
  Arena& slab_;
  std::pair<std::string_view, std::string_view> recent_[kRecent];
  uint32_t next_ = 0;
};

void move_views(Mover& move, Header& h) {
  h.raw = move(h.raw);
  h.unfolded = move(h.unfolded);
  h.decoded = move(h.decoded);
  h.name = move(h.name);
}
void move_views(Mover& move, Address& a) {
  a.raw = move(a.raw);
  a.address = move(a.address);
  a.name = move(a.name);
  a.local = move(a.local);
  a.domain = move(a.domain);
}
void move_views(Mover& move, Received& r) {
  for (std::string_view* view :
       {&r.from_hostname, &r.real_hostname, &r.by_hostname, &r.for_address, &r.protocol, &r.id})
    *view = move(*view);
}
void move_views(Mover& move, Url& u) {
  for (std::string_view* view : {&u.normal, &u.found, &u.shown, &u.user, &u.host, &u.domain, &u.tld,
                                 &u.path, &u.query, &u.fragment, &u.shown_domain})
    *view = move(*view);
}
void move_views(Mover& move, Email& e) {
  for (std::string_view* view : {&e.address, &e.user, &e.host, &e.domain}) *view = move(*view);
}

template <class T>
std::span<const T> move_row(Arena& slab, std::span<const T> values) {
  const std::span<T> to = slab.alloc<T>(values.size());
  Mover move(slab);
  for (size_t i = 0; i < values.size(); ++i) {
    to[i] = values[i];
    move_views(move, to[i]);
  }
  return to;
}

std::span<const Header> move_headers(const SealPlan& plan, Arena& slab,
                                     std::span<const Header> headers) {
  const auto wanted = [&](const Header& header) {
    return index(header.id) < plan.headers.size() && plan.headers[index(header.id)];
  };
  const auto count = static_cast<size_t>(std::count_if(headers.begin(), headers.end(), wanted));
  const std::span<Header> to = slab.alloc<Header>(count);
  Mover move(slab);
  size_t n = 0;
  for (const Header& header : headers) {
    if (!wanted(header)) continue;
    to[n] = header;
    move_views(move, to[n++]);
  }
  return to;
}

void seal_atoms(const SealPlan& plan, SealScratch& scratch, const Batch& batch, uint32_t row,
                Evidence& out) {
  const std::vector<uint32_t>& begin = scratch.atoms.begin;
  uint32_t count = begin[row + 1] - begin[row];
  if (count > plan.limits.hits_max) {
    count = plan.limits.hits_max;
    out.facts.faults.set(Fault::kLimitHits);
  }
  scratch.keys.clear();
  for (uint32_t i = begin[row]; i < begin[row] + count; ++i)
    scratch.keys.push_back(uint64_t{index(batch.atoms[scratch.atoms.order[i]].atom)} << 32 | i);
  std::sort(scratch.keys.begin(), scratch.keys.end());
  size_t distinct = 0;
  for (size_t i = 0; i < scratch.keys.size(); ++i)
    distinct += i == 0 || scratch.keys[i] >> 32 != scratch.keys[i - 1] >> 32;
  const std::span<AtomCount> atoms = out.slab.alloc<AtomCount>(distinct);
  size_t n = 0;
  for (size_t i = 0; i < scratch.keys.size(); ++i) {
    const AtomHit& hit = batch.atoms[scratch.atoms.order[static_cast<uint32_t>(scratch.keys[i])]];
    if (i == 0 || scratch.keys[i] >> 32 != scratch.keys[i - 1] >> 32)
      atoms[n++] = {hit.atom, 0, hit.where};
    uint32_t& sum = atoms[n - 1].count;
    sum += std::min(hit.count, std::max(plan.limits.match_count_max, sum) - sum);
  }
  out.atoms = atoms;
}

void seal_symbols(const SealPlan& plan, const SealScratch& scratch, const Batch& batch,
                  uint32_t row, Evidence& out) {
  const std::vector<uint32_t>& begin = scratch.symbols.begin;
  uint32_t count = begin[row + 1] - begin[row];
  if (count > plan.limits.hits_max) {
    count = plan.limits.hits_max;
    out.facts.faults.set(Fault::kLimitHits);
  }
  const std::span<SymbolFact> symbols = out.slab.alloc<SymbolFact>(count);
  Mover move(out.slab);
  for (uint32_t i = 0; i < count; ++i) {
    const SymbolHit& hit = batch.symbols[scratch.symbols.order[begin[row] + i]];
    symbols[i] = {hit.symbol, hit.weight, move(hit.option), hit.where};
  }
  out.symbols = symbols;
}

void seal_envelope(const Batch& batch, uint32_t row, Evidence& out) {
  Mover move(out.slab);
  out.envelope = batch.envelopes[row];
  Envelope& e = out.envelope;
  for (std::string_view* view : {&e.from, &e.helo, &e.hostname, &e.user, &e.queue_id, &e.mta_name})
    *view = move(*view);
  const std::span<const std::string_view> from = batch.recipients.row(row);
  const std::span<std::string_view> recipients = out.slab.alloc<std::string_view>(from.size());
  for (size_t i = 0; i < from.size(); ++i) recipients[i] = move(from[i]);
  out.recipients = recipients;
}

template <class T>
std::span<const T> row_of(const Csr<T>& column, uint32_t row) {
  return row < column.rows() ? column.row(row) : std::span<const T>{};
}

}  // namespace

void seal(const SealPlan& plan, SealScratch& scratch, const Batch& batch,
          std::span<Evidence* const> out) {
  sort_by_row(batch.atoms, batch.rows, scratch.atoms);
  sort_by_row(batch.symbols, batch.rows, scratch.symbols);
  const auto seals = [&](Sealed bit) { return plan.seals & static_cast<uint32_t>(bit); };
  for (uint32_t row = 0; row < batch.rows; ++row) {
    Evidence& to = *out[row];
    to.clear();
    to.sequence = batch.sequence[row];
    to.rules_identity = plan.rules_identity;
    to.facts = batch.facts[row];
    seal_envelope(batch, row, to);
    Mover move(to.slab);
    const std::span<const Header> headers = row_of(batch.headers, row);
    if (to.facts.subject < headers.size()) to.subject = move(headers[to.facts.subject].decoded);
    to.message_id = move(to.facts.message_id_value);
    to.facts.message_id_value = to.message_id;
    to.addresses = move_row(to.slab, row_of(batch.addresses, row));
    to.sealed = plan.seals | static_cast<uint32_t>(Sealed::kAddresses);
    if (seals(Sealed::kHeaders)) {
      const size_t own = std::min<size_t>(to.facts.root_headers, headers.size());
      to.headers = move_headers(plan, to.slab, headers.first(own));
    }
    if (seals(Sealed::kReceived)) to.received = move_row(to.slab, row_of(batch.received, row));
    if (seals(Sealed::kUrls)) to.urls = move_row(to.slab, row_of(batch.urls, row));
    if (seals(Sealed::kEmails)) to.emails = move_row(to.slab, row_of(batch.emails, row));
    seal_atoms(plan, scratch, batch, row, to);
    seal_symbols(plan, scratch, batch, row, to);
  }
}

void seal_links(const Batch& batch, uint32_t row, Evidence& out) {
  constexpr auto kUrls = static_cast<uint32_t>(Sealed::kUrls);
  constexpr auto kEmails = static_cast<uint32_t>(Sealed::kEmails);
  if (!(out.sealed & kUrls)) out.urls = move_row(out.slab, row_of(batch.urls, row));
  if (!(out.sealed & kEmails)) out.emails = move_row(out.slab, row_of(batch.emails, row));
  out.sealed |= kUrls | kEmails;
}

}  // namespace winnow
