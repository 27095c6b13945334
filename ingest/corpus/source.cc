#include "ingest/corpus/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "engine/mime/header_block.h"

namespace winnow {

namespace fs = std::filesystem;
using Format = ReadOptions::Format;

namespace {

struct File {
  int fd = -1;
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd > 0) close(fd);
  }
};

Result<size_t> read_some(int fd, char* to, size_t capacity) {
  for (;;) {
    const ssize_t n = read(fd, to, capacity);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return fail(fmt::format("cannot be read: {}", std::strerror(errno)));
  }
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> suffixes) {
  return std::ranges::any_of(suffixes, [&](std::string_view s) { return name.ends_with(s); });
}

bool give_message(const std::string& name, MessageBytes&& bytes, const ReadSink& sink) {
  sink.progress(bytes.size());
  Message message;
  message.bytes = std::move(bytes);
  message.source = name;
  message.label = label_of_path(name);
  return sink.message(std::move(message));
}

bool is_maildir(const fs::path& folder) {
  std::error_code error;
  return fs::is_directory(folder / "cur", error) &&
         (fs::is_directory(folder / "new", error) || fs::is_directory(folder / "tmp", error));
}

// Whether the file is a Maildir's: what begins there as a mailbox does is one message all the same.
bool in_maildir(const fs::path& file) {
  const fs::path folder = file.parent_path();
  if (folder.filename() != "cur" && folder.filename() != "new") return false;
  return is_maildir(folder / "..");
}

Format guess_file(const std::string& name, std::string_view head) {
  const Format format = guess_format(name, head);
  const bool many = format == Format::kMbox || format == Format::kJsonLines;
  return many && in_maildir(name) ? Format::kMessage : format;
}

// What a file begins with.
struct Head {
  std::string bytes;
  size_t size = 0;     // of the whole file, where it is a regular one; else 0
  bool whole = false;  // nothing comes after `bytes`
};

// A small file at once, into the memory in which its message goes on. Of a larger one so much that
// its kind can be told; a stream is not waited for longer than that takes.
Result<Head> read_head(int fd, bool standard_input, size_t message_bytes_max) {
  constexpr size_t kWholeBytes = 256 * 1024, kHeadBytes = 64 * 1024, kStreamHeadBytes = 4096;
  Head head;
  struct stat about;
  if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0)
    head.size = static_cast<size_t>(about.st_size);
  const bool small = head.size > 0 && head.size <= std::min(kWholeBytes, message_bytes_max);
  const size_t wanted = small ? head.size : standard_input ? kStreamHeadBytes : kHeadBytes;
  head.bytes.reserve(wanted + Batch::kPadding);
  head.bytes.resize(wanted);
  size_t have = 0;
  bool ended = false;
  while (have < wanted && !ended) {
    Result<size_t> n = read_some(fd, head.bytes.data() + have, wanted - have);
    if (!n) return fail(n.error());
    ended = *n == 0;
    have += *n;
  }
  head.bytes.resize(have);
  head.whole = ended || small;
  return head;
}

bool read_file(const std::string& name, const ReadOptions& options, const ReadSink& sink) {
  const bool standard_input = name == "-";
  File file;
  if (standard_input) {
    file.fd = 0;
  } else {
    file.fd = open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (file.fd < 0) {
      sink.problem(name, fmt::format("cannot be opened: {}", std::strerror(errno)));
      return true;
    }
  }
  Result<Head> head = read_head(file.fd, standard_input, options.message_bytes_max);
  if (!head) {
    sink.problem(name, head.error().what);
    return true;
  }
  const std::string_view begin = head->bytes;
  const Format format = options.format == Format::kGuess ? guess_file(name, begin) : options.format;
  if (format == Format::kTar && !standard_input && head->size > 0)
    return read_tar(name, options, sink);
  if (options.format == Format::kGuess && begin.starts_with("PK\x03\x04")) {
    sink.problem(name,
                 "is a zip archive, which is not unpacked; --read-as message judges it as mail");
    return true;
  }
  const ByteReader bytes = behind_head(begin, [&](char* to, size_t capacity) -> Result<size_t> {
    if (head->whole) return size_t{0};
    return read_some(file.fd, to, capacity);
  });
  const std::string shown = standard_input ? "(standard input)" : name;
  switch (format) {
    case Format::kMbox:
      return read_mbox(shown, bytes, options, sink);
    case Format::kJsonLines:
      return read_json_lines(shown, bytes, options, sink);
    case Format::kTar:
      sink.problem(shown,
                   "is an archive or compressed: it is read from a file alone, not from a pipe");
      return true;
    default:
      if (head->whole && begin.size() <= options.message_bytes_max)
        return give_message(shown, MessageBytes::of(std::move(head->bytes)), sink);
      return read_message(shown, bytes, head->size, options, sink);
  }
}

// What is in a directory, sorted, so that a run does not depend on the file system's order. Each
// entry knows its kind, where the file system tells it, without a call for it.
std::vector<fs::directory_entry> sorted_entries(const fs::path& directory, const ReadSink& sink) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    entries.push_back(*at);
  if (error) sink.problem(directory.string(), fmt::format("cannot be listed: {}", error.message()));
  std::ranges::sort(entries);
  return entries;
}

// What is still to be walked. Links to directories are followed where somebody named them, and
// where they are a Maildir's cur and new; else there would be loops.
struct Open {
  fs::directory_entry entry;
  bool follow = false;
};

