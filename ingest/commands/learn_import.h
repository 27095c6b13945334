// winnow learn-log import: what others learnt, in whatever form it comes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/learn/record.h"
#include "pipeline/learn/site_statistics.h"
#include "pipeline/load.h"

namespace winnow {

struct LearnImport {
  std::string file;                // - is standard input
  std::vector<std::string> words;  // files with words to try
  std::string language = "en";     // of the words of a list
};

// Takes a file into the statistics that the configuration means; the form is told by its first
// line. Returns an exit code, having said what became of it.
int import_learning(const LearnImport& options, const RulesOptions& rules,
                    const std::string& folder);

// Learns records in steps; returns how many were new. `who` is what the log says.
Result<uint64_t> learn_counts(SiteStatistics& statistics, std::vector<LearnRecord> records,
                              const std::string& who);

// Two lower-case digits a byte.
bool read_hex(std::string_view text, std::string& out);

}  // namespace winnow
