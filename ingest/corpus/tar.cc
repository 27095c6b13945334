// tar archives of messages, in any compression that libarchive reads, streamed member by member.
#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "ingest/corpus/source.h"

namespace winnow {

namespace {

constexpr size_t kNpos = std::string_view::npos;

using Reader = std::unique_ptr<archive, int (*)(archive*)>;

// A file as libarchive reads it, unpacked by zlib where it is gzip: that compares checksums, which
// libarchive's own reader does not.
struct Input {
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file{nullptr, gzclose};
  std::vector<char> room = std::vector<char>(64 * 1024);
  std::string wrong;  // why it ended early: told at the end, what came before it is mail

  static la_ssize_t read(archive*, void* input, const void** bytes) {
    auto& [file, room, wrong] = *static_cast<Input*>(input);
    const int n = gzread(file.get(), room.data(), static_cast<unsigned>(room.size()));
    *bytes = room.data();
    if (n > 0) return n;
    int code = Z_OK;
    gzerror(file.get(), &code);
    if (n < 0 || code == Z_BUF_ERROR)
      wrong = code == Z_BUF_ERROR ? "ends in the middle of its gzip stream"
              : code == Z_ERRNO   ? "cannot be read to its end"
                                  : "is damaged: gzip's data or checksum is wrong";
    return 0;
  }
};

std::string error_of(archive* reader) {
  const char* text = archive_error_string(reader);
  return text ? text : "unknown error of the archive reader";
}

std::string_view parent_of(std::string_view path) {
  path = path.substr(0, std::min(path.rfind('/'), path.size()));
  return path.substr(path.rfind('/') + 1);
}

// What a Maildir has besides mail: its folder is walked without them, too.
bool is_beside_mail(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const bool unique = !name.empty() && name[0] >= '0' && name[0] <= '9' && name.find('.') != kNpos;
  return (parent_of(path) == "tmp" && unique) || name.starts_with("dovecot-") ||
         name.starts_with("dovecot.") || name == "maildirfolder" || name == "maildirsize";
}

// One member that holds a message, an mbox or JSON lines. `path`: of the member, without what
// packed it.
bool read_member(const std::string& name, std::string_view path, archive* reader,
                 const ReadOptions& options, const ReadSink& sink) {
  const ByteReader unpack = [&](char* to, size_t capacity) -> Result<size_t> {
    const la_ssize_t n = archive_read_data(reader, to, capacity);
    if (n < 0) return fail(error_of(reader));
    return static_cast<size_t>(n);
  };
  constexpr size_t kHeadBytes = 64 * 1024;
  std::string head(kHeadBytes, '\0');
  size_t have = 0;
  Result<size_t> n = size_t{0};
  while (have < head.size() && (n = unpack(head.data() + have, head.size() - have)) && *n > 0)
    have += *n;
  const bool whole = n && have < head.size();
  head.resize(have);
  const ByteReader bytes = behind_head(head, [&](char* to, size_t capacity) -> Result<size_t> {
    return n ? unpack(to, capacity) : n;
  });
  auto format = options.format;
  if (format == ReadOptions::Format::kGuess) {
    format = guess_format(path, head);
    const std::string_view folder = parent_of(path);
    if (folder == "cur" || folder == "new")  // a Maildir: each file is one message
      if (format != ReadOptions::Format::kTar) format = ReadOptions::Format::kMessage;
  }
  switch (format) {
    case ReadOptions::Format::kMbox:
      return read_mbox(name, bytes, options, sink);
    case ReadOptions::Format::kJsonLines:
      return read_json_lines(name, bytes, options, sink);
    case ReadOptions::Format::kTar:
      sink.problem(name, "is packed inside an archive, and not unpacked");
      return true;
    default:
      return read_message(name, bytes, whole ? have : 0, options, sink);
  }
}

// "a.mbox.gz" to "a.mbox".
std::string_view without_packing(std::string_view path) {
  for (const std::string_view end : {".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzma", ".Z"})
    if (path.ends_with(end)) path.remove_suffix(end.size());
  return path;
}

// Everything in the archive that `reader` has open, or the one file that only is packed.
bool read_members(const std::string& path, archive* reader, const Input& input,
                  const ReadOptions& options, const ReadSink& sink) {
  bool damaged = false;  // the last header was: the reader looks for the next one block by block
  for (uint64_t member = 0;; ++member) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(reader, &entry);
    if (result == ARCHIVE_EOF) return true;
    if (result == ARCHIVE_RETRY || result < ARCHIVE_WARN) {
      if (!damaged)
        sink.problem(fmt::format("{}: after member {}", path, member), error_of(reader));
      damaged = true;
      if (result == ARCHIVE_RETRY) {
        --member;
        continue;
      }
      return true;
    }
    damaged = false;
    const char* const given = archive_entry_pathname(entry);
    const std::string name = given ? given : "?";
    const std::string source = fmt::format("{}/{}", path, name);
    if (const char* const other = archive_entry_hardlink(entry)) {
      if (!is_beside_mail(name))
        sink.problem(source, fmt::format("is a second name of {}, whose mail is read once", other));
      continue;
    }
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    if (archive_format(reader) == ARCHIVE_FORMAT_RAW) {
      const std::string_view inside = without_packing(path);
      const bool packed = archive_filter_code(reader, 0) != ARCHIVE_FILTER_NONE;
      if ((!packed && gzdirect(input.file.get())) ||
          guess_format(inside, {}) == ReadOptions::Format::kTar) {
        sink.problem(path, "is no tar archive, or begins with a damaged header");
        return true;
      }
      return read_member(path, inside, reader, options, sink);
    }
    if (is_beside_mail(name)) continue;
    if (!read_member(source, name, reader, options, sink)) return false;
  }
}

}  // namespace

bool read_tar(const std::string& path, const ReadOptions& options, const ReadSink& sink) {
  Input input;  // outlives the reader
  Reader reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_raw(reader.get());  // a compressed mbox or message
  input.file.reset(gzopen(path.c_str(), "rb"));
  if (!input.file) {
    sink.problem(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
    return true;
  }
  if (archive_read_open(reader.get(), &input, nullptr, Input::read, nullptr) != ARCHIVE_OK) {
    sink.problem(path, error_of(reader.get()));
    return true;
  }
  const bool more = read_members(path, reader.get(), input, options, sink);
  if (!input.wrong.empty()) sink.problem(path, input.wrong);
  return more;
}

}  // namespace winnow
