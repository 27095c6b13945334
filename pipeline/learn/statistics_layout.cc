#include "pipeline/learn/statistics_layout.h"

#include <algorithm>

namespace winnow {

namespace {

char digit(Tokenizer tokenizer) { return static_cast<char>('0' + static_cast<int>(tokenizer)); }

}  // namespace

void put_big(std::string& out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
}

uint64_t read_big(std::string_view bytes) {
  uint64_t out = 0;
  for (const char c : bytes) out = out << 8 | static_cast<uint8_t>(c);
  return out;
}

std::string mark_key(const LearnRecord& record) {
  std::string key(1, 'k');
  key += digit(record.tokenizer);
  put_big(key, record.scope);
  return key.append(reinterpret_cast<const char*>(record.digest.data()), record.digest.size());
}

std::optional<CounterKey> CounterKey::of(std::string_view key) {
  if (key.size() < 10) return std::nullopt;
  CounterKey out;
  out.tokenizer = static_cast<Tokenizer>(key[1] - '0');
  const std::string_view rest = key.substr(2);
  const uint64_t last = read_big(key.substr(key.size() - 8));
  const auto sized = [&](size_t bytes) { return rest.size() == bytes; };
  switch (key[0]) {
    case 't':
      out.hash = last;
      return sized(8) ? std::optional(out) : std::nullopt;
    case 'u':
      out.hash = last;
      out.scope = read_big(rest.substr(0, 8));
      return sized(16) ? std::optional(out) : std::nullopt;
    case 'x':
      out.hash = last;
      out.plane = static_cast<uint8_t>(rest[0]);
      out.scope = read_big(rest.substr(1, 8));
      return sized(17) ? std::optional(out) : std::nullopt;
    case 'n':
      out.learns = true;
      out.scope = last;
      return sized(8) ? std::optional(out) : std::nullopt;
    case 'm':
      out.learns = true;
      out.plane = static_cast<uint8_t>(rest[0]);
      out.scope = last;
      return sized(9) ? std::optional(out) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::string CounterKey::head() const {
  std::string out{learns       ? (plane == 0 ? 'n' : 'm')
                  : plane > 0  ? 'x'
                  : scope == 0 ? 't'
                               : 'u',
                  digit(tokenizer)};
  if (plane > 0) out += static_cast<char>(plane);
  if (!learns && (plane > 0 || scope != 0)) put_big(out, scope);
  return out;
}

std::string CounterKey::text() const {
  std::string out = head();
  put_big(out, learns ? scope : hash);
  return out;
}

Result<ClassNames> read_class_names(const Store& store) {
  ClassNames out{LearnLabel::kSpam, LearnLabel::kHam};
  const auto values = store.get({&kClassesKey, 1}, 0);
  if (!values) return fail(values.error());
  if (!(*values)[0]) return out;
  std::string_view names = *(*values)[0];
  while (!names.empty()) {
    const size_t end = names.find('\n');
    const auto label = LearnLabel::of(names.substr(0, end));
    if (!label || end == std::string_view::npos || out.size() >= kStoreClassesMax)
      return fail("the list of classes in the model is damaged: run `winnow learn-log rebuild`");
    out.push_back(*label);
    names.remove_prefix(end + 1);
  }
  return out;
}

Result<void> StoreClasses::read(const Store& store) {
  if (!names_.empty()) return {};
  Result<ClassNames> names = read_class_names(store);
  if (!names) return fail(names.error());
  names_ = std::move(*names);
  known_ = names_.size();
  return {};
}

std::optional<uint8_t> StoreClasses::number(LearnLabel label) {
  const auto found = std::ranges::find(names_, label);
  if (found == names_.end()) {
    if (names_.size() >= kStoreClassesMax) return std::nullopt;
    names_.push_back(label);
    return static_cast<uint8_t>(names_.size() - 1);
  }
  return static_cast<uint8_t>(found - names_.begin());
}

std::optional<LearnLabel> StoreClasses::of_mark(const std::optional<std::string>& value) const {
  if (!value || value->size() != 9) return std::nullopt;
  const auto number = static_cast<uint8_t>((*value)[0]);
  if (number < 1 || number > names_.size()) return std::nullopt;
  return names_[number - 1];
}

std::string StoreClasses::value() const {
  std::string out;
  for (size_t i = 2; i < names_.size(); ++i) (out += names_[i].name()) += '\n';
  return out;
}

}  // namespace winnow
