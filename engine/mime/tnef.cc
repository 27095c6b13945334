#include "engine/mime/tnef.h"

#include "engine/mime/rtf.h"

namespace winnow {

namespace {

constexpr uint32_t kSignature = 0x223E9F78;

enum Attribute : uint32_t {
  kBody = 0x0002800C,
  kMapiProps = 0x00069003,
  kOemCodePage = 0x00069007,
  kRenddata = 0x00069002,
  kAttachTitle = 0x00018010,
  kAttachData = 0x0006800F,
  kAttachProps = 0x00069005,
};

enum Property : uint16_t {
  kPropBody = 0x1000,
  kPropRtf = 0x1009,
  kPropHtml = 0x1013,
  kPropAttachData = 0x3701,
  kPropAttachName = 0x3704,
  kPropAttachLongName = 0x3707,
  kPropAttachMime = 0x370E,
};

enum PropertyType : uint16_t {
  kShort = 0x0002,
  kLong = 0x0003,
  kFloat = 0x0004,
  kDouble = 0x0005,
  kCurrency = 0x0006,
  kAppTime = 0x0007,
  kError = 0x000A,
  kBoolean = 0x000B,
  kObject = 0x000D,
  kInt64 = 0x0014,
  kString8 = 0x001E,
  kUnicode = 0x001F,
  kTime = 0x0040,
  kGuid = 0x0048,
  kBinary = 0x0102,
  kMultiValued = 0x1000,
};

// Reads little-endian values; past the end everything is zero and `ok` is false.
struct Reader {
  std::string_view in;
  bool ok = true;

