// Public suffixes (publicsuffix.org): which part of a host name is sold by a registry, and so
// which label names the organisation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

// Views of the host that was asked for.
struct Suffix {
  std::string_view tld;     // "co.uk"; of an unknown one the last label
  std::string_view domain;  // "example.co.uk"; the whole host where the host is itself a suffix
  bool known = false;       // a rule of the list decided, not the default rule "*"
};

// The rules as a tree of labels in one hash table: a rule a.b.c is the path c, b, a from the root.
class SuffixTable {
 public:
  // Reads the list's text format (comments, blank lines, "!" and "*" rules; ICANN and private
  // sections alike). Names in Unicode stand as A-labels and as written. The bytes need not live
  // on.
  explicit SuffixTable(std::string_view list);

  // REQUIRED: `host` is lower case with A-labels, not an IP address. Does not allocate. Walks
  // at most as many labels as the longest rule has.
  Suffix find(std::string_view host) const;
  // Whether `label` (lower case, A-label or UTF-8) is a top-level domain that the list knows.
  bool is_tld(std::string_view label) const;

  size_t rules() const { return rules_; }

 private:
  struct Node {  // one label of a rule
    uint32_t parent;
    uint32_t label;  // offset into labels_
    uint8_t length;
    uint8_t flags;  // RuleFlag bits
  };
  enum RuleFlag : uint8_t { kRule = 1, kWildcard = 2, kException = 4 };

  void add_rule(std::string_view rule);
  void add_path(std::string_view rule, uint8_t flag);
  uint32_t child(uint32_t parent, std::string_view label) const;  // kNoIndex if none
  uint32_t add_child(uint32_t parent, std::string_view label);
  void place(uint32_t node);
  std::string_view label_of(const Node& node) const {
    return std::string_view(labels_).substr(node.label, node.length);
  }

  std::vector<Node> nodes_;      // 0 = the root
  std::vector<uint64_t> slots_;  // open addressing: high half of the hash, node; 0 = empty
  std::string labels_;
  size_t rules_ = 0;
};

// The list that is built into the binary (Debian package publicsuffix), and its table, made when
// first asked for.
std::string_view shipped_suffix_list();
const SuffixTable& shipped_suffixes();
inline Suffix find_suffix(std::string_view host) { return shipped_suffixes().find(host); }

}  // namespace winnow
