// What aggregate reports of DMARC are made of, in Redis, as Rspamd keeps it (probed: Debian's
// rspamd 3.4), so that each makes reports of what the other counted:
//
//   dmarc_idx;DAY                 set: keys of that day
//   dmarc_rpt;DOMAIN;RUA;DAY      sorted set: rows, by how often they came
// A row: IP, SPF and DKIM (pass or fail), disposition, reason, domain of From; signing domains that
// passed, failed, ended in a temporary, in a permanent error ("|" between them); domain and result
// of SPF; with commas. What the domain's policy is and with which selectors was signed does not
// stand there: the first is looked up when a report is made. Names of keys and ";" are options
// (reporting.redis_keys).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "pipeline/dmarc_store.h"
#include "pipeline/load.h"
#include "pipeline/lookup/store/redis_client.h"
#include "pipeline/lookup/store/site_store.h"

namespace winnow {

struct DmarcRedisKeys {
  std::string index = "dmarc_idx", report = "dmarc_rpt", join = ";";
};

// As Rspamd writes it.
std::string write_rspamd_dmarc_row(const DmarcReportRow& row);
// False where the text is none.
bool read_rspamd_dmarc_row(std::string_view text, DmarcReportRow& row);

class DmarcRedis final : public DmarcRows {
 public:
  DmarcRedis(std::shared_ptr<RedisClient> client, DmarcRedisKeys keys, int64_t expires_ms)
      : client_(std::move(client)), keys_(std::move(keys)), expires_ms_(expires_ms) {}

  // Rows that find no room are not counted. Errors: Redis did not answer; some may then count.
  Result<void> add(std::span<const std::string> rows, int64_t now_ms,
                   const DmarcStoreOptions& options) override;
  Result<std::vector<Pile>> piles(int64_t now_ms) const override;
  Result<Rows> rows(const Pile& pile, int64_t now_ms) const override;
  Result<void> erase(const Pile& pile, int64_t now_ms) override;
  // Redis forgets by itself.
  Result<void> sweep(int64_t, const DmarcStoreOptions&) override { return {}; }

 private:
  std::string index_key(std::string_view day) const {
    return keys_.index + keys_.join + std::string(day);
  }
  std::string report_key(std::string_view day, std::string_view domain, std::string_view rua) const;
  std::optional<Pile> pile_of(std::string_view key, std::string_view day) const;

  const std::shared_ptr<RedisClient> client_;
  const DmarcRedisKeys keys_;
  const int64_t expires_ms_;
};

// Where the configuration keeps them: in Redis where it names servers, but for the tree walk of RFC
// 9989, whose reports say more than Rspamd's rows hold; else in the site's store.
Result<std::shared_ptr<DmarcRows>> open_dmarc_rows(const Loaded& loaded, SiteStores& stores);

}  // namespace winnow
