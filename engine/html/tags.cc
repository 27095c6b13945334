// Names are looked up by their first eight bytes, folded to lower case and packed into one word, in
// an open-addressing table made at compile time; the few longer names compare their tails.
#include "engine/html/tags.h"

#include "engine/html/packed_name.h"

namespace winnow {

namespace {

struct TagRow {
  std::string_view name;
  uint8_t traits;
};

// In the order of HtmlTag, from kUnknown + 1 on.
constexpr TagRow kTagRows[] = {
    {"a", 0},
    {"abbr", 0},
    {"acronym", 0},
    {"address", kTagBlock},
    {"applet", kTagBarrier},
    {"area", kTagVoid},
    {"article", kTagBlock},
    {"aside", kTagBlock},
    {"audio", 0},
    {"b", 0},
    {"base", kTagVoid},
    {"basefont", kTagVoid},
    {"bdi", 0},
    {"bdo", 0},
    {"bgsound", kTagVoid},
    {"big", 0},
    {"blink", 0},
    {"blockquote", kTagBlock},
    {"body", kTagBlock | kTagOptionalEnd},
    {"br", kTagVoid},
    {"button", kTagBlock},
    {"canvas", 0},
    {"caption", kTagBlock | kTagBarrier},
    {"center", kTagBlock},
    {"circle", 0},
    {"cite", 0},
    {"code", 0},
    {"col", kTagVoid},
    {"colgroup", kTagOptionalEnd},
    {"data", 0},
    {"datalist", kTagHidden},
    {"dd", kTagBlock | kTagOptionalEnd},
    {"del", 0},
    {"details", kTagBlock},
    {"dfn", 0},
    {"dialog", kTagBlock | kTagHidden},
    {"dir", kTagBlock},
    {"div", kTagBlock},
    {"dl", kTagBlock},
    {"dt", kTagBlock | kTagOptionalEnd},
    {"em", 0},
    {"embed", kTagVoid},
    {"fieldset", kTagBlock},
    {"figcaption", kTagBlock},
    {"figure", kTagBlock},
    {"font", 0},
    {"footer", kTagBlock},
    {"form", kTagBlock},
    {"frame", kTagVoid},
    {"frameset", kTagBlock},
    {"g", 0},
    {"h1", kTagBlock},
    {"h2", kTagBlock},
    {"h3", kTagBlock},
    {"h4", kTagBlock},
    {"h5", kTagBlock},
    {"h6", kTagBlock},
    {"head", kTagBlock | kTagOptionalEnd},
    {"header", kTagBlock},
    {"hgroup", kTagBlock},
    {"hr", kTagVoid | kTagBlock},
    {"html", kTagBlock | kTagOptionalEnd},
    {"i", 0},
    {"iframe", kTagRaw},
    {"image", kTagVoid},
    {"img", kTagVoid},
    {"input", kTagVoid},
    {"ins", 0},
    {"isindex", kTagVoid},
    {"kbd", 0},
    {"keygen", kTagVoid},
    {"label", 0},
    {"legend", kTagBlock},
    {"li", kTagBlock | kTagOptionalEnd},
    {"link", kTagVoid},
    {"listing", kTagBlock | kTagPre},
    {"main", kTagBlock},
    {"map", 0},
    {"mark", 0},
    {"marquee", kTagBlock | kTagBarrier},
    {"math", 0},
    {"menu", kTagBlock},
    {"meta", kTagVoid},
    {"meter", 0},
    {"nav", kTagBlock},
    {"nextid", kTagVoid},
    {"nobr", 0},
    {"noembed", kTagRaw},
    {"noframes", kTagRaw},
    {"noscript", 0},
    {"object", kTagBarrier},
    {"ol", kTagBlock},
    {"optgroup", kTagBlock | kTagOptionalEnd},
    {"option", kTagBlock | kTagOptionalEnd},
    {"output", 0},
    {"p", kTagBlock | kTagOptionalEnd},
    {"param", kTagVoid},
    {"path", 0},
    {"picture", 0},
    {"plaintext", kTagBlock | kTagPre},
    {"pre", kTagBlock | kTagPre},
    {"progress", 0},
    {"q", 0},
    {"rb", kTagOptionalEnd},
    {"rp", kTagOptionalEnd | kTagHidden},
    {"rt", kTagOptionalEnd},
    {"rtc", kTagOptionalEnd},
    {"ruby", 0},
    {"s", 0},
    {"samp", 0},
    {"script", kTagRaw},
    {"search", kTagBlock},
    {"section", kTagBlock},
    {"select", kTagBlock},
    {"slot", 0},
    {"small", 0},
    {"source", kTagVoid},
    {"spacer", kTagVoid},
    {"span", 0},
    {"strike", 0},
    {"strong", 0},
    {"style", kTagRaw},
    {"sub", 0},
    {"summary", kTagBlock},
    {"sup", 0},
    {"svg", 0},
    {"table", kTagBlock | kTagBarrier},
    {"tbody", kTagBlock | kTagOptionalEnd},
    {"td", kTagOptionalEnd | kTagBarrier},
    {"template", kTagBarrier | kTagHidden},
    {"textarea", kTagBlock | kTagRcdata | kTagPre},
    {"tfoot", kTagBlock | kTagOptionalEnd},
    {"th", kTagOptionalEnd | kTagBarrier},
    {"thead", kTagBlock | kTagOptionalEnd},
    {"time", 0},
    {"title", kTagRcdata},
    {"tr", kTagBlock | kTagOptionalEnd},
    {"track", kTagVoid},
    {"tt", 0},
    {"u", 0},
    {"ul", kTagBlock},
    {"use", 0},
    {"var", 0},
    {"video", 0},
    {"wbr", kTagVoid},
    {"xml", kTagHidden},
    {"xmp", kTagBlock | kTagRcdata | kTagPre},
};
static_assert(std::size(kTagRows) + 1 == static_cast<size_t>(HtmlTag::kCount));

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kTagRows)> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kTagRows[i].name;
  return names;
}();
constexpr PackedNameTable<512> kTable(kNames);

}  // namespace

const std::array<uint8_t, static_cast<size_t>(HtmlTag::kCount)> kHtmlTagTraits = [] {
  std::array<uint8_t, static_cast<size_t>(HtmlTag::kCount)> traits{};
  for (size_t i = 0; i < std::size(kTagRows); ++i) traits[i + 1] = kTagRows[i].traits;
  return traits;
}();

HtmlTag html_tag(std::string_view name) {
  return static_cast<HtmlTag>(kTable.find(kNames, name) + 1);
}

HtmlTag html_tag(std::string_view name, const char* readable) {
  return static_cast<HtmlTag>(kTable.find(kNames, name, readable) + 1);
}

std::string_view html_tag_name(HtmlTag tag) {
  const auto i = static_cast<size_t>(tag);
  return i == 0 || i > std::size(kTagRows) ? std::string_view() : kTagRows[i - 1].name;
}

}  // namespace winnow
