// The value tree of configuration: what UCL text becomes (ucl_parse.h), what layers merge
// (layers.h), what the compile step reads and what configdump prints (dump.h).
//
// Layout: every value is one trivially destructible node in its document's arena, so a node's
// address is stable for the document's life and may be kept as a pointer. Children of an object
// or array are a list in order of insertion. A key that stands more than once with the same
// priority is an *implicit array*: the first value is in the list, the others hang on it as a
// chain. A value that lost to one of higher priority hangs on the winner as its shadow, so that
// `config why` can show the whole story of a value, winner first.
//
// Invariants: a node has one parent; heads only are in lists and in the key index; an object of
// more than kIndexFrom keys has all of them in the document's key index (open addressing).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/arena.h"
#include "engine/place.h"
#include "engine/result.h"

namespace winnow {

enum class UclType : uint8_t { kNull, kBool, kInt, kDouble, kTime, kString, kArray, kObject };

// "null", "bool", … as messages name them.
std::string_view type_name(UclType type);

inline tl::unexpected<Error> fail_at(const Place& place, std::string what) {
  return fail(Error{.what = std::move(what),
                    .file = std::string(place.file),
                    .line = place.line,
                    .column = place.column});
}

// Something to tell the operator that does not stop the start.
struct Warning {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  std::string what;    // one sentence: what is wrong
  std::string advice;  // one sentence: what to do; may be empty
  // Of a value of the wrong type: where the value is, so that who reads it need not say it again.
  uint32_t value_line = 0;
  uint32_t value_column = 0;

  std::string text() const;  // "file:line:column: what advice"
};

inline Warning warning_at(const Place& place, std::string what, std::string advice = {}) {
  return {.file = std::string(place.file),
          .line = place.line,
          .column = place.column,
          .what = std::move(what),
          .advice = std::move(advice)};
}

class UclDocument;
class UclObject;

// A range over the children of a container (kChain false) or the repetitions of a value (true).
template <bool kChain>
class UclRange {
 public:
  class Iterator {
   public:
    explicit Iterator(const UclObject* at) : at_(at) {}
    const UclObject& operator*() const { return *at_; }
    const UclObject* operator->() const { return at_; }
    Iterator& operator++();
    bool operator==(const Iterator& other) const { return at_ == other.at_; }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const UclObject* at_;
  };
  explicit UclRange(const UclObject* first) : first_(first) {}
  Iterator begin() const { return Iterator(first_); }
  Iterator end() const { return Iterator(nullptr); }

 private:
  const UclObject* first_;
};

// One value. Reading never fails: a getter of the wrong type returns nothing (or the fallback).
class UclObject {
 public:
  UclType type() const { return type_; }
  bool is_object() const { return type_ == UclType::kObject; }
  bool is_array() const { return type_ == UclType::kArray; }
  bool is_null() const { return type_ == UclType::kNull; }
  bool is_container() const { return is_object() || is_array(); }
  bool is_number() const {
    return type_ == UclType::kInt || type_ == UclType::kDouble || type_ == UclType::kTime;
  }
  std::string_view key() const { return key_; }  // empty for elements of arrays and the root
  unsigned priority() const { return priority_; }
  Place place() const;      // of the value
  Place key_place() const;  // of its key; of the value where it has none
  const UclObject* parent() const { return parent_; }
  std::string path() const;  // "section.name.key"; elements as "key.0"

  // Children: entries of an object by key (the first value of each), or elements of an array.
  UclRange<false> children() const { return UclRange<false>(first_); }
  uint32_t size() const { return size_; }  // number of children
  // This value and those that repeat its key with equal priority, in order.
  UclRange<true> values() const { return UclRange<true>(this); }
  bool repeated() const { return chain_ != nullptr; }
  const UclObject& last_value() const { return chain_last_ ? *chain_last_ : *this; }
  // Every value as one list: the whole chain, arrays taken apart. What an option of type list
  // means: `k = a; k = [b, c]` is a, b, c.
  std::vector<const UclObject*> list() const;
  // Entries of a named section over all its repetitions: `rule "a" {} rule "b" {}` and
  // `rule { a {} b {} }` both give a and b. The key of each result is its name.
  std::vector<const UclObject*> named() const;
  // The value that this one replaced (its own shadow goes on with what that one replaced).
  const UclObject* shadow() const { return shadow_; }

  // The first value under `key`; nullptr where this is no object or has no such key.
  const UclObject* find(std::string_view key) const;
  // Follows a dotted path ("options.dns.timeout"; names that contain dots are tried whole
  // first); on implicit arrays the first repetition that has the next name is taken.
  const UclObject* get(std::string_view path) const;

  // Scalars. Numbers and flags given as quoted text are understood as well, as Rspamd does.
  std::optional<bool> as_bool() const;
  std::optional<int64_t> as_int() const;  // whole numbers only
  std::optional<double> as_number() const;
  std::optional<double> as_seconds() const;           // plain numbers are seconds
  std::optional<std::string_view> as_string() const;  // scalars: as written; null: nothing
  std::string_view text() const { return text_; }     // as written, unquoted; empty for containers

