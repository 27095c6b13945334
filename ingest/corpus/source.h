// Where messages come from: files, directories, Maildir, mbox, tar (plain, .gz, .zst), JSON
// lines, standard input. Each reader streams: it holds one message at a time.
//
// An input that cannot be read to its end is reported with its position and the rest is still
// read (bad input never stops a run); the count of such problems decides the exit code.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/result.h"
#include "pipeline/message.h"

namespace winnow {

struct ReadOptions {
  size_t message_bytes_max = 200u << 20;  // a larger message is reported and cut
  // How to take a regular file: guessed from its name and first bytes unless forced.
  enum class Format : uint8_t { kGuess, kMessage, kMbox, kTar, kJsonLines } format = Format::kGuess;
};

// Receives messages and problems in input order. `message` may be moved from.
// Returning false from message() stops reading.
struct ReadSink {
  std::function<bool(Message&& message)> message;
  std::function<void(const std::string& where, const std::string& what)> problem;
  // Input bytes consumed so far, for progress.
  std::function<void(uint64_t bytes)> progress;
};

// Reads every path in order ("-" = standard input; a directory is walked in name order, a
// Maildir's cur and new are taken). Returns false if the sink stopped.
bool read_messages(const std::vector<std::string>& paths, const ReadOptions& options,
                   const ReadSink& sink);

// Sum of the sizes of what `paths` name, for progress; 0 where unknown (standard input).
uint64_t input_bytes(const std::vector<std::string>& paths);

// --- The readers behind it, one file each ---

// Streaming bytes from a file or an archive member: fills `to`, returns bytes read, 0 at the
// end, or an Error.
using ByteReader = std::function<Result<size_t>(char* to, size_t capacity)>;

// `head`, which was read to tell the format, and then what `rest` gives. REQUIRED: `head` outlives
// it.
ByteReader behind_head(std::string_view head, ByteReader rest);

// One message, to the end of `bytes`. `size`: of what they give, as far as it is known; else 0.
bool read_message(const std::string& name, const ByteReader& bytes, size_t size,
                  const ReadOptions& options, const ReadSink& sink);
bool read_mbox(const std::string& name, const ByteReader& bytes, const ReadOptions& options,
               const ReadSink& sink);
bool read_json_lines(const std::string& name, const ByteReader& bytes, const ReadOptions& options,
                     const ReadSink& sink);
// tar in any compression that libarchive reads; a single compressed file that is no tar is
// taken as one input of the guessed format.
bool read_tar(const std::string& path, const ReadOptions& options, const ReadSink& sink);

// "ham" or "spam" if a directory of the path says so, else empty.
std::string_view label_of_path(std::string_view path);
// Guesses the format of a file from its name and first bytes. A first line "From " without a date
// begins an mbox only where a header follows it.
ReadOptions::Format guess_format(std::string_view name, std::string_view head);

}  // namespace winnow
