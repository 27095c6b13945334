#include "pipeline/learn/rebuild.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "pipeline/lookup/store/lmdb_store.h"

namespace winnow {

namespace {

constexpr uint32_t kStep = 4'096;

// A folder that is gone with its scope.
class OwnFolder {
 public:
  explicit OwnFolder(std::string path) : path_(std::move(path)) { remove(); }
  ~OwnFolder() { remove(); }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  void remove() const {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string path_;
};

const std::string& key_of(const CounterRow& row) { return row.key; }
const std::string& key_of(const std::pair<std::string, std::string>& value) { return value.first; }

// Walks two stores in step; calls differ(key, of the first or null, of the second or null).
template <class Scan, class Differ>
Result<void> compare(const Store& a, const Store& b, const Scan& scan, const Differ& differ) {
  using Rows = typename decltype(scan(a, std::string()))::value_type;
  Rows left, right;
  size_t i = 0, k = 0;
  std::string after_left, after_right;
  bool more_left = true, more_right = true;
  const auto fill = [&](const Store& store, Rows& rows, size_t& at, std::string& after,
                        bool& more) -> Result<void> {
    if (at < rows.size() || !more) return {};
    auto got = scan(store, after);
    if (!got) return fail(got.error());
    rows = std::move(*got);
    at = 0;
    more = rows.size() == kStep;
    if (!rows.empty()) after = key_of(rows.back());
    return {};
  };
  for (;;) {
    if (Result<void> good = fill(a, left, i, after_left, more_left); !good) return good;
    if (Result<void> good = fill(b, right, k, after_right, more_right); !good) return good;
    const bool l = i < left.size(), r = k < right.size();
    if (!l && !r) return {};
    if (l && (!r || key_of(left[i]) < key_of(right[k])))
      differ(key_of(left[i]), &left[i], nullptr), ++i;
    else if (r && (!l || key_of(right[k]) < key_of(left[i])))
      differ(key_of(right[k]), nullptr, &right[k]), ++k;
    else {
      if (!(left[i] == right[k])) differ(key_of(left[i]), &left[i], &right[k]);
      ++i, ++k;
    }
  }
}

}  // namespace

Result<void> walk_log(const LearningLog& log,
                      const std::function<bool(uint64_t offset, const LearnRecord&)>& each) {
  LearnRecord record;
  for (uint64_t at = kLearningLogHead, next = 0;; at = next) {
    const Result<bool> there = log.read(at, record, next);
    if (!there) return fail(there.error());
    if (!*there || !each(at, record)) return {};
  }
}

Result<uint64_t> rebuild_in_place(TokenStatistics& statistics, const std::string& folder) {
  const Result<LearningLog::Lock> lock = statistics.log().lock();
  if (!lock) return fail(lock.error());
  const OwnFolder own(fmt::format("{}/rebuild-{}", folder, getpid()));
  const Result<StoreSize> size = statistics.store().size();
  if (!size) return fail(size.error());
  auto made = open_lmdb_store({.folder = own.path(),
                               .limit_bytes = size->limit_bytes,
                               .sync = false,
                               .packed = kTokenFamilies});
  if (!made) return fail(made.error());
  if (Result<uint64_t> done = rebuild_model(statistics.log(), **made); !done)
    return fail(done.error());
  StoreBatch batch;
  uint64_t differ = 0;
  const Result<void> rows = compare(
      statistics.store(), **made,
      [](const Store& store, const std::string& after) { return store.scan("", after, kStep); },
      [&](const std::string& key, const CounterRow* is, const CounterRow* should) {
        ++differ;
        for (uint8_t field = 0; field < kStoreFieldsMax; ++field) {
          const auto of = [&](const CounterRow* row) {
            return row && field < row->counts.size() ? static_cast<int64_t>(row->counts[field]) : 0;
          };
          if (of(is) != of(should)) batch.add(key, field, of(should) - of(is));
        }
      });
  if (!rows) return fail(rows.error());
  using Value = std::pair<std::string, std::string>;
  const Result<void> values = compare(
      statistics.store(), **made,
      [](const Store& store, const std::string& after) {
        return store.scan_values("", after, kStep, 0);
      },
      [&](const std::string& key, const Value*, const Value* should) {
        ++differ;
        if (should)
          batch.set(key, should->second);
        else
          batch.erase(key);
      });
  if (!values) return fail(values.error());
  if (differ == 0) return 0;
  if (Result<void> done = statistics.mend(batch); !done) return fail(done.error());
  return differ;
}

Result<uint64_t> copy_as_of(const LearningLog& log, int64_t until_ms, const std::string& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem)
    return fail(
        {.what = fmt::format("the folder cannot be made: {}", problem.message()), .file = folder});
  const auto copy = LearningLog::create(learning_log_path(folder), log.name());
  if (!copy) return fail(copy.error());
  uint64_t end = kLearningLogHead, records = 0;
  std::vector<LearnRecord> some;
  std::optional<Error> wrong;
  const auto write = [&] {
    const auto offsets = (*copy)->append(some, end);
    if (!offsets) {
      wrong = offsets.error();
      return false;
    }
    if (!some.empty()) {
      LearnRecord last;
      const Result<bool> there = (*copy)->read(offsets->back(), last, end);
      if (!there) wrong = there.error();
    }
    some.clear();
    return !wrong;
  };
  const Result<void> walked = walk_log(log, [&](uint64_t, const LearnRecord& record) {
    if (record.time_ms > until_ms) return true;
    some.push_back(record);
    ++records;
    return some.size() < 1'024 || write();
  });
  if (!walked) return fail(walked.error());
  if (!wrong) write();
  if (wrong) return fail(*wrong);
  // Opening counts what is in the log.
  const auto statistics = TokenStatistics::open({.folder = folder});
  if (!statistics) return fail(statistics.error());
  return records;
}

}  // namespace winnow
