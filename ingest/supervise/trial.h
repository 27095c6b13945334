// The throw-away process in which an engine scans what it may have died of (pipeline/suspects.h):
// this program again, with `--trial`, under the same rules. It scans one message after the other,
// each alone, until one kills it.
//
//   engine → trial   size:u64 message           trial → engine   'r' once it is ready, then 's' for
//                                               each message that it survived
#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>
#include <vector>

#include "pipeline/service.h"

namespace winnow {

class TrialProcess final : public Trial {
 public:
  TrialProcess(std::string program, std::vector<std::string> arguments)
      : program_(std::move(program)), arguments_(std::move(arguments)) {}
  ~TrialProcess() override { end(); }

  Fate scan(const Message& message) override;
  void idle() override { end(); }
  // Rules were swapped: the next message is scanned under the new ones. Any thread.
  void rules_changed() { outdated_.store(true); }

 private:
  bool start();
  void end();

  const std::string program_;
  const std::vector<std::string> arguments_;
  std::atomic<bool> outdated_{false};
  pid_t pid_ = -1;
  int link_ = -1;
};

// The other side: scans what comes over `link` until it is closed.
void serve_trial(int link, std::shared_ptr<LiveRules> live, const ServiceOptions& options);

// A message and its envelope as bytes, and back. Both are the same program.
void append_message(const Message& message, std::string& out);
bool read_message(std::string_view bytes, Message& message);

}  // namespace winnow
