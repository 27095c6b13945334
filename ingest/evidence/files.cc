#include "ingest/evidence/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ingest/write_all.h"

namespace winnow {

namespace {
tl::unexpected<Error> broken(const std::string& path, std::string_view what) {
  return fail(Error{.what = std::string(what) + ": " + std::strerror(errno), .file = path});
}

// Empties a file that is open for writing, where it is one of evidence or empty: a name in the
// wrong place must not cost mail.
bool is_replaceable(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) return true;
  std::string head(wev::kMagic.size(), '\0');
  return pread(fd, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size()) &&
         head == wev::kMagic && ftruncate(fd, 0) == 0;
}

}  // namespace

EvidenceNames evidence_names(const RuleSet& rules) {
  EvidenceNames names;
  for (const Symbol& symbol : rules.model.symbols)
    names.of(wev::Names::kSymbols).push_back(symbol.name);
  for (const AtomInfo& atom : rules.atoms) names.of(wev::Names::kAtoms).push_back(atom.text);
  for (uint32_t i = 0; i < rules.headers.size(); ++i)
    names.of(wev::Names::kHeaders).push_back(rules.headers.name(static_cast<HeaderId>(i)));
  for (const Check* const check : all_checks())
    names.of(wev::Names::kChecks).push_back(check->name);
  return names;
}

Result<std::unique_ptr<EvidenceFile>> EvidenceFile::create(const std::string& path,
                                                           const RuleSet& rules,
                                                           EvidenceLevel level) {
  std::unique_ptr<EvidenceFile> file(new EvidenceFile);
  file->path_ = path;
  file->fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file->fd_ < 0) file->fd_ = open(path.c_str(), O_WRONLY | O_CLOEXEC);  // a pipe, a device
  if (file->fd_ < 0) return broken(path, "cannot be written");
  if (!is_replaceable(file->fd_))
    return fail(
        Error{.what = "is there and holds no evidence: it is not overwritten", .file = path});
  file->names_ = evidence_names(rules);
  file->writer_ = std::make_unique<EvidenceWriter>(
      [raw = file.get()](std::string_view bytes) { return raw->write(bytes); }, file->names_,
      level);
  return file;
}

EvidenceFile::~EvidenceFile() {
  if (fd_ >= 0) close(fd_);
}

Result<void> EvidenceFile::write(std::string_view bytes) {
  if (!write_all(fd_, bytes)) return broken(path_, "cannot be written");
  return {};
}

Result<void> EvidenceFile::finish() {
  if (Result<void> ended = writer_->finish(); !ended) return ended;
  const int fd = std::exchange(fd_, -1);
  if (close(fd) != 0) return broken(path_, "cannot be written");
  return {};
}

Result<std::unique_ptr<EvidenceInput>> EvidenceInput::open(const std::string& path,
                                                           const RuleSet& rules) {
  std::unique_ptr<EvidenceInput> input(new EvidenceInput);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return broken(path, "cannot be read");
  struct stat info;
  if (fstat(fd, &info) == 0) input->size_ = static_cast<size_t>(info.st_size);
  if (input->size_ > 0) {
    input->data_ = mmap(nullptr, input->size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (input->data_ == MAP_FAILED) {
      input->data_ = nullptr;
      close(fd);
      return broken(path, "cannot be mapped");
    }
  }
  close(fd);
  input->names_ = evidence_names(rules);
  Result<EvidenceReader> reader =
      EvidenceReader::open({static_cast<const char*>(input->data_), input->size_}, input->names_);
  if (!reader) {
    Error error = reader.error();
    error.file = path;
    return fail(error);
  }
  input->reader_ = std::make_unique<EvidenceReader>(std::move(*reader));
  return input;
}

EvidenceInput::~EvidenceInput() {
  if (data_) munmap(data_, size_);
}

}  // namespace winnow
