// Messages to other scanners and copies to mirrors, over the loop of ingest/serve. Everything here
// runs on the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "ingest/proxy/counts.h"
#include "ingest/proxy/wire.h"
#include "ingest/serve/log.h"

namespace winnow {

class Remote {
 public:
  using Done = std::function<void(std::optional<RemoteReply>)>;

  Remote(boost::asio::io_context& io, Log& log, RemoteCounts& counts);
  ~Remote();

  // From now on these settings; copies that wait are dropped and counted. What is being asked ends
  // under the old ones.
  void use(std::shared_ptr<const ProxySettings> settings);
  const ProxySettings& settings() const { return *settings_; }
  // Asks one host after the other, at most tries_max. `done` gets nothing where none answered, and
  // is called later, never from here. `model` says which actions an answer may have. REQUIRED:
  // settings().upstream.
  void scan(std::shared_ptr<const Message> message, std::shared_ptr<const ScoreModel> model,
            Done done);
  // Copies it to the mirrors that have room and whose share it falls into.
  void mirror(const Message& message);
  // Ends everything that is open: nobody waits for an answer any more.
  void stop();

 private:
  class Exchange;
  struct Try;
  struct Mirror;
  void ask(const std::shared_ptr<Try>& one);
  void next_copy(const std::shared_ptr<Mirror>& mirror);

  boost::asio::io_context& io_;
  Log& log_;
  RemoteCounts& counts_;
  std::shared_ptr<const ProxySettings> settings_;
  std::shared_ptr<HostChoice> choice_;
  std::vector<std::shared_ptr<Mirror>> mirrors_;
  // Shared with them: the last handlers of a loop end after this.
  const std::shared_ptr<std::unordered_set<Exchange*>> open_ =
      std::make_shared<std::unordered_set<Exchange*>>();
  bool stopped_ = false;
};

}  // namespace winnow