// Of a Maildir its mail and its folders are taken, whatever they are called (Maildir++ begins them
// with a dot); of other directories all that is not hidden.
void open_entries(const fs::path& path, const ReadSink& sink, std::vector<Open>& open) {
  std::error_code error;
  const bool maildir = is_maildir(path);
  std::vector<fs::directory_entry> entries = sorted_entries(path, sink);
  for (auto at = entries.rbegin(); at != entries.rend(); ++at) {
    const std::string name = at->path().filename().string();
    const bool mail = maildir && (name == "cur" || name == "new");
    if (!mail && (maildir || name.starts_with('.')) &&
        !(maildir && fs::is_directory(at->path() / "cur", error)))
      continue;
    open.push_back({std::move(*at), mail});
  }
}

bool read_directory(const fs::path& top, const ReadOptions& options, const ReadSink& sink) {
  std::error_code error;
  // A stack: no recursion, whatever the tree's depth.
  std::vector<Open> open{{fs::directory_entry(top, error), true}};
  while (!open.empty()) {
    const Open now = std::move(open.back());
    open.pop_back();
    const fs::directory_entry& entry = now.entry;
    const bool link = entry.is_symlink(error);
    if (entry.is_directory(error)) {
      if (!link || now.follow) open_entries(entry.path(), sink, open);
    } else if (entry.is_regular_file(error) || (link && !entry.exists(error))) {
      if (!read_file(entry.path().string(), options, sink)) return false;
    }
  }
  return true;
}

}  // namespace

ByteReader behind_head(std::string_view head, ByteReader rest) {
  return [head, rest = std::move(rest)](char* to, size_t capacity) mutable -> Result<size_t> {
    if (head.empty()) return rest(to, capacity);
    const size_t n = head.copy(to, capacity);
    head.remove_prefix(n);
    return n;
  };
}

bool read_message(const std::string& name, const ByteReader& bytes, size_t size,
                  const ReadOptions& options, const ReadSink& sink) {
  constexpr size_t kRoomBytes = 256 * 1024;
  std::string all;
  size_t have = 0;
  for (size_t room = size > 0 ? size + 1 : kRoomBytes;; room = std::max(room * 2, kRoomBytes)) {
    room = std::min(room, options.message_bytes_max + 1);
    all.reserve(room + Batch::kPadding);
    all.resize(room);
    Result<size_t> n = size_t{0};
    while (have < all.size() && (n = bytes(all.data() + have, all.size() - have)) && *n > 0)
      have += *n;
    if (!n) {
      sink.problem(fmt::format("{}: byte {}", name, have), n.error().what);
      return true;
    }
    if (have > options.message_bytes_max) {
      sink.problem(name, fmt::format("is larger than {} bytes; the rest is not scanned",
                                     options.message_bytes_max));
      have = options.message_bytes_max;
      break;
    }
    if (*n == 0) break;
  }
  all.resize(have);
  return give_message(name, MessageBytes::of(std::move(all)), sink);
}

std::string_view label_of_path(std::string_view path) {
  size_t end = path.rfind('/');
  while (end != std::string_view::npos) {
    const size_t begin = end == 0 ? std::string_view::npos : path.rfind('/', end - 1);
    const size_t from = begin == std::string_view::npos ? 0 : begin + 1;
    const std::string_view name = path.substr(from, end - from);
    if (name == "ham" || name == "spam") return name;
    end = begin;
  }
  return {};
}

namespace {

// Whether a line of JSON begins: an object with a first name, behind a mark and blanks.
bool begins_with_object(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  if (!head.starts_with('{')) return false;
  const size_t next = head.find_first_not_of(" \t", 1);
  return next != std::string_view::npos && head[next] == '"';
}

}  // namespace

Format guess_format(std::string_view name, std::string_view head) {
  if (ends_with_any(name, {".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", ".tlz", ".lzma"}) ||
      name.find(".tar.") != std::string_view::npos)
    return Format::kTar;
  // What libarchive unpacks: gzip, Zstandard, bzip2, xz, LZ4.
  using namespace std::string_view_literals;
  for (const std::string_view magic : {"\x1f\x8b"sv, "\x28\xb5\x2f\xfd"sv, "BZh"sv,
                                       "\xfd"
                                       "7zXZ\0"sv,
                                       "\x04\x22\x4d\x18"sv})
    if (head.starts_with(magic) && (magic != "BZh"sv || head.substr(4, 6) == "1AY&SY"sv))
      return Format::kTar;
  if (head.size() > 262 && head.substr(257, 5) == "ustar") return Format::kTar;
  if (ends_with_any(name, {".jsonl", ".ndjson", ".json"})) return Format::kJsonLines;
  // What the parser would pass over, if its lines end as those of an mbox do.
  const size_t past = head.starts_with("From ") ? past_from_lines(head, true) : 0;
  if (past > 0 && head[past - 1] == '\n') return Format::kMbox;
  if (begins_with_object(head)) return Format::kJsonLines;
  return Format::kMessage;
}

bool read_messages(const std::vector<std::string>& paths, const ReadOptions& options,
                   const ReadSink& sink) {
  for (const std::string& path : paths) {
    std::error_code error;
    if (path != "-" && fs::is_directory(path, error)) {
      if (!read_directory(path, options, sink)) return false;
    } else if (path != "-" && !fs::exists(path, error)) {
      sink.problem(path, "no such file or directory");
    } else if (!read_file(path, options, sink)) {
      return false;
    }
  }
  return true;
}

uint64_t input_bytes(const std::vector<std::string>& paths) {
  uint64_t sum = 0;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == "-") return 0;
    if (fs::is_directory(path, error)) {
      for (fs::recursive_directory_iterator
               at(path, fs::directory_options::skip_permission_denied, error),
           end;
           !error && at != end; at.increment(error))
        if (at->is_regular_file(error)) sum += at->file_size(error);
    } else if (const uint64_t size = fs::file_size(path, error); !error) {
      sum += size;
    }
  }
  return sum;
}

}  // namespace winnow
