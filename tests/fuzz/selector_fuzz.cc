// Selectors: the first line is one; what is accepted runs over a message whose values are the rest.
#include <cstdlib>
#include <string_view>

#include "rules/lang/selector.h"
#include "rules/maps/map.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view first = text.substr(0, text.find('\n'));
  const std::string_view rest = first.size() < size ? text.substr(first.size() + 1) : "";
  HeaderNames names;
  const Result<Selector> selector = Selector::parse(first, names, [](std::string_view name) {
    MapBuilder builder(name == "ip" ? MapKind::kIp : MapKind::kHash);
    builder.add_lines("a b\n192.0.2.0/24 c\n", 0);
    return name == "none" ? nullptr : builder.finish();
  });
  if (!selector) {
    if (selector.error().column > first.size() + 1) std::abort();
    return 0;
  }
  Batch batch;
  Envelope envelope;
  envelope.from = envelope.helo = envelope.user = envelope.queue_id = rest;
  const std::string_view recipients[] = {rest, "b@rcpt.example"};
  batch.add(rest, 0, envelope, recipients);
  batch.facts[0].message_id_value = rest;
  Url url;
  url.normal = url.host = url.path = rest;
  batch.urls.values = {url};
  batch.headers.end_row();
  batch.urls.end_row();
  batch.parts.end_row();
  batch.addresses.end_row();
  batch.received.end_row();
  batch.texts.end_row();
  batch.emails.end_row();
  std::vector<std::string_view> values;
  Arena arena{1024, 64 * 1024};
  selector->values(batch, 0, arena, values);
  for (const std::string_view one : values)
    if (one.empty()) std::abort();
  if (values.size() > Selector::kValuesMax) std::abort();
  return 0;
}
