// Evidence files on disk, with the names of a rule set.
#pragma once

#include <memory>
#include <string>

#include "ingest/evidence/reader.h"
#include "ingest/evidence/writer.h"
#include "rules/compile/rule_set.h"

namespace winnow {

// REQUIRED: the rule set outlives the names.
EvidenceNames evidence_names(const RuleSet& rules);

// A file that is being written. Errors name the file.
class EvidenceFile {
 public:
  static Result<std::unique_ptr<EvidenceFile>> create(const std::string& path, const RuleSet& rules,
                                                      EvidenceLevel level);
  ~EvidenceFile();
  Result<void> add(const Evidence& evidence) { return writer_->add(evidence); }
  Result<void> finish();

 private:
  EvidenceFile() = default;
  Result<void> write(std::string_view bytes);
  std::string path_;
  int fd_ = -1;
  EvidenceNames names_;
  std::unique_ptr<EvidenceWriter> writer_;
};

// A file that is read, mapped into memory.
class EvidenceInput {
 public:
  static Result<std::unique_ptr<EvidenceInput>> open(const std::string& path, const RuleSet& rules);
  ~EvidenceInput();
  EvidenceReader& reader() { return *reader_; }
  const EvidenceNames& names() const { return names_; }

 private:
  EvidenceInput() = default;
  void* data_ = nullptr;
  size_t size_ = 0;
  EvidenceNames names_;
  std::unique_ptr<EvidenceReader> reader_;
};

}  // namespace winnow
