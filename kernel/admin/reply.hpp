// What a command answers: text or JSON, handed to the reader in pieces, so that long lists need
// little memory. One per request, used by the thread that serves the request.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "kernel/base/task.hpp"

namespace keel::kernel {

// The exit codes of `ctl`. With `prompt` the answer is a question: ctl asks it and sends the
// command again, with what was typed as one more word.
enum class Exit : std::uint8_t { ok = 0, error = 1, usage = 2, prompt = 3 };

// Some entries of a list, put together on a shard and appended to a reply elsewhere. Each entry is
// a line, or a JSON value.
class ListChunk {
 public:
  explicit ListChunk(bool json) : json_(json) {}
  bool json() const { return json_; }
  void add(std::string_view entry);
  const std::string& text() const { return text_; }

 private:
  bool json_;
  std::string text_;
};

class Reply {
 public:
  // Takes a piece of output; false: the reader is gone.
  using Sink = std::function<bool(std::string_view)>;
  // Whether the reader is still there.
  using Probe = std::function<bool()>;

  Reply(Sink sink, bool json, Probe probe = {})
      : sink_(std::move(sink)), probe_(std::move(probe)), json_(json) {}
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  // Whether --json was given: then the answer is one JSON document.
  bool json() const { return json_; }
  // False: nobody reads this any more, a long command had better stop.
  bool alive() const { return alive_; }
  // The same, looked up now: for who waits long before there is anything to write.
  bool wanted() {
    if (alive_ && probe_) alive_ = probe_();
    return alive_;
  }

  void line(std::string_view text);  // text and a line break
  void flush();

  // Whole answers. As JSON {"result":text} and {"error":text}.
  Exit ok(std::string_view text);
  Exit ok();  // nothing to say: no output, or {"result":"ok"}
  Exit fail(std::string_view text);

  // A list: one entry per line, or a JSON array. A list that is not ended is cut off on purpose:
  // its reader must not take it for the whole.
  void begin_list();
  void append(const ListChunk& chunk);
  void entry(std::string_view text);
  Exit end_list();

  // Something to do after the exit code has been sent.
  void then(Task task) { then_ = std::move(task); }
  Task take_then() { return std::move(then_); }

 private:
  void write(std::string_view text);

  static constexpr std::size_t kPiece = 32'768;

  Sink sink_;
  Probe probe_;
  const bool json_;
  bool alive_ = true;
  bool first_entry_ = true;
  std::string buffer_;
  Task then_;
};

}  // namespace keel::kernel
