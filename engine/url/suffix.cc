// Public suffix look-up.
//
// The list's algorithm (publicsuffix.org/list): of all rules that match a host from the right,
// an exception rule wins, else the one with most labels; "*" matches one label; without a match
// the rule is "*". The public suffix is the labels the rule matches (an exception: without its
// leftmost), the organisational domain one label more.
//
// Layout. A node is (parent node, label); the table maps it to its index. A look-up walks from
// the last label to the left, one probe a label, and stops at the first label that no rule has:
// for example.com two probes. Labels are compared, so no collision can give a wrong answer.
#include "engine/url/suffix.h"

#include <idn2.h>
#include <xxhash.h>

#include <cstdlib>

#include "engine/ids.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

uint64_t hash_of(uint32_t parent, std::string_view label) {
  return XXH3_64bits_withSeed(label.data(), label.size(), parent);
}

constexpr uint64_t kHighHalf = 0xFFFFFFFF00000000ull;

// The label left of `end` within `host`.
std::string_view label_before(std::string_view host, size_t end) {
  size_t begin = end;
  while (begin > 0 && host[begin - 1] != '.') --begin;
  return host.substr(begin, end - begin);
}

}  // namespace

SuffixTable::SuffixTable(std::string_view list) {
  nodes_.push_back({kNoIndex, 0, 0, 0});
  slots_.assign(1 << 10, 0);
  while (!list.empty()) {
    const size_t end = std::min(list.find('\n'), list.size());
    std::string_view line = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    const size_t blank = line.find_first_of(" \t\r");
    line = line.substr(0, blank);
    if (!line.empty() && !line.starts_with("//")) add_rule(line);
  }
}

void SuffixTable::add_rule(std::string_view rule) {
  uint8_t flag = kRule;
  if (rule.starts_with('!')) flag = kException, rule.remove_prefix(1);
  if (rule.starts_with("*.")) flag = kWildcard, rule.remove_prefix(2);
  ++rules_;
  add_path(rule, flag);
  if (is_ascii(rule)) return;
  uint8_t* out = nullptr;
  const std::string zero_ended(rule);
  if (idn2_lookup_u8(reinterpret_cast<const uint8_t*>(zero_ended.c_str()), &out,
                     IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK) {
    add_path(reinterpret_cast<const char*>(out), flag);
  }
  std::free(out);
}

void SuffixTable::add_path(std::string_view rule, uint8_t flag) {
  uint32_t node = 0;
  size_t end = rule.size();
  while (true) {
    const std::string_view label = label_before(rule, end);
    if (label.empty() || label.size() > 63) return;
    node = add_child(node, label);
    if (label.size() == end) break;
    end -= label.size() + 1;
  }
  nodes_[node].flags |= flag;
}

uint32_t SuffixTable::child(uint32_t parent, std::string_view label) const {
  const uint64_t hash = hash_of(parent, label);
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const uint64_t slot = slots_[at];
    if (slot == 0) return kNoIndex;
    if ((slot ^ hash) & kHighHalf) continue;
    const Node& node = nodes_[static_cast<uint32_t>(slot)];
    if (node.parent == parent && label_of(node) == label) return static_cast<uint32_t>(slot);
  }
}

void SuffixTable::place(uint32_t index) {
  const Node& node = nodes_[index];
  const uint64_t hash = hash_of(node.parent, label_of(node));
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at] != 0) at = (at + 1) & mask;
  slots_[at] = (hash & kHighHalf) | index;
}

uint32_t SuffixTable::add_child(uint32_t parent, std::string_view label) {
  if (const uint32_t found = child(parent, label); found != kNoIndex) return found;
  const auto index = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back(
      {parent, static_cast<uint32_t>(labels_.size()), static_cast<uint8_t>(label.size()), 0});
  labels_ += label;
  if (nodes_.size() * 2 > slots_.size()) {
    slots_.assign(slots_.size() * 2, 0);
    for (uint32_t i = 1; i < nodes_.size(); ++i) place(i);
  } else {
    place(index);
  }
  return index;
}

Suffix SuffixTable::find(std::string_view host) const {
  const std::string_view last = label_before(host, host.size());
  size_t tld_begin = host.size() - last.size();
  bool known = false;
  uint32_t node = 0;
  size_t end = host.size();
  while (true) {
    const std::string_view label = label_before(host, end);
    const size_t begin = end - label.size();
    const bool wildcard = nodes_[node].flags & kWildcard;
    node = child(node, label);
    const uint8_t flags = node == kNoIndex ? 0 : nodes_[node].flags;
    if (flags & kException) {
      tld_begin = end + 1, known = true;
      break;
    }
    if ((flags & kRule) || (wildcard && !label.empty())) tld_begin = begin, known = true;
    if (node == kNoIndex || begin == 0) break;
    end = begin - 1;
  }
  Suffix out;
  out.known = known;
  out.tld = host.substr(tld_begin);
  if (tld_begin < 2) {
    out.domain = host;
    return out;
  }
  const std::string_view owner = label_before(host, tld_begin - 1);
  out.domain = host.substr(tld_begin - 1 - owner.size());
  return out;
}

bool SuffixTable::is_tld(std::string_view label) const { return child(0, label) != kNoIndex; }

}  // namespace winnow
