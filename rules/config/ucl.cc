#include "rules/config/ucl.h"

#include <cmath>
#include <new>

#include "rules/config/scalar.h"

namespace winnow {

std::string_view type_name(UclType type) {
  switch (type) {
    case UclType::kNull:
      return "null";
    case UclType::kBool:
      return "bool";
    case UclType::kInt:
      return "int";
    case UclType::kDouble:
      return "number";
    case UclType::kTime:
      return "time";
    case UclType::kString:
      return "string";
    case UclType::kArray:
      return "list";
    case UclType::kObject:
      return "section";
  }
  return "value";
}

std::string Warning::text() const {
  std::string out = Error{.what = what, .file = file, .line = line, .column = column}.text();
  if (!advice.empty()) out += " " + advice;
  return out;
}

Place UclObject::place() const { return {document_->file_name(file_), line_, column_}; }

Place UclObject::key_place() const {
  if (key_line_ == 0) return place();
  return {document_->file_name(key_file_), key_line_, key_column_};
}

std::string UclObject::path() const {
  std::vector<std::string> names;
  for (const UclObject* at = this; at && at->parent_; at = at->parent_) {
    if (at->parent_->is_array()) {
      uint32_t position = 0;
      for (const UclObject* before = at->previous_; before; before = before->previous_) ++position;
      names.push_back(std::to_string(position));
    } else {
      names.emplace_back(at->key_);
    }
  }
  std::string out;
  for (size_t i = names.size(); i-- > 0;) out += (out.empty() ? "" : ".") + names[i];
  return out;
}

std::vector<const UclObject*> UclObject::list() const {
  std::vector<const UclObject*> out;
  for (const UclObject& value : values()) {
    if (value.is_array()) {
      for (const UclObject& element : value.children()) out.push_back(&element);
    } else if (!value.is_null()) {
      out.push_back(&value);
    }
  }
  return out;
}

std::vector<const UclObject*> UclObject::named() const {
  std::vector<const UclObject*> out;
  for (const UclObject* value : list())
    if (value->is_object())
      for (const UclObject& entry : value->children()) out.push_back(&entry);
  return out;
}

const UclObject* UclObject::find(std::string_view key) const {
  return is_object() ? document_->lookup(*this, key) : nullptr;
}

const UclObject* UclObject::get(std::string_view path) const {
  const UclObject* at = this;
  while (!path.empty()) {
    // The longest leading part of the path that is a key here.
    const UclObject* next = nullptr;
    size_t length = path.size();
    while (true) {
      for (const UclObject& value : at->values()) {
        next = value.find(path.substr(0, length));
        if (next) break;
      }
      if (next || length == 0) break;
      const size_t dot = path.rfind('.', length - 1);
      length = dot == std::string_view::npos ? 0 : dot;
    }
    if (!next) return nullptr;
    at = next;
    path.remove_prefix(std::min(path.size(), length + 1));
  }
  return at;
}

std::optional<bool> UclObject::as_bool() const {
  if (type_ == UclType::kBool) return bool_;
  if (type_ == UclType::kString || type_ == UclType::kInt) return read_bool(text_);
  return std::nullopt;
}

// UCL knows inf and nan, and 1e308y is more than there is: nobody's weight, time or size.
std::optional<double> UclObject::as_number() const {
  const auto finite = [](double number) {
    return std::isfinite(number) ? std::optional(number) : std::nullopt;
  };
  if (type_ == UclType::kInt) return static_cast<double>(int_);
  if (type_ == UclType::kDouble || type_ == UclType::kTime) return finite(double_);
  if (type_ != UclType::kString) return std::nullopt;
  std::string_view text = text_;
  if (text.size() > 1 && text[0] == '+') text.remove_prefix(1);
  const std::string padded = !text.empty() && text[0] == '.' ? "0" + std::string(text) : "";
  const Scalar scalar = read_scalar(padded.empty() ? text : std::string_view(padded));
  if (scalar.kind == Scalar::Kind::kInt) return static_cast<double>(scalar.whole);
  if (scalar.kind == Scalar::Kind::kDouble || scalar.kind == Scalar::Kind::kTime)
    return finite(scalar.real);
  return std::nullopt;
}

std::optional<double> UclObject::as_seconds() const { return as_number(); }

std::optional<int64_t> UclObject::as_int() const {
  if (type_ == UclType::kInt) return int_;
  const auto number = as_number();
  if (!number || !(*number >= -9e18 && *number <= 9e18)) return std::nullopt;
  const auto whole = static_cast<int64_t>(*number);
  if (static_cast<double>(whole) != *number) return std::nullopt;
  return whole;
}

std::optional<std::string_view> UclObject::as_string() const {
  if (is_container() || is_null()) return std::nullopt;
  return text_;
}

bool UclObject::flag(std::string_view key, bool fallback) const {
  const UclObject* value = find(key);
  return value ? value->last_value().as_bool().value_or(fallback) : fallback;
}

int64_t UclObject::integer(std::string_view key, int64_t fallback) const {
  const UclObject* value = find(key);
  return value ? value->last_value().as_int().value_or(fallback) : fallback;
}

double UclObject::number(std::string_view key, double fallback) const {
  const UclObject* value = find(key);
  return value ? value->last_value().as_number().value_or(fallback) : fallback;
}

double UclObject::seconds(std::string_view key, double fallback) const {
  return number(key, fallback);
}

std::string_view UclObject::string(std::string_view key, std::string_view fallback) const {
  const UclObject* value = find(key);
  return value ? value->last_value().as_string().value_or(fallback) : fallback;
}

std::vector<std::string_view> UclObject::strings(std::string_view key) const {
  std::vector<std::string_view> out;
  if (const UclObject* value = find(key))
    for (const UclObject* element : value->list())
      if (const auto text = element->as_string()) out.push_back(*text);
  return out;
}

// ------------------------------------------------------------------------------- document

UclDocument::UclDocument() {
  files_.emplace_back();
  root_ = make(UclType::kObject);
}

uint32_t UclDocument::add_file(std::string_view name) {
  files_.emplace_back(name);
  return static_cast<uint32_t>(files_.size() - 1);
}

UclObject* UclDocument::make(UclType type) {
  static_assert(std::is_trivially_destructible_v<UclObject>);
  auto* value = new (arena_.alloc_bytes(sizeof(UclObject), alignof(UclObject))) UclObject(type);
  value->document_ = this;
  ++nodes_;
  return value;
}

UclObject* UclDocument::make_string(std::string_view text) {
  UclObject* value = make(UclType::kString);
  value->text_ = arena_.copy(text);
  return value;
}

UclObject* UclDocument::make_bool(bool flag) {
  UclObject* value = make(UclType::kBool);
  value->bool_ = flag;
  value->text_ = flag ? "true" : "false";
  return value;
}

UclObject* UclDocument::make_int(int64_t number) {
  UclObject* value = make(UclType::kInt);
  value->int_ = number;
  value->text_ = arena_.copy(std::string_view(std::to_string(number)));
  return value;
}

UclObject* UclDocument::make_double(double number) {
  UclObject* value = make(UclType::kDouble);
  value->double_ = number;
  value->text_ = arena_.copy(std::string_view(std::to_string(number)));
  return value;
}

UclObject* UclDocument::make_scalar(std::string_view text) {
  const Scalar scalar = read_scalar(text);
  UclObject* value = nullptr;
  switch (scalar.kind) {
    case Scalar::Kind::kString:
      return make_string(text);
    case Scalar::Kind::kNull:
      value = make(UclType::kNull);
      break;
    case Scalar::Kind::kBool:
      value = make(UclType::kBool);
      value->bool_ = scalar.flag;
      break;
    case Scalar::Kind::kInt:
      value = make(UclType::kInt);
      value->int_ = scalar.whole;
      break;
    case Scalar::Kind::kDouble:
    case Scalar::Kind::kTime:
      value = make(scalar.kind == Scalar::Kind::kTime ? UclType::kTime : UclType::kDouble);
      value->double_ = scalar.real;
      break;
  }
  value->text_ = arena_.copy(text);
  return value;
}

void UclDocument::set_place(UclObject& value, uint32_t file, uint32_t line, uint32_t column) {
  value.file_ = file;
  value.line_ = line;
  value.column_ = column;
}

void UclDocument::set_key_place(UclObject& value, uint32_t file, uint32_t line, uint32_t column) {
  value.key_file_ = file;
  value.key_line_ = line;
  value.key_column_ = column;
}

void UclDocument::place_as(UclObject& value, const UclObject& other) {
  set_place(value, other.file_, other.line_, other.column_);
  set_key_place(value, other.key_file_, other.key_line_, other.key_column_);
}

void UclDocument::set_priority(UclObject& value, unsigned priority) {
  value.priority_ = static_cast<uint8_t>(std::min(priority, 15u));
}

UclObject* UclDocument::copy_tree(const UclObject& from, size_t node_max) {
  // Work list of (original, copy) whose children are still to be copied.
  const auto shallow = [this](const UclObject& one) {
    UclObject* to = make(one.type_);
    to->priority_ = one.priority_;
    if (one.type_ == UclType::kBool)
      to->bool_ = one.bool_;
    else if (one.type_ == UclType::kInt)
      to->int_ = one.int_;
    else if (one.is_number())
      to->double_ = one.double_;
    to->text_ = one.document_ == this ? one.text_ : copy(one.text_);
    to->key_ = one.document_ == this ? one.key_ : copy(one.key_);
    if (one.document_ == this) {
      to->file_ = one.file_;
      to->line_ = one.line_;
      to->column_ = one.column_;
      to->key_file_ = one.key_file_;
      to->key_line_ = one.key_line_;
      to->key_column_ = one.key_column_;
    }
    return to;
  };
  std::vector<std::pair<const UclObject*, UclObject*>> open;
  const auto with_chain = [&](const UclObject& head) {
    UclObject* to = shallow(head);
    open.emplace_back(&head, to);
    UclObject* tail = to;
    for (const UclObject* link = head.chain_; link; link = link->chain_) {
      tail->chain_ = shallow(*link);
      tail = tail->chain_;
      to->chain_last_ = tail;
      open.emplace_back(link, tail);
    }
    return to;
  };
  UclObject* result = with_chain(from);
  while (!open.empty()) {
    const auto [original, made] = open.back();
    open.pop_back();
    for (const UclObject& child : original->children()) {
      if (nodes_ > node_max) return nullptr;
      UclObject* child_copy = with_chain(child);
      link_last(*made, child_copy);
    }
  }
  return result;
}

// ------------------------------------------------------------------------------- key index

namespace {
uint64_t slot_hash(const void* object, std::string_view key) {
  uint64_t hash = reinterpret_cast<uintptr_t>(object) * 0x9E3779B97F4A7C15ull;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
  return hash ^ hash >> 29;
}
// What stands in a slot whose node was removed: probing goes on over it.
UclObject* const kRemoved = reinterpret_cast<UclObject*>(uintptr_t{1});
}  // namespace

size_t UclDocument::index_slot(const UclObject& object, std::string_view key) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = slot_hash(&object, key) & mask;; at = (at + 1) & mask) {
    const UclObject* value = slots_[at];
    if (!value) return at;
    if (value != kRemoved && value->parent_ == &object && value->key_ == key) return at;
  }
}

