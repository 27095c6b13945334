// Whom scan and explain ask: the same, so that what one says of a message holds for the other.
#pragma once

#include <functional>
#include <string>

#include "engine/result.h"
#include "pipeline/load.h"
#include "pipeline/lookup/answers.h"

namespace winnow {

class ArgumentParser;

struct SourceOptions {
  std::string statistics;  // the folder of what was learnt; empty: as the configuration has it
  bool offline = false, dns = false;

  // --statistics, --dns, --offline. REQUIRED: this outlives `parser`.
  void add_to(ArgumentParser& parser);
};

// Opens what the options and the configuration name. `warn`, from any thread, is told what does not
// answer; it must outlive the sources.
Result<AnswerSources> open_sources(const Loaded& loaded, const SourceOptions& options,
                                   const std::function<void(const std::string&)>& warn);

}  // namespace winnow
