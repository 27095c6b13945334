// Values of Content-Type and Content-Disposition: a type and parameters (RFC 2045 5.1, 2183, 2231).
//
// Parameters are taken as mail clients take them rather than as the grammar wants them: comments
// go; a missing semicolon before NAME= is supplied; an unquoted value runs to the semicolon, inner
// blanks included; an unclosed quoted string runs to the end; of doubled signs (NAME=="x",
// NAME=""x"") one counts; RFC 2047 words in values are decoded.
// RFC 2231: NAME*0, NAME*1* ... are joined by their numbers, whatever their order in the text and
// whichever are missing, and an escape may reach over two of them; NAME*=charset'language'%XX is
// decoded. Which of several wins (RFC 2231 says nothing of duplicates; this is what most clients
// do): NAME* or NAME*0 over plain NAME (RFC 6266 4.3 asks for it), plain NAME over sections without
// NAME*0, else the first. What another reader takes in its place is kept beside it. A quote ends a
// string only before a semicolon, NAME=, a comment or the end ("a "b" c" is one string), and is
// read as the end, too, where that gives another value. Whatever had to be guessed sets
// Fault::kParameterBroken.
#pragma once

#include <span>
#include <string_view>

#include "engine/arena.h"
#include "engine/fault.h"
#include "engine/limits.h"
#include "engine/mime/header_scratch.h"

namespace winnow {

struct MimeParameter {
  std::string_view name;   // lower case, without RFC 2231 asterisks
  std::string_view raw;    // unquoted, joined and percent-decoded, in no known charset: boundaries
  std::string_view value;  // the same as valid UTF-8, RFC 2231 and RFC 2047 charsets decoded
  // Of a name that stands here with several values one that did not win; empty = none.
  std::string_view other_raw;
  std::string_view other;
};

struct MimeValue {
  std::string_view type;     // lower case: "text"; of a disposition "attachment"; may be empty
  std::string_view subtype;  // lower case: "html"; empty for a disposition or where it is missing
  bool broken = false;       // no type, no subtype where there should be one, or rubbish in them
  std::span<const MimeParameter> parameters;  // distinct names; within the arena

  // The parameter's value, empty where there is none. `name` in lower case.
  std::string_view value(std::string_view name) const;
  std::string_view raw(std::string_view name) const;
  // nullptr where there is none.
  const MimeParameter* find(std::string_view name) const;
  bool has(std::string_view name) const;
};

// Parses an unfolded Content-Type value: Header::unfolded, not decoded. Parameters over 128 are
// not looked at. Views point into `unfolded` or the arena; linear; sets Fault::kParameterBroken,
// Fault::kContentTypeBroken.
MimeValue parse_content_type(std::string_view unfolded, const Limits& limits,
                             HeaderScratch& scratch, Arena& arena, Faults& faults);

// The same for Content-Disposition; sets no kContentTypeBroken.
MimeValue parse_disposition(std::string_view unfolded, const Limits& limits, HeaderScratch& scratch,
                            Arena& arena, Faults& faults);

}  // namespace winnow