void UclDocument::index_grow() {
  std::vector<UclObject*> old(std::max<size_t>(64, slots_.size() * 2));
  old.swap(slots_);
  slots_used_ = 0;
  for (UclObject* value : old)
    if (value && value != kRemoved) {
      slots_[index_slot(*value->parent_, value->key_)] = value;
      ++slots_used_;
    }
}

void UclDocument::index_add(UclObject* value) {
  if ((slots_used_ + 1) * 3 > slots_.size() * 2) index_grow();
  UclObject*& slot = slots_[index_slot(*value->parent_, value->key_)];
  if (!slot) ++slots_used_;
  slot = value;
}

void UclDocument::index_swap(UclObject* old, UclObject* value) {
  if (slots_.empty()) return;
  UclObject*& slot = slots_[index_slot(*old->parent_, old->key_)];
  if (slot == old) slot = value;
}

UclObject* UclDocument::lookup(const UclObject& object, std::string_view key) const {
  if (object.size_ < kIndexFrom) {
    for (UclObject* child = object.first_; child; child = child->next_)
      if (child->key_ == key) return child;
    return nullptr;
  }
  return slots_[index_slot(object, key)];
}

// ------------------------------------------------------------------------------- changes

UclObject* UclDocument::find(UclObject& object, std::string_view key) {
  return object.is_object() ? lookup(object, key) : nullptr;
}

