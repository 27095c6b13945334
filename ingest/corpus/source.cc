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

// A file that is one message.
bool read_message(const std::string& name, const ByteReader& bytes, const ReadOptions& options,
                  const ReadSink& sink) {
  // Kept from file to file: clearing fresh pages costs more than reading a message does.
  constexpr size_t kKeepBytes = 4 << 20;
  thread_local std::string all;
  size_t size = 0;
  for (;;) {
    if (all.size() - size < 64 * 1024) all.resize(std::max<size_t>(all.size() * 2, 256 * 1024));
    Result<size_t> n = bytes(all.data() + size, all.size() - size);
    if (!n) {
      sink.problem(fmt::format("{}: byte {}", name, size), n.error().what);
      return true;
    }
    if (*n == 0) break;
    size += *n;
    if (size > options.message_bytes_max) {
      sink.problem(name, fmt::format("is larger than {} bytes; the rest is not scanned",
                                     options.message_bytes_max));
      size = options.message_bytes_max;
      break;
    }
  }
  sink.progress(size);
  Message message;
  message.bytes = MessageBytes({all.data(), size});
  if (all.size() > kKeepBytes) std::string().swap(all);
  message.source = name;
  message.label = label_of_path(name);
  return sink.message(std::move(message));
}

// Whether the file is a Maildir's: what begins there as a mailbox does is one message all the same.
bool in_maildir(const fs::path& file) {
  const fs::path folder = file.parent_path();
  if (folder.filename() != "cur" && folder.filename() != "new") return false;
  std::error_code error;
  return fs::is_directory(folder / "../cur", error) && fs::is_directory(folder / "../new", error);
}

Format guess_file(const std::string& name, std::string_view head) {
  const Format format = guess_format(name, head);
  const bool many = format == Format::kMbox || format == Format::kJsonLines;
  return many && in_maildir(name) ? Format::kMessage : format;
}

bool read_file(const std::string& name, const ReadOptions& options, const ReadSink& sink) {
  File file;
  if (name == "-") {
    file.fd = 0;
  } else {
    file.fd = open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (file.fd < 0) {
      sink.problem(name, fmt::format("cannot be opened: {}", std::strerror(errno)));
      return true;
    }
  }
  // Of a file so much that most messages are whole in one read; a stream is not waited for longer
  // than its kind takes to tell. Kept from file to file.
  constexpr size_t kHeadBytes = 64 * 1024, kStreamHeadBytes = 4096;
  thread_local std::string room(kHeadBytes, '\0');
  const size_t wanted = name == "-" ? kStreamHeadBytes : kHeadBytes;
  size_t have = 0;
  bool ended = false;
  while (have < wanted && !ended) {
    Result<size_t> n = read_some(file.fd, room.data() + have, wanted - have);
    if (!n) {
      sink.problem(name, n.error().what);
      return true;
    }
    ended = *n == 0;
    have += *n;
  }
  const std::string_view head(room.data(), have);
  const Format format = options.format == Format::kGuess ? guess_file(name, head) : options.format;
  if (format == Format::kTar && name != "-") return read_tar(name, options, sink);
  if (options.format == Format::kGuess && head.starts_with("PK\x03\x04")) {
    sink.problem(name,
                 "is a zip archive, which is not unpacked; --read-as message judges it as mail");
    return true;
  }
  size_t given = 0;
  const ByteReader bytes = [&](char* to, size_t capacity) -> Result<size_t> {
    if (given < head.size()) {
      const size_t n = std::min(capacity, head.size() - given);
      std::copy_n(head.data() + given, n, to);
      given += n;
      return n;
    }
    if (ended) return size_t{0};
    return read_some(file.fd, to, capacity);
  };
  const std::string shown = name == "-" ? "(standard input)" : name;
  switch (format) {
    case Format::kMbox:
      return read_mbox(shown, bytes, options, sink);
    case Format::kJsonLines:
      return read_json_lines(shown, bytes, options, sink);
    case Format::kTar:
      sink.problem(shown, "a tar archive is read from a file, not from standard input");
      return true;
    default:
      return read_message(shown, bytes, options, sink);
  }
}

// Names in a directory, sorted, so that a run does not depend on the file system's order.
std::vector<fs::path> sorted_entries(const fs::path& directory, const ReadSink& sink) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    entries.push_back(at->path());
  if (error) sink.problem(directory.string(), fmt::format("cannot be listed: {}", error.message()));
  std::ranges::sort(entries);
  return entries;
}

bool read_directory(const fs::path& top, const ReadOptions& options, const ReadSink& sink) {
  std::vector<fs::path> open{top};  // a stack: no recursion, whatever the tree's depth
  while (!open.empty()) {
    const fs::path path = open.back();
    open.pop_back();
    std::error_code error;
    const fs::file_status status = fs::symlink_status(path, error);
    if (fs::is_directory(status)) {
      std::vector<fs::path> entries = sorted_entries(path, sink);
      const bool maildir =
          fs::is_directory(path / "cur", error) && fs::is_directory(path / "new", error);
      for (auto at = entries.rbegin(); at != entries.rend(); ++at) {
        const std::string name = at->filename().string();
        const bool sub_maildir =
            maildir && name.starts_with(".") && fs::is_directory(*at / "cur", error);
        if (maildir && name != "cur" && name != "new" && !sub_maildir) continue;
        if (name.starts_with(".") && !sub_maildir) continue;
        open.push_back(*at);
      }
    } else if (fs::is_regular_file(status) || fs::is_symlink(status)) {
      if (fs::is_symlink(status) && fs::is_directory(path, error)) continue;  // no loops
      if (!read_file(path.string(), options, sink)) return false;
    }
  }
  return true;
}

}  // namespace

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

Format guess_format(std::string_view name, std::string_view head) {
  if (ends_with_any(name, {".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.bz2", ".tar.xz", ".tzst"}))
    return Format::kTar;
  if (head.starts_with("\x1f\x8b") || head.starts_with("\x28\xb5\x2f\xfd")) return Format::kTar;
  if (head.size() > 262 && head.substr(257, 5) == "ustar") return Format::kTar;
  if (ends_with_any(name, {".jsonl", ".ndjson", ".json"})) return Format::kJsonLines;
  // What the parser would pass over, if its lines end as those of an mbox do.
  const size_t past = head.starts_with("From ") ? past_from_lines(head, true) : 0;
  if (past > 0 && head[past - 1] == '\n') return Format::kMbox;
  if (head.starts_with("{\"")) return Format::kJsonLines;
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
