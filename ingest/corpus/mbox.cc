// mbox (RFC 4155 and its dialects): a message begins at a "From " line with a date (from_line.h)
// that is the first of the file or follows an empty line; the first needs no date. Lines that match
// ^>+From  lose one '>' (mboxrd; mboxo differs only where a sender wrote ">From " himself).
#include <fmt/format.h>

#include <cstring>

#include "engine/mime/from_line.h"
#include "ingest/corpus/source.h"

namespace winnow {

namespace {

bool is_quoted_from(std::string_view line) {
  const size_t at = line.find_first_not_of('>');
  return at != 0 && at != std::string_view::npos && line.substr(at).starts_with("From ");
}

class Splitter {
 public:
  Splitter(const std::string& name, const ReadOptions& options, const ReadSink& sink)
      : name_(name), options_(options), sink_(sink) {}

  // `line` with its line end. Returns false if the sink stopped.
  bool line(std::string_view text) {
    const bool first = offset_ == 0 && begins_as_from_line(text);
    if (first || (after_empty_ && is_from_line(text))) {
      if (!flush(true)) return false;
      open_ = true;
      start_ = offset_;
    } else if (!open_) {
      if (text.find_first_not_of("\r\n \t") != std::string_view::npos && !lost_) {
        lost_ = true;
        sink_.problem(fmt::format("{}: byte {}", name_, offset_),
                      "text before the first \"From \" line of the mbox is not scanned");
      }
    } else if (text_.size() + text.size() > options_.message_bytes_max) {
      if (!cut_)
        sink_.problem(fmt::format("{}: byte {}", name_, start_),
                      "message is over the size limit and was cut");
      cut_ = true;
    } else {
      text_ += is_quoted_from(text) ? text.substr(1) : text;
    }
    offset_ += text.size();
    after_empty_ = text == "\n" || text == "\r\n";
    return true;
  }

  bool flush(bool separated) {
    if (!open_) return true;
    std::string_view body = text_;
    if (separated && after_empty_) body.remove_suffix(body.ends_with("\r\n") ? 2 : 1);
    Message message;
    message.bytes = MessageBytes(body);
    message.source = fmt::format("{}:{}", name_, ++count_);
    message.label = label_of_path(name_);
    text_.clear();
    cut_ = false;
    open_ = false;
    sink_.progress(offset_ - reported_);
    reported_ = offset_;
    return sink_.message(std::move(message));
  }

  uint64_t offset() const { return offset_; }
  bool open() const { return open_; }

 private:
  const std::string& name_;
  const ReadOptions& options_;
  const ReadSink& sink_;
  std::string text_;
  uint64_t offset_ = 0, start_ = 0, reported_ = 0;
  uint64_t count_ = 0;
  bool after_empty_ = true, open_ = false, cut_ = false, lost_ = false;
};

}  // namespace

bool read_mbox(const std::string& name, const ByteReader& bytes, const ReadOptions& options,
               const ReadSink& sink) {
  Splitter splitter(name, options, sink);
  std::string buffer(256 * 1024, '\0');
  std::string rest;  // a line that a read cut in two
  for (;;) {
    Result<size_t> n = bytes(buffer.data(), buffer.size());
    if (!n) {
      sink.problem(fmt::format("{}: byte {}", name, splitter.offset()), n.error().what);
      break;
    }
    if (*n == 0) break;
    std::string_view chunk(buffer.data(), *n);
    while (!chunk.empty()) {
      const size_t eol = chunk.find('\n');
      if (eol == std::string_view::npos) {
        rest += chunk;
        break;
      }
      bool go_on;
      if (rest.empty()) {
        go_on = splitter.line(chunk.substr(0, eol + 1));
      } else {
        rest += chunk.substr(0, eol + 1);
        go_on = splitter.line(rest);
        rest.clear();
      }
      if (!go_on) return false;
      chunk.remove_prefix(eol + 1);
    }
  }
  if (!rest.empty()) {
    if (splitter.open())
      sink.problem(fmt::format("{}: byte {}", name, splitter.offset() + rest.size()),
                   "mbox ends in the middle of a line: its last message may be cut");
    if (!splitter.line(rest)) return false;
  }
  return splitter.flush(false);
}

}  // namespace winnow
