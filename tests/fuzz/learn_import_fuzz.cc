// Files of other filters: word lists of bogofilter and SpamAssassin, dumps of rspamadm. Any bytes
// are counts or an error with its line; what a dump says is written back as a line that says the
// same.
#include <cstdlib>
#include <sstream>
#include <string>

#include "pipeline/learn/foreign_words.h"
#include "pipeline/learn/rspamd_dump.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace winnow;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto check = [](const Result<CountTable>& table) {
    if (!table) return;
    if (table->used > table->lines || table->counts.size() > table->used) std::abort();
    for (const auto& [token, count] : table->counts)
      if (count.spam > table->learns.spam || count.ham > table->learns.ham) std::abort();
    std::vector<LearnRecord> records;
    append_counts_records(*table, records);
    for (const LearnRecord& record : records) {
      std::string bytes;
      append_record(record, bytes);
      LearnRecord same;
      if (!read_record(bytes, same) || !(same == record)) std::abort();
    }
  };
  {
    std::istringstream in(input);
    check(read_bogofilter(in, "en"));
  }
  {
    Vocabulary words;
    std::istringstream text(input), in(input);
    add_vocabulary(text, words);
    check(read_sa_learn(in, "en", words));
  }
  std::map<std::string, CountTable> tables;
  std::istringstream in(input);
  static_cast<void>(read_rspamd_dump(in, [&](DumpedKey&& key) -> Result<void> {
    std::istringstream line(dump_line(key));
    bool there = false;
    const Result<void> again = read_rspamd_dump(line, [&](DumpedKey&& same) -> Result<void> {
      there = same.key == key.key && same.set == key.set && same.fields == key.fields &&
              same.members == key.members;
      return {};
    });
    if (!again || !there) std::abort();
    return add_dumped(key, tables);
  }));
  return 0;
}
