#include "pipeline/lookup/store/lmdb_store.h"

#include <fmt/format.h>
#include <lmdb.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>

namespace winnow {

namespace {

constexpr std::string_view kFormatKey = "mformat";

MDB_val val(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
std::string_view view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

class LmdbTable final : public StoreTable {
 public:
  LmdbTable(MDB_txn* txn, MDB_dbi dbi, const LmdbOptions& options)
      : StoreTable(options.packed), txn_(txn), dbi_(dbi), options_(options) {}
  ~LmdbTable() override {
    if (cursor_) mdb_cursor_close(cursor_);
  }
  LmdbTable(const LmdbTable&) = delete;
  LmdbTable& operator=(const LmdbTable&) = delete;

  Result<std::optional<std::string_view>> find(std::string_view key) override {
    MDB_val name = val(key), value;
    const int code = mdb_get(txn_, dbi_, &name, &value);
    if (code == MDB_NOTFOUND || code == MDB_BAD_VALSIZE) return std::optional<std::string_view>();
    if (code != 0) return fail(error(code));
    return std::optional<std::string_view>(view(value));
  }
  Result<std::optional<Entry>> seek(std::string_view from) override {
    if (!cursor_)
      if (const int code = mdb_cursor_open(txn_, dbi_, &cursor_); code != 0)
        return fail(error(code));
    MDB_val name = val(from), value;
    const int code = mdb_cursor_get(cursor_, &name, &value, MDB_SET_RANGE);
    if (code == MDB_NOTFOUND) return std::optional<Entry>();
    if (code != 0) return fail(error(code));
    return std::optional<Entry>(Entry{view(name), view(value)});
  }
  Result<void> put(std::string_view key, std::string_view value) override {
    MDB_val name = val(key), bytes = val(value);
    if (const int code = mdb_put(txn_, dbi_, &name, &bytes, 0); code != 0) return fail(error(code));
    return {};
  }
  Result<void> erase(std::string_view key) override {
    MDB_val name = val(key);
    const int code = mdb_del(txn_, dbi_, &name, nullptr);
    if (code != 0 && code != MDB_NOTFOUND) return fail(error(code));
    return {};
  }
  // REQUIRED before the transaction ends.
  void close_cursor() {
    if (cursor_) mdb_cursor_close(std::exchange(cursor_, nullptr));
  }
  Error error(int code) const {
    if (code == MDB_MAP_FULL || code == MDB_TXN_FULL)
      return {.what = fmt::format("the store is full: its limit is {} bytes", options_.limit_bytes),
              .file = options_.folder};
    return {.what = fmt::format("the store cannot be used: {}", mdb_strerror(code)),
            .file = options_.folder};
  }

 private:
  MDB_txn* const txn_;
  const MDB_dbi dbi_;
  const LmdbOptions& options_;
  MDB_cursor* cursor_ = nullptr;
};

class LmdbStore final : public Store {
  const LmdbOptions options_;
  MDB_env* environment_ = nullptr;
  MDB_dbi dbi_ = 0;
  bool old_ = false;

  // Runs `what` in a read transaction. A map that another process let grow is taken over.
  template <class What>
  auto read(const What& what) const {
    MDB_txn* txn = nullptr;
    const int code = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &txn);
    using Out = decltype(call(what, std::declval<LmdbTable&>(), txn));
    if (code != 0)
      return Out(tl::unexpected<Error>(LmdbTable(nullptr, dbi_, options_).error(code)));
    LmdbTable table(txn, dbi_, options_);
    Out out = call(what, table, txn);
    table.close_cursor();
    mdb_txn_abort(txn);
    return out;
  }
  template <class What>
  static auto call(const What& what, LmdbTable& table, MDB_txn* txn) {
    if constexpr (std::is_invocable_v<What, LmdbTable&, MDB_txn*>)
      return what(table, txn);
    else
      return what(table);
  }

  // Runs `what` in a write transaction, and commits it where `keep` says so of its result.
  template <class What, class Keep>
  auto write(const What& what, const Keep& keep) {
    using Out = decltype(what(std::declval<LmdbTable&>()));
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(environment_, nullptr, 0, &txn); code != 0)
      return Out(tl::unexpected<Error>(LmdbTable(nullptr, dbi_, options_).error(code)));
    LmdbTable table(txn, dbi_, options_);
    Out out = what(table);
    table.close_cursor();
    if (!out || !keep(*out)) {
      mdb_txn_abort(txn);
      return out;
    }
    if (const int code = mdb_txn_commit(txn); code != 0)
      return Out(tl::unexpected<Error>(table.error(code)));
    return out;
  }

