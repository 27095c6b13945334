// Archives of any bytes: names are valid UTF-8, limits hold, a second run gives the same; and the
// detection of types and sizes of images on the same bytes.
#include <cstdint>
#include <cstdlib>

#include "engine/archive/list.h"
#include "engine/content/detect.h"
#include "engine/content/image_size.h"
#include "engine/text/utf8.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const DetectedType type = detect_type(bytes, "x.js");
  require(type.type.empty() == type.extension.empty());
  // What is detected fits its own extension, where that is one that mail uses.
  require(extension_fit(type.extension, type.type) != ExtensionFit::kDiffers);
  // A size needs the bytes of its header, and the first bytes decide.
  if (image_size(bytes)) require(size >= 10 && !image_size(bytes.substr(0, 9)));
  Limits limits;
  limits.archive_members_max = 100;
  limits.archive_unpacked_max = 1 << 22;
  limits.archive_depth_max = 2;
  size_t members = 0;
  for (int round = 0; round < 2; ++round) {
    Batch batch;
    batch.add("", 0, Envelope(), {});
    const uint32_t index = list_archive(limits, bytes, "x.zip", 0, 0, batch);
    const auto found = batch.archive_members.open_row();
    for (const ArchiveMember& member : found) {
      require(is_utf8(member.name) && member.depth <= limits.archive_depth_max);
    }
    if (index != kNoIndex) require(batch.archives.open_row()[index].members.end == found.size());
    if (round == 0) members = found.size();
    require(members == found.size());
  }
  return 0;
}
