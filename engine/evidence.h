// A case: one message's evidence, sealed out of a batch into one bounded slab.
//
// Invariants. A verdict is a function of its Evidence and its rule set and of nothing else; so
// judges take `const Evidence&` and cannot name Batch. All views point into `slab`. Columns that
// no enabled rule reads late are empty (`sealed` says which are there).
//
// Questions are appended by ask() before sealing and by judges while judging, never removed;
// answers[i] answers questions[i]. Identical questions of one message are one question. A judge
// is a pure function that is called again from its start when its answers have arrived: it
// asks, and where the answer is still open it returns Judged::kWaiting.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/batch.h"

namespace winnow {

enum class QuestionKind : uint8_t { kDns, kStore, kTake, kFuzzy, kHttp, kDialog };

struct Question {
  QuestionKind kind = QuestionKind::kDns;
  uint16_t type = 0;               // of its kind; DNS: the RR type (RFC 1035 3.2.2)
  CheckId check = kNoId<CheckId>;  // who asked first
  std::string_view key = {};       // DNS: name, lower case, no trailing dot
};

enum class AnswerState : uint8_t {
  kOpen,     // not there yet
  kValue,    // at least one value
  kNone,     // the name or key does not exist, or has no value of that type
  kUnknown,  // timed out, broken, refused, not allowed: never taken for kNone
};
enum class UnknownReason : uint8_t {
  kNotUnknown,
  kTimeout,
  kServerFailure,
  kRefused,
  kBroken,
  kNotAllowed,
  kNoTable,
  kLimit,
  kNotReplayed
};

struct Answer {
  AnswerState state = AnswerState::kOpen;
  UnknownReason reason = UnknownReason::kNotUnknown;
  bool name_exists = true;  // DNS: false for NXDOMAIN
  uint32_t ttl_s = 0;
  std::span<const std::string_view> values = {};  // DNS: presentation form of each RR's data
  uint32_t age_s = 0;            // how long it had been known when it was given; 0 = asked for now
  std::string_view server = {};  // who said it: "192.0.2.53:53", "hosts", "fake_records"; or empty
};

struct AtomCount {  // sorted by atom; only those that are not zero
  AtomId atom;
  uint32_t count;
  Where where = {};
};

struct SymbolFact {  // a content check inserted this; in insertion order
  SymbolId symbol;
  double weight;
  std::string_view option = {};
  Where where = {};
};

// What content is sealed for late readers, known when rules are compiled.
enum class Sealed : uint32_t {
  kHeaders = 1,
  kAddresses = 2,
  kReceived = 4,
  kUrls = 8,
  kEmails = 16,
  kParts = 32,
  kWords = 64
};

struct Evidence {
  // What a recycled case keeps. What a message needs beyond it goes back to the heap.
  static constexpr size_t kKeepBytes = 32 * 1024;
  Arena slab{16 * 1024, kKeepBytes};

  uint64_t sequence = 0;
  uint64_t rules_identity = 0;   // of the rule set that sealed it
  std::string_view source = {};  // path, and position within it; for tables and errors
  Envelope envelope;
  std::span<const std::string_view> recipients = {};
  Facts facts;
  std::string_view subject = {};
  std::string_view message_id = {};
  std::string_view label = {};  // "ham", "spam" or what the corpus says; empty = none

  std::span<const AtomCount> atoms = {};
  std::span<const SymbolFact> symbols = {};

  bool cut_by_deadline = false;  // what was still open when the deadline came became unknown
  uint32_t sealed = 0;           // Sealed bits
  std::span<const Header> headers = {};     // the message's own; only ids that rules read late
  std::span<const Address> addresses = {};  // always there (From, To … of logs and replies)
  std::span<const Received> received = {};
  std::span<const Url> urls = {};
  std::span<const Email> emails = {};

  std::vector<Question> questions = {};
  std::vector<Answer> answers = {};  // same length as questions

  void clear();
};

enum class Judged : uint8_t { kDone, kWaiting };

}  // namespace winnow
