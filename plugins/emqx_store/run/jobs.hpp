// Work that takes its time, asked for by operators: compaction, checks, backups. One at a time, on
// a thread of its own. [control], but for what says otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace emqx_store {

class Jobs {
 public:
  struct Result {
    bool good = true;
    std::string text;  // for people; lines
    std::string json;  // one document
  };
  // [own thread]; to return soon once `cancelled` is set.
  using Work = std::function<Result(const std::atomic<bool>& cancelled)>;
  using Done = std::function<void(const Result&)>;  // [own thread]

  Jobs() = default;
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;
  ~Jobs() { stop(); }

  // False: another one is under way.
  bool start(std::string name, Work work, Done done);
  // Cancels what is under way. [any]
  void cancel() { cancelled_ = true; }
  // And waits for it.
  void stop();

  struct State {
    std::string running;            // a name; empty: nothing
    std::string last, last_result;  // of the last one that ended; its first line
  };
  State state() const;  // [any]

 private:
  mutable std::mutex mutex_;
  State state_;
  std::atomic<bool> cancelled_{false};
  std::thread thread_;
};

}  // namespace emqx_store