void UclDocument::link_last(UclObject& container, UclObject* value) {
  value->parent_ = &container;
  value->next_ = nullptr;
  value->previous_ = container.last_;
  (container.last_ ? container.last_->next_ : container.first_) = value;
  container.last_ = value;
  ++container.size_;
  for (UclObject* link = value->chain_; link; link = link->chain_) link->parent_ = &container;
  if (!container.is_object()) return;
  if (container.size_ == kIndexFrom) {
    for (UclObject* child = container.first_; child; child = child->next_) index_add(child);
  } else if (container.size_ > kIndexFrom) {
    index_add(value);
  }
}

void UclDocument::append(UclObject& array, UclObject* value) { link_last(array, value); }

void UclDocument::lose(UclObject* winner, UclObject* loser) {
  // A loser keeps its own shadows: they come after it, before what the winner had already.
  loser->parent_ = winner->parent_;
  UclObject* tail = winner;
  while (tail->shadow_) tail = tail->shadow_;
  tail->shadow_ = loser;
}

void UclDocument::replace(UclObject* old, UclObject* value) {
  index_swap(old, value);
  UclObject& container = *old->parent_;
  value->parent_ = &container;
  value->previous_ = old->previous_;
  value->next_ = old->next_;
  (old->previous_ ? old->previous_->next_ : container.first_) = value;
  (old->next_ ? old->next_->previous_ : container.last_) = value;
  old->next_ = old->previous_ = nullptr;
  lose(value, old);
}

