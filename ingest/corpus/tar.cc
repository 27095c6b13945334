// tar archives of messages, in any compression that libarchive reads, streamed member by member.
#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <memory>

#include "ingest/corpus/source.h"

namespace winnow {

namespace {

using Reader = std::unique_ptr<archive, int (*)(archive*)>;

std::string error_of(archive* reader) {
  const char* text = archive_error_string(reader);
  return text ? text : "unknown error of the archive reader";
}

// One member that holds a message, an mbox or JSON lines.
bool read_member(const std::string& name, archive* reader, const ReadOptions& options,
                 const ReadSink& sink) {
  std::string bytes;
  const auto read_part = [&](char* to, size_t capacity) -> Result<size_t> {
    const la_ssize_t n = archive_read_data(reader, to, capacity);
    if (n < 0) return fail(error_of(reader));
    return static_cast<size_t>(n);
  };
  bytes.resize(64 * 1024);
  size_t size = 0;
  while (size < options.message_bytes_max) {
    if (size == bytes.size()) bytes.resize(bytes.size() * 2);
    Result<size_t> n = read_part(bytes.data() + size, bytes.size() - size);
    if (!n) {
      sink.problem(fmt::format("{}: byte {}", name, size), n.error().what);
      return true;
    }
    if (*n == 0) break;
    size += *n;
  }
  const std::string_view all(bytes.data(), size);
  const auto format = options.format == ReadOptions::Format::kGuess
                          ? guess_format(name, all.substr(0, 4096))
                          : options.format;
  if (format == ReadOptions::Format::kMbox || format == ReadOptions::Format::kJsonLines) {
    size_t given = 0;
    const ByteReader rest = [&](char* to, size_t capacity) -> Result<size_t> {
      if (given == all.size()) return read_part(to, capacity);
      const size_t n = std::min(capacity, all.size() - given);
      std::copy_n(all.data() + given, n, to);
      given += n;
      return n;
    };
    return format == ReadOptions::Format::kMbox ? read_mbox(name, rest, options, sink)
                                                : read_json_lines(name, rest, options, sink);
  }
  sink.progress(size);
  Message message;
  message.bytes = MessageBytes(all);
  message.source = name;
  message.label = label_of_path(name);
  return sink.message(std::move(message));
}

}  // namespace

bool read_tar(const std::string& path, const ReadOptions& options, const ReadSink& sink) {
  Reader reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_raw(reader.get());  // a compressed mbox or message
  if (archive_read_open_filename(reader.get(), path.c_str(), 256 * 1024) != ARCHIVE_OK) {
    sink.problem(path, error_of(reader.get()));
    return true;
  }
  bool damaged = false;  // the last header was: the reader looks for the next one block by block
  for (uint64_t member = 0;; ++member) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(reader.get(), &entry);
    if (result == ARCHIVE_EOF) return true;
    if (result == ARCHIVE_RETRY || result < ARCHIVE_WARN) {
      if (!damaged)
        sink.problem(fmt::format("{}: after member {}", path, member), error_of(reader.get()));
      damaged = true;
      if (result == ARCHIVE_RETRY) {
        --member;
        continue;
      }
      return true;
    }
    damaged = false;
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const bool raw = archive_format(reader.get()) == ARCHIVE_FORMAT_RAW;
    const char* name = archive_entry_pathname(entry);
    const std::string source = raw ? path : fmt::format("{}/{}", path, name ? name : "?");
    if (!read_member(source, reader.get(), options, sink)) return false;
  }
}

}  // namespace winnow
