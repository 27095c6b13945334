// Files of other filters: word lists of bogofilter and SpamAssassin, dumps of rspamadm. Any bytes
// are counts or an error with its line; what a dump says is written back as a line that says the
// same.
#include <sstream>
#include <string>

#include "pipeline/learn/foreign_words.h"
#include "pipeline/learn/rspamd_dump.h"
#include "tests/fuzz/require.h"

namespace {

using namespace winnow;

// Whether `text` is that key, so many times.
bool reads_as(const std::string& text, const DumpedKey& key, size_t times) {
  std::istringstream in(text);
  size_t found = 0;
  const Result<void> good = read_rspamd_dump(in, [&](DumpedKey&& same) -> Result<void> {
    found += same.key == key.key && same.set == key.set && same.fields == key.fields &&
             same.members == key.members;
    return {};
  });
  return good && found == times;
}

// The records that a table becomes are the same ones after they were written.
void become_records(const CountTable& table) {
  std::vector<LearnRecord> records;
  append_counts_records(table, records);
  for (const LearnRecord& record : records) {
    std::string bytes;
    append_record(record, bytes);
    LearnRecord same;
    require(read_record(bytes, same) && same == record);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const auto check = [](const Result<CountTable>& table) {
    if (!table) return;
    require(table->used <= table->lines && table->counts.size() <= table->used);
    for (const auto& [token, count] : table->counts)
      require(count.spam <= table->learns.spam && count.ham <= table->learns.ham);
    become_records(*table);
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
    require(reads_as(dump_line(key), key, 1));
    if (!key.set)
      require(reads_as(
          dump_json_begin(key) + dump_json_token(key, true) + std::string(kDumpJsonEnd), key, 2));
    return add_dumped(key, tables);
  }));
  for (const auto& [name, table] : tables) become_records(table);
  return 0;
}