  int open_environment() {
    if (const int code = mdb_env_create(&environment_); code != 0) return code;
    mdb_env_set_maxreaders(environment_, 1024);
    if (const int code = mdb_env_set_mapsize(environment_, options_.limit_bytes); code != 0)
      return code;
    // Readers belong to transactions, not to threads; neighbours are not worth reading ahead.
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD;
    if (options_.read_only) flags |= MDB_RDONLY;
    if (!options_.sync) flags |= MDB_NOSYNC;
    if (const int code = mdb_env_open(environment_, options_.folder.c_str(), flags, 0640);
        code != 0)
      return code;
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &txn); code != 0)
      return code;
    const int code = mdb_dbi_open(txn, nullptr, 0, &dbi_);
    if (code != 0) {
      mdb_txn_abort(txn);
      return code;
    }
    return mdb_txn_commit(txn);  // else the handle would end with it
  }

  // 0: there is none yet.
  Result<uint32_t> read_format(StoreTable& table) const {
    const auto found = table.find(kFormatKey);
    if (!found) return fail(found.error());
    if (!*found) return 0;
    uint32_t format = 0;
    if ((*found)->size() == 4) std::memcpy(&format, (*found)->data(), 4);
    if (format == 0 || format > kLmdbFormat)
      return fail({.what = fmt::format("the store has format {}, this version knows formats up to "
                                       "{}: use the newer version, or another folder",
                                       format, kLmdbFormat),
                   .file = options_.folder});
    return format;
  }

  // One step towards this version's format; true: it is there.
  Result<bool> bring_up_to_date() {
    constexpr uint64_t kStepRows = 1 << 16;
    bool there = false;
    const Result<bool> done = write(
        [&](StoreTable& table) -> Result<bool> {
          const Result<uint32_t> format = read_format(table);
          if (!format) return fail(format.error());
          there = *format == kLmdbFormat;
          if (there) return false;
          const Result<uint64_t> moved = table_pack(table, kStepRows);
          if (!moved) return fail(moved.error());
          there = *moved < kStepRows;
          if (!there) return true;
          const std::string_view bytes(reinterpret_cast<const char*>(&kLmdbFormat),
                                       sizeof kLmdbFormat);
          if (Result<void> good = table.put(kFormatKey, bytes); !good) return fail(good.error());
          return true;
        },
        [](bool changed) { return changed; });
    if (!done) return fail(done.error());
    return there;
  }

  // For who only reads: it must be there, in this version's format.
  Result<void> check_format() {
    return read([&](StoreTable& table) -> Result<void> {
      const Result<uint32_t> format = read_format(table);
      if (!format) return fail(format.error());
      if (*format == 0) return fail({.what = "the store is empty", .file = options_.folder});
      old_ = *format < kLmdbFormat && !options_.packed.empty();
      if (old_)
        return fail({.what = "the store has an older format: whoever may write to it brings it up "
                             "to date (a service that starts, `winnow learn`)",
                     .file = options_.folder});
      return {};
    });
  }

  Result<void> prepare_format() {
    for (;;) {
      const Result<bool> done = bring_up_to_date();
      if (!done) return fail(done.error());
      if (*done) return {};
    }
  }

 public:
  explicit LmdbStore(const LmdbOptions& options) : options_(options) {}
  ~LmdbStore() override {
    if (environment_) mdb_env_close(environment_);
  }
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;

  // Whether open() failed because the format is older than what may be read.
  bool is_old() const { return old_; }
  Result<void> open() {
    if (!options_.read_only) {
      std::error_code problem;
      std::filesystem::create_directories(options_.folder, problem);
      if (problem)
        return fail(
            {.what = fmt::format("the folder of the store cannot be made: {}", problem.message()),
             .file = options_.folder});
    }
    if (const int code = open_environment(); code != 0) {
      if (code == MDB_VERSION_MISMATCH || code == MDB_INVALID)
        return fail({.what = "data.mdb is not a store that this version can read",
                     .file = options_.folder});
      return fail({.what = fmt::format("the store cannot be opened: {}", mdb_strerror(code)),
                   .file = options_.folder});
    }
    int dead = 0;  // readers that were killed
    mdb_reader_check(environment_, &dead);
    return options_.read_only ? check_format() : prepare_format();
  }

  Result<std::vector<std::optional<std::string>>> get(std::span<const std::string_view> keys,
                                                      int64_t now_ms) const override {
    return read([&](StoreTable& table) { return table_get(table, keys, now_ms); });
  }
  Result<std::vector<uint64_t>> counts(std::span<const std::string_view> keys,
                                       unsigned fields) const override {
    return read([&](StoreTable& table) { return table_counts(table, keys, fields); });
  }
  Result<std::vector<std::string>> list(std::string_view key, uint32_t skip,
                                        uint32_t count) const override {
    return read([&](StoreTable& table) { return table_list(table, key, skip, count); });
  }
  Result<std::vector<SortedMember>> window(std::string_view key, double min, double max,
                                           uint32_t count) const override {
    return read([&](StoreTable& table) { return table_window(table, key, min, max, count); });
  }
  Result<std::vector<CounterRow>> scan(std::string_view prefix, std::string_view after,
                                       uint32_t count) const override {
    return read([&](StoreTable& table) { return table_scan(table, prefix, after, count); });
  }
  Result<void> walk(std::string_view prefix, const TakeCounters& take) const override {
    return read([&](StoreTable& table) { return table_walk(table, prefix, "", take); });
  }
  Result<std::vector<std::pair<std::string, std::string>>> scan_values(
      std::string_view prefix, std::string_view after, uint32_t count,
      int64_t now_ms) const override {
    return read(
        [&](StoreTable& table) { return table_scan_values(table, prefix, after, count, now_ms); });
  }
  Result<bool> apply(const StoreBatch& batch, int64_t now_ms) override {
    return write([&](StoreTable& table) { return table_apply(table, batch, now_ms); },
                 [](bool done) { return done; });
  }
  Result<uint64_t> expire(int64_t now_ms, uint64_t max) override {
    return write([&](StoreTable& table) { return table_expire(table, now_ms, max); },
                 [](uint64_t gone) { return gone > 0; });
  }
  uint64_t version() const override {
    MDB_envinfo info;
    mdb_env_info(environment_, &info);
    return info.me_last_txnid;
  }
  Result<StoreSize> size() const override {
    return read([&](LmdbTable&, MDB_txn* txn) -> Result<StoreSize> {
      MDB_envinfo info;
      MDB_stat stat;
      mdb_env_info(environment_, &info);
      if (mdb_stat(txn, dbi_, &stat) != 0) return fail("the store's size cannot be read");
      const uint64_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
      return StoreSize{pages * stat.ms_psize, options_.limit_bytes};
    });
  }
};

}  // namespace

Result<std::unique_ptr<Store>> open_lmdb_store(const LmdbOptions& options) {
  auto store = std::make_unique<LmdbStore>(options);
  Result<void> opened = store->open();
  if (!opened && store->is_old()) {
    // Who may only read it, and could write it, brings it up to date first.
    store.reset();
    LmdbOptions writing = options;
    writing.read_only = false;
    if (auto up_to_date = std::make_unique<LmdbStore>(writing); !up_to_date->open())
      return fail(opened.error());
    store = std::make_unique<LmdbStore>(options);
    opened = store->open();
  }
  if (!opened) return fail(opened.error());
  return store;
}

bool lmdb_store_exists(const std::string& folder) {
  struct stat status;
  return stat((folder + "/data.mdb").c_str(), &status) == 0 && status.st_size > 0;
}

}  // namespace winnow
