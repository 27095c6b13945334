#include "pipeline/learn/foreign_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/arena.h"
#include "engine/batch.h"
#include "engine/classify/features.h"
#include "engine/crypt/digest.h"
#include "engine/text/language.h"
#include "engine/text/normalise.h"
#include "engine/text/stem.h"
#include "engine/text/utf8.h"
#include "rules/checks/text.h"

namespace winnow {

namespace {

constexpr size_t kVocabularyMax = 10'000'000;
constexpr size_t kWordMax = 64;  // bytes; a longer one is no word
constexpr size_t kStemmerEntries = 1024;
constexpr size_t kSaHash = 5;  // bytes of a SHA-1 that SpamAssassin keeps, the last ones

bool is_host(std::string_view word) {
  const size_t dot = word.find('.');
  return dot != std::string_view::npos && dot > 0 && dot + 1 < word.size();
}

bool whole(std::string_view text, uint64_t& out) {
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  return wrong == std::errc() && end == text.data() + text.size();
}

std::vector<std::string_view> fields(std::string_view line, char separator) {
  std::vector<std::string_view> out;
  for (size_t at = 0; at <= line.size();) {
    const size_t end = std::min(line.find(separator, at), line.size());
    out.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Error at_line(std::string what, unsigned line) { return {.what = std::move(what), .line = line}; }

// Words to tokens.
class Tokens {
 public:
  explicit Tokens(std::string_view language) : stemmer_(kStemmerEntries) { stemmer_.use(language); }

  // False: the word says nothing here.
  bool add_stem(FeatureKind kind, std::string_view word, uint64_t spam, uint64_t ham,
                CountTable& to) {
    if (!is_utf8(word)) return false;
    arena_.reset();
    ArenaText text(arena_);
    normalise_word(word, text);
    const std::string_view normal = text.view();
    if (normal.empty()) return false;
    const Stem stem = stemmer_.stem(normal, word_hash(normal), arena_);
    if (stem.stop) return false;
    add(stem_feature(kind, stem.hash), kind, spam, ham, to);
    return true;
  }
  static bool add_named(FeatureKind kind, std::string_view name, std::string_view value,
                        uint64_t spam, uint64_t ham, CountTable& to) {
    add(named_feature(kind, name, lowered(value)), kind, spam, ham, to);
    return true;
  }

 private:
  // Words with one stem add up, but no token was in more messages than there were.
  static void add(uint64_t token, FeatureKind kind, uint64_t spam, uint64_t ham, CountTable& to) {
    CountTable::Count& count = to.counts[token];
    count.kind = static_cast<TokenKind>(kind);
    count.spam = std::min(count.spam + spam, to.learns.spam);
    count.ham = std::min(count.ham + ham, to.learns.ham);
  }

  Stemmer stemmer_;
  Arena arena_;
};

bool add_bogofilter(Tokens& tokens, std::string_view word, uint64_t spam, uint64_t ham,
                    CountTable& to) {
  const auto after = [&](std::string_view prefix) {
    return word.starts_with(prefix) ? std::optional(word.substr(prefix.size())) : std::nullopt;
  };
  const auto address = [&](AddressField field, std::string_view part) {
    return Tokens::add_named(FeatureKind::kAddress,
                             address_feature_name(field, is_host(part) ? 'd' : 'l'), part, spam,
                             ham, to);
  };
  if (const auto rest = after("subj:"))
    return tokens.add_stem(FeatureKind::kSubject, *rest, spam, ham, to);
  if (const auto rest = after("from:")) return address(AddressField::kFrom, *rest);
  if (const auto rest = after("to:")) return address(AddressField::kTo, *rest);
  if (const auto rest = after("rtrn:")) return address(AddressField::kReturnPath, *rest);
  if (const auto rest = after("rcvd:"))
    return is_host(*rest) &&
           Tokens::add_named(FeatureKind::kReceived, "from", *rest, spam, ham, to);
  if (const auto rest = after("head:"))
    return Tokens::add_named(FeatureKind::kHeaderName, "there", *rest, spam, ham, to);
  if (word.find(':') != std::string_view::npos) return false;  // mime:, url:, ip:
  if (is_host(word)) return Tokens::add_named(FeatureKind::kUrl, "host", word, spam, ham, to);
  return tokens.add_stem(FeatureKind::kWord, word, spam, ham, to);
}

std::string sa_hash(std::string_view word) {
  const Digest digest(DigestKind::kSha1, word);
  return std::string(digest.view().substr(digest.view().size() - kSaHash));
}

bool unhex(std::string_view text, std::string& out) {
  out.clear();
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, wrong] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (wrong != std::errc() || end != text.data() + i + 2) return false;
    out += static_cast<char>(byte);
  }
  return text.size() % 2 == 0;
}

}  // namespace

WordListForm word_list_form(std::string_view line) {
  if (line.starts_with("v\t")) return WordListForm::kSpamAssassin;
  const auto parts = fields(line, ' ');
  uint64_t number = 0;
  const bool counts = parts.size() == 4 && whole(parts[1], number) && whole(parts[2], number) &&
                      whole(parts[3], number);
  return counts ? WordListForm::kBogofilter : WordListForm::kNone;
}

void add_vocabulary(std::istream& text, Vocabulary& to) {
  std::string word;
  const auto take = [&] {
    while (!word.empty() && (word.back() == '.' || word.back() == '-')) word.pop_back();
    if (word.size() >= 2 && word.size() <= kWordMax && to.size() < kVocabularyMax) {
      // A host is a word, and so is each name above it.
      to.insert(word);
      if (is_host(word))
        for (size_t dot = word.find('.'); dot != std::string::npos; dot = word.find('.', dot + 1))
          to.insert(word.substr(dot + 1));
    }
    word.clear();
  };
  for (std::string line; std::getline(text, line);) {
    for (const char c : lowered(line)) {
      const bool inside = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80) ||
                          ((c == '.' || c == '-' || c == '\'') && !word.empty());
      if (inside && word.size() <= kWordMax)
        word += c;
      else if (!inside)
        take();
    }
    take();
  }
}

