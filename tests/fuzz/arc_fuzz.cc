// ARC: the input is the head of a message. Chains lie in the headers that were given, what is
// packed is unpacked again, and recorded results lie in their text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/mime/parse.h"
#include "rules/checks/auth/arc_link.h"
#include "rules/checks/row.h"

namespace winnow {
namespace {

void expect(bool good) {
  if (!good) std::abort();
}

void read_chain(std::span<const Header> headers, Arena& arena) {
  const ArcChain chain = read_arc_chain(headers);
  expect(chain.sets <= kArcInstancesMax);
  if (!chain.invalid.empty() || !chain.broken.empty()) return;
  for (uint32_t i = 1; i <= chain.sets; ++i) {
    for (const uint32_t at : {chain.results[i], chain.signatures[i], chain.seals[i]})
      expect(at < headers.size());
    DkimHeader seal;
    if (!parse_dkim_header(headers[chain.seals[i]].raw, arena, seal, DkimForm::kArcSeal)) continue;
    const ArcLink link{.role = ArcRole::kSeal,
                       .instance = static_cast<uint8_t>(i),
                       .signature = {.algorithm = algorithm_of(seal),
                                     .body = BodyHash::kNotMade,
                                     .domain = seal.domain,
                                     .selector = seal.selector,
                                     .digest = {},
                                     .signature = seal.signature}};
    ArcLink back;
    expect(unpack_arc_link(pack_arc_link(link, arena), back) && back.instance == i &&
           back.signature.domain == seal.domain);
  }
}

}  // namespace
}  // namespace winnow

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  if (size > 16384) return 0;
  std::string message(reinterpret_cast<const char*>(data), size);
  message.append(Batch::kPadding, '\0');
  HeaderNames names;
  const Limits limits;
  Batch batch;
  batch.add(std::string_view(message).substr(0, size), 0, {}, {});
  ParseScratch scratch;
  parse({names, limits}, scratch, batch);
  read_chain(own_headers(batch, 0), batch.arena);
  const std::string_view text = std::string_view(message).substr(0, size);
  const std::string_view result = recorded_result(text, "dmarc");
  expect(result.empty() || (result.data() >= text.data() && result.end() <= text.end()));
  ArcLink link;
  if (unpack_arc_link(text, link)) {
    ArcLink again;
    expect(unpack_arc_link(pack_arc_link(link, batch.arena), again));
    expect(again.instance == link.instance && again.signature.digest == link.signature.digest);
  }
  return 0;
}