  std::string_view bytes(size_t count) {
    if (count > in.size()) {
      ok = false;
      count = in.size();
    }
    const std::string_view taken = in.substr(0, count);
    in.remove_prefix(count);
    return taken;
  }
  uint64_t number(size_t size) {
    const std::string_view taken = bytes(size);
    uint64_t value = 0;
    for (size_t i = taken.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(taken[i]);
    return ok ? value : 0;
  }
  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
};

std::string_view until_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

void push_utf8(ArenaText& out, uint32_t c) {
  if (c < 0x80) {
    out.push(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push(static_cast<char>(0xC0 | c >> 6));
    out.push(static_cast<char>(0x80 | (c & 63)));
  } else if (c < 0x10000) {
    out.push(static_cast<char>(0xE0 | c >> 12));
    out.push(static_cast<char>(0x80 | (c >> 6 & 63)));
    out.push(static_cast<char>(0x80 | (c & 63)));
  } else {
    out.push(static_cast<char>(0xF0 | c >> 18));
    out.push(static_cast<char>(0x80 | (c >> 12 & 63)));
    out.push(static_cast<char>(0x80 | (c >> 6 & 63)));
    out.push(static_cast<char>(0x80 | (c & 63)));
  }
}

// UTF-16LE up to its NUL; lone surrogates become U+FFFD.
std::string_view utf16(std::string_view in, Arena& arena) {
  ArenaText out(arena, in.size() / 2 * 3 + 4);
  auto unit = [&](size_t at) -> uint32_t {
    return static_cast<uint8_t>(in[at]) | static_cast<uint32_t>(static_cast<uint8_t>(in[at + 1]))
                                              << 8;
  };
  for (size_t at = 0; at + 2 <= in.size(); at += 2) {
    uint32_t c = unit(at);
    if (c == 0) break;
    if (c >= 0xD800 && c < 0xE000) {
      const uint32_t low = at + 4 <= in.size() ? unit(at + 2) : 0;
      if (c < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        at += 2;
      } else {
        c = 0xFFFD;
      }
    }
    push_utf8(out, c);
  }
  return out.finish();
}

class TnefReader {
 public:
  TnefReader(size_t items_max, size_t text_bytes_max, Arena& arena, Tnef& tnef)
      : items_max_(items_max), text_bytes_max_(text_bytes_max), arena_(arena), tnef_(tnef) {}

  void read(std::string_view stream) {
    Reader in{stream};
    if (in.u32() != kSignature) {
      tnef_.broken = true;
      return;
    }
    in.u16();
    while (!in.in.empty()) {
      const uint8_t level = in.u8();
      const uint32_t id = in.u32();
      const uint32_t length = in.u32();
      const std::string_view data = in.bytes(length);
      in.u16();
      if (level == 1)
        message_attribute(id, data);
      else if (level == 2)
        attachment_attribute(id, data);
      if (!in.ok || (level != 1 && level != 2)) {
        tnef_.broken = true;
        break;
      }
    }
    flush_attachment();
  }

 private:
  struct Value {
    uint16_t type;
    std::string_view bytes;
  };

  void add(const TnefItem& item) {
    if (tnef_.items.size() < items_max_)
      tnef_.items.push_back(item);
    else
      tnef_.broken = true;
  }

  void message_attribute(uint32_t id, std::string_view data) {
    if (id == kOemCodePage && data.size() >= 4) {
      Reader in{data};
      tnef_.code_page = in.u32();
    } else if (id == kBody) {
      add({TnefItem::Kind::kText, {}, {}, until_nul(data), false});
    } else if (id == kMapiProps) {
      properties(data, false);
    }
  }

  void attachment_attribute(uint32_t id, std::string_view data) {
    if (id == kRenddata) flush_attachment();
    if (id == kRenddata) open_ = true;
    if (id == kAttachTitle && attachment_.filename.empty()) attachment_.filename = until_nul(data);
    if (id == kAttachData) attachment_.bytes = data;
    if (id == kAttachData || id == kAttachTitle) open_ = true;
    if (id == kAttachProps) properties(data, true);
  }

  void flush_attachment() {
    if (open_ && (!attachment_.bytes.empty() || !attachment_.filename.empty())) add(attachment_);
    attachment_ = TnefItem{};
    open_ = false;
  }

  std::string_view text_of(const Value& value) {
    return value.type == kUnicode ? utf16(value.bytes, arena_) : until_nul(value.bytes);
  }

  void message_property(uint16_t id, const Value& value) {
    if (id == kPropBody) {
      add({TnefItem::Kind::kText, {}, {}, text_of(value), value.type == kUnicode});
    } else if (id == kPropHtml) {
      const bool wide = value.type == kUnicode;
      add({TnefItem::Kind::kHtml, {}, {}, wide ? text_of(value) : value.bytes, wide});
    } else if (id == kPropRtf) {
      const DecodedBody rtf = decompress_rtf(value.bytes, text_bytes_max_, arena_);
      tnef_.broken |= rtf.broken;
      if (!rtf.bytes.empty()) add({TnefItem::Kind::kRtf, {}, {}, rtf.bytes, false});
    }
  }

  void attachment_property(uint16_t id, const Value& value) {
    if (id == kPropAttachLongName) attachment_.filename = text_of(value);
    if (id == kPropAttachName && attachment_.filename.empty())
      attachment_.filename = text_of(value);
    if (id == kPropAttachMime) attachment_.mime = text_of(value);
    if (id == kPropAttachData && attachment_.bytes.empty()) {
      // A COM object's first 16 bytes are its interface: an embedded message where the rest is
      // a TNEF stream of its own.
      attachment_.bytes =
          value.type == kObject && value.bytes.size() >= 16 ? value.bytes.substr(16) : value.bytes;
      Reader peek{attachment_.bytes};
      if (peek.u32() == kSignature) attachment_.kind = TnefItem::Kind::kMessage;
    }
    open_ = true;
  }

  static size_t fixed_size(uint16_t type) {
    switch (type) {
      case kShort:
      case kBoolean:
      case kLong:
      case kFloat:
      case kError:
        return 4;
      case kDouble:
      case kCurrency:
      case kAppTime:
      case kInt64:
      case kTime:
        return 8;
      case kGuid:
        return 16;
      default:
        return 0;
    }
  }

  void skip_name(Reader& in) {
    in.bytes(16);
    const uint32_t kind = in.u32();
    if (kind == 0) {
      in.u32();
    } else {
      const uint32_t length = in.u32();
      in.bytes((uint64_t{length} + 3) & ~uint64_t{3});
    }
  }

  void properties(std::string_view data, bool attachment) {
    Reader in{data};
    const uint32_t count = in.u32();
    for (uint32_t i = 0; i < count && in.ok; ++i) {
      const uint16_t type = in.u16();
      const uint16_t id = in.u16();
      if (id >= 0x8000) skip_name(in);
      const bool multiple = (type & kMultiValued) != 0;
      const uint16_t base = type & 0x0FFF;
      const size_t fixed = fixed_size(base);
      const bool variable =
          base == kString8 || base == kUnicode || base == kObject || base == kBinary;
      if (fixed == 0 && !variable) {
        in.ok = false;  // unknown type: its length is not known either
        break;
      }
      const uint32_t values = multiple || variable ? in.u32() : 1;
      for (uint32_t v = 0; v < values && in.ok; ++v) {
        const size_t size = variable ? in.u32() : fixed;
        const Value value{base, in.bytes(size)};
        if (variable) in.bytes(std::min(in.in.size(), (4 - size % 4) % 4));
        if (v != 0 || !in.ok) continue;
        if (attachment)
          attachment_property(id, value);
        else
          message_property(id, value);
      }
    }
    if (!in.ok) tnef_.broken = true;
  }

  size_t items_max_;
  size_t text_bytes_max_;
  Arena& arena_;
  Tnef& tnef_;
  TnefItem attachment_;
  bool open_ = false;
};

}  // namespace

void read_tnef(std::string_view stream, size_t items_max, size_t text_bytes_max, Arena& arena,
               Tnef& tnef) {
  tnef.items.clear();
  tnef.code_page = 0;
  tnef.broken = false;
  TnefReader(items_max, text_bytes_max, arena, tnef).read(stream);
}

}  // namespace winnow