  // The value under `key` (the last one, where it stands more than once) or the fallback.
  bool flag(std::string_view key, bool fallback) const;
  int64_t integer(std::string_view key, int64_t fallback) const;
  double number(std::string_view key, double fallback) const;
  double seconds(std::string_view key, double fallback) const;
  std::string_view string(std::string_view key, std::string_view fallback) const;
  std::vector<std::string_view> strings(std::string_view key) const;  // scalars of its list()

 private:
  friend class UclDocument;
  template <bool>
  friend class UclRange;
  explicit UclObject(UclType type) : type_(type) {}

  UclType type_;
  uint8_t priority_ = 0;
  bool inherited_ = false;  // came from .inherit: gives way to what is written
  uint32_t size_ = 0;
  union {
    bool bool_;
    int64_t int_;
    double double_ = 0;
  };
  std::string_view text_;
  std::string_view key_;
  uint32_t file_ = 0;
  uint32_t line_ = 0;
  uint32_t column_ = 0;
  uint32_t key_line_ = 0;
  uint32_t key_column_ = 0;
  uint32_t key_file_ = 0;
  UclDocument* document_ = nullptr;
  UclObject* parent_ = nullptr;
  UclObject* next_ = nullptr;
  UclObject* previous_ = nullptr;
  UclObject* first_ = nullptr;
  UclObject* last_ = nullptr;
  UclObject* chain_ = nullptr;
  UclObject* chain_last_ = nullptr;  // of a head that has a chain
  UclObject* shadow_ = nullptr;
};

template <bool kChain>
typename UclRange<kChain>::Iterator& UclRange<kChain>::Iterator::operator++() {
  at_ = kChain ? at_->chain_ : at_->next_;
  return *this;
}

// What happens when a key is there already.
enum class UclDuplicate : uint8_t { kAppend, kMerge, kError, kRewrite };

// Owns the nodes and their text. Not copyable: nodes point to it.
class UclDocument {
 public:
  UclDocument();
  UclDocument(const UclDocument&) = delete;
  UclDocument& operator=(const UclDocument&) = delete;

  UclObject& root() { return *root_; }
  const UclObject& root() const { return *root_; }
  void set_root(UclObject* root) { root_ = root; }
  uint32_t add_file(std::string_view name);  // id for set_place
  std::string_view file_name(uint32_t id) const { return files_[id]; }
  const std::vector<std::string>& files() const { return files_; }
  size_t node_count() const { return nodes_; }
  std::string_view copy(std::string_view text) { return arena_.copy(text); }

  // New values, not yet in the tree.
  UclObject* make(UclType type);
  UclObject* make_string(std::string_view text);
  UclObject* make_bool(bool value);
  UclObject* make_int(int64_t value);
  UclObject* make_double(double value);
  // The type that unquoted text has: number with its suffix, flag, null or string.
  UclObject* make_scalar(std::string_view text);
  // A copy of the value (with its chain and children, without shadows). Fails beyond node_max.
  UclObject* copy_tree(const UclObject& from, size_t node_max);
  void set_place(UclObject& value, uint32_t file, uint32_t line, uint32_t column);
  void set_key_place(UclObject& value, uint32_t file, uint32_t line, uint32_t column);
  void place_as(UclObject& value, const UclObject& other);  // it was written where the other was
  void set_key(UclObject& value, std::string_view key) { value.key_ = copy(key); }
  void set_priority(UclObject& value, unsigned priority);
  void set_inherited(UclObject& value) { value.inherited_ = true; }

  UclObject* find(UclObject& object, std::string_view key);
  UclObject& mutable_of(const UclObject& value) { return const_cast<UclObject&>(value); }
  // Puts `value` at the end of an array.
  void append(UclObject& array, UclObject* value);
  // Puts `value` under its key into `object`, as priority and duplicate rule say: the higher
  // priority wins, equal ones form an implicit array. Returns the head that now holds the key.
  // REQUIRED: duplicate is not kError (the parser tells that one before).
  UclObject* insert(UclObject& object, UclObject* value, UclDuplicate duplicate);
  // Shorthands for translations: replace or remove what is under `key`, whatever it is.
  UclObject* set(UclObject& object, std::string_view key, UclObject* value);
  UclObject* object_at(UclObject& object, std::string_view key);  // finds or makes
  UclObject* remove(UclObject& object, std::string_view key);     // returns what was taken out
  // Makes a value that was removed stand alone, without the repetitions that hung on it.
  void unchain(UclObject& value) { value.chain_ = value.chain_last_ = nullptr; }

 private:
  static constexpr uint32_t kIndexFrom = 12;

  UclObject* lookup(const UclObject& object, std::string_view key) const;
  void link_last(UclObject& container, UclObject* value);
  void replace(UclObject* old, UclObject* value);
  void lose(UclObject* winner, UclObject* loser);
  void index_add(UclObject* value);
  void index_swap(UclObject* old, UclObject* value);
  size_t index_slot(const UclObject& object, std::string_view key) const;
  void index_grow();

  Arena arena_{64 * 1024};
  std::vector<std::string> files_;
  UclObject* root_ = nullptr;
  size_t nodes_ = 0;
  std::vector<UclObject*> slots_;  // key index; power of two long; kTaken marks removed ones
  size_t slots_used_ = 0;
  friend class UclObject;
};

}  // namespace winnow
