// Selectors: the first line is one; what is accepted runs over a message whose values are the rest.
#include <algorithm>
#include <string_view>

#include "engine/mime/ip.h"
#include "rules/lang/selector.h"
#include "rules/maps/map.h"
#include "tests/fuzz/require.h"

namespace {

using namespace winnow;

std::shared_ptr<const Map> some_map(std::string_view name) {
  if (name == "none") return nullptr;
  const bool patterns = name == "patterns";
  MapBuilder builder(patterns ? MapKind::kRegexp : name == "ip" ? MapKind::kIp : MapKind::kHash);
  builder.add_lines(patterns ? "/a+/i c\n" : "a b\n192.0.2.0/24 c\n", 0);
  return builder.finish();
}

// One of each thing that a selector can take, with `text` wherever text stands.
void fill(Batch& batch, std::string_view text, HeaderNames& names) {
  Envelope envelope;
  envelope.from = envelope.helo = envelope.hostname = envelope.user = envelope.queue_id = text;
  envelope.ip = *parse_ip("192.0.2.77");
  envelope.now_ms = static_cast<int64_t>(text.size()) * 100'000'000'000 - 5'000'000'000'000;
  const std::string_view recipients[] = {text, "b@rcpt.example"};
  batch.add(text, 0, envelope, recipients);
  Facts& facts = batch.facts[0];
  facts.message_id_value = text;
  facts.digest[0] = 1;
  facts.root_headers = 2;
  Header header;
  header.id = names.add("Subject");
  header.decoded = text;
  batch.headers.values = {header, header};
  Address address;
  address.name = address.address = address.local = address.domain = text;
  batch.addresses.values = {address, address};
  batch.addresses.values[1].field = AddressField::kTo;
  Received hop;
  hop.from_hostname = hop.real_hostname = hop.by_hostname = hop.protocol = text;
  hop.real_ip = *parse_ip("2001:db8::1");
  batch.received.values = {hop};
  Url url;
  url.normal = url.host = url.domain = url.path = url.query = url.user = text;
  batch.urls.values = {url};
  Email email;
  email.address = email.user = email.host = email.domain = text;
  batch.emails.values = {email};
  Part part;
  part.flags = static_cast<uint16_t>(PartFlag::kAttachment);
  part.filename = part.decoded = text;
  batch.parts.values = {part};
  Text words;
  words.plain = text;
  words.language = "en";
  words.words = {0, 1};
  batch.texts.values = {words};
  Word word;
  word.length = static_cast<uint16_t>(text.size());
  word.normal = text;
  batch.words.values = {word};
  batch.request_headers.begin = {0, 1};
  batch.request_headers.values = {{"settings-id", text}};
  batch.headers.end_row();
  batch.addresses.end_row();
  batch.received.end_row();
  batch.urls.end_row();
  batch.emails.end_row();
  batch.parts.end_row();
  batch.texts.end_row();
  batch.words.end_row();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view first = text.substr(0, text.find('\n'));
  const std::string_view rest = first.size() < size ? text.substr(first.size() + 1) : "";
  HeaderNames names;
  const Result<Selector> selector = Selector::parse(first, names, some_map);
  if (!selector) {
    require(selector.error().column <= first.size() + 1);
    return 0;
  }
  Batch batch;
  fill(batch, rest, names);
  std::vector<std::string_view> values, joined;
  Arena arena{1024, 64 * 1024};
  selector->values(batch, 0, arena, values);
  require(values.size() <= Selector::kValuesMax);
  require(std::ranges::none_of(values, [](std::string_view one) { return one.empty(); }));
  selector->joined(batch, 0, arena, "|", joined);
  require(joined.size() <= Selector::kValuesMax);
  return 0;
}
