// What a file is, from its bytes: a table of magic numbers and a closer look at containers.
#pragma once

#include <string_view>

#include "engine/batch.h"

namespace winnow {

// Type and usual extension of `bytes`, both of static storage; empty where nothing is known.
// `filename` decides only between types that share their bytes (a text that is a script, a
// calendar ...). Linear, and bounded by the first 64 KiB and the directory of a container.
DetectedType detect_type(std::string_view bytes, std::string_view filename);

// Whether text is HTML whatever it is called: tags among the first 4 KiB that no other text has, of
// <html or <!doctype html with one other, two of <body, <table and <script, or four of <a, <p,
// <div and <span. Readers that go by the bytes show it so, and Rspamd reads it so.
bool looks_like_html(std::string_view text);

// Whether a declared type is among those that an extension (without the dot, any case) stands for.
enum class ExtensionFit { kUnknownExtension, kFits, kDiffers };
ExtensionFit extension_fit(std::string_view extension, std::string_view type);

// The type an extension stands for first; empty if it is not known. Static storage.
std::string_view type_of_extension(std::string_view extension);

}  // namespace winnow
