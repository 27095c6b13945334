// Containers whose kind is told by what is in them. Inner header of engine/content.
#pragma once

#include <string_view>

#include "engine/batch.h"

namespace winnow {

// A ZIP: OOXML, ODF, EPUB, JAR, APK, or plain. By the names of its first members.
DetectedType detect_zip(std::string_view bytes);

// An OLE2 compound file (MS-CFB): Word, Excel, PowerPoint, Visio, a message, an installer. By the
// names of its streams.
DetectedType detect_ole(std::string_view bytes);

}  // namespace winnow