UclObject* UclDocument::insert(UclObject& object, UclObject* value, UclDuplicate duplicate) {
  UclObject* old = lookup(object, value->key_);
  if (!old) {
    link_last(object, value);
    return value;
  }
  const bool gives_way = old->inherited_ && !value->inherited_;
  if (duplicate == UclDuplicate::kRewrite || gives_way || value->priority_ > old->priority_) {
    replace(old, value);
    return value;
  }
  if (value->priority_ < old->priority_ || (value->inherited_ && !old->inherited_)) {
    lose(old, value);
    return old;
  }
  value->parent_ = &object;
  UclObject* tail = old->chain_last_ ? old->chain_last_ : old;
  tail->chain_ = value;
  old->chain_last_ = value;
  return old;
}

UclObject* UclDocument::set(UclObject& object, std::string_view key, UclObject* value) {
  value->key_ = copy(key);
  if (UclObject* old = lookup(object, key)) {
    value->priority_ = std::max(value->priority_, old->priority_);
    replace(old, value);
  } else {
    link_last(object, value);
  }
  return value;
}

UclObject* UclDocument::object_at(UclObject& object, std::string_view key) {
  if (UclObject* old = lookup(object, key))
    for (UclObject* value = old; value; value = value->chain_)
      if (value->is_object()) return value;
  return set(object, key, make(UclType::kObject));
}

UclObject* UclDocument::remove(UclObject& object, std::string_view key) {
  UclObject* old = find(object, key);
  if (!old) return nullptr;
  index_swap(old, kRemoved);
  (old->previous_ ? old->previous_->next_ : object.first_) = old->next_;
  (old->next_ ? old->next_->previous_ : object.last_) = old->previous_;
  old->next_ = old->previous_ = nullptr;
  // An object that falls below the limit is searched as a list again.
  --object.size_;
  return old;
}

}  // namespace winnow