Result<CountTable> read_bogofilter(std::istream& in, std::string_view language) {
  CountTable out;
  // The messages are named in the middle of the list: words wait until they are known.
  struct Line {
    std::string word;
    uint64_t spam, ham;
  };
  std::vector<Line> lines;
  unsigned number = 0;
  bool known = false;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto parts = fields(line, ' ');
    uint64_t spam = 0, ham = 0, date = 0;
    if (parts.size() != 4 || !whole(parts[1], spam) || !whole(parts[2], ham) ||
        !whole(parts[3], date))
      return fail(at_line("this is no line of `bogoutil -d`: word, spam, ham, date", number));
    if (parts[0] == ".MSG_COUNT") {
      out.learns = {spam, ham};
      known = true;
    } else if (!parts[0].starts_with('.')) {
      lines.push_back({std::string(parts[0]), spam, ham});
    }
  }
  if (!known) return fail("the list does not say of how many messages it is (.MSG_COUNT)");
  Tokens tokens(language);
  for (const Line& line : lines)
    out.used += add_bogofilter(tokens, line.word, line.spam, line.ham, out);
  out.lines = lines.size();
  return out;
}

Result<CountTable> read_sa_learn(std::istream& in, std::string_view language,
                                 const Vocabulary& vocabulary) {
  CountTable out;
  std::unordered_map<std::string, std::string_view> words, domains;
  for (const std::string& word : vocabulary) {
    words.emplace(sa_hash(word), word);
    if (is_host(word)) domains.emplace(sa_hash("UD:" + word), word);
  }
  Tokens tokens(language);
  unsigned number = 0;
  std::string hash;
  for (std::string line; std::getline(in, line);) {
    const auto parts = fields(line, '\t');
    ++number;
    uint64_t value = 0, spam = 0, ham = 0;
    if (parts[0] == "v" && parts.size() >= 3 && whole(parts[1], value)) {
      if (parts[2].starts_with("db_version") && value != 3)
        return fail(
            at_line(fmt::format("version {} of a backup is not known, 3 is", value), number));
      const bool of_spam = parts[2] == "num_spam";
      if (!of_spam && parts[2] != "num_nonspam") continue;
      // Tokens are held to it, so it may not change behind them.
      if (out.lines > 0)
        return fail(at_line("how many messages there were is said before the tokens", number));
      (of_spam ? out.learns.spam : out.learns.ham) = value;
    } else if (parts[0] == "t" && parts.size() == 5 && whole(parts[1], spam) &&
               whole(parts[2], ham) && unhex(parts[4], hash) && hash.size() == kSaHash) {
      ++out.lines;
      if (const auto word = words.find(hash); word != words.end())
        out.used += tokens.add_stem(FeatureKind::kWord, word->second, spam, ham, out);
      else if (const auto domain = domains.find(hash); domain != domains.end())
        out.used += Tokens::add_named(FeatureKind::kUrl, "domain", domain->second, spam, ham, out);
    } else if (parts[0] != "s") {
      return fail(at_line("this is no line of `sa-learn --backup`", number));
    }
  }
  return out;
}

}  // namespace winnow
