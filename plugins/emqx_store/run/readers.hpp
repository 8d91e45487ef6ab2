// The threads that answer queries. ask() from any thread; answers come as Events::rows() on one of
// theirs, in any order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "emqx_store/run/events.hpp"
#include "emqx_store/run/gate.hpp"
#include "keel/store.hpp"

namespace emqx_store {

class Readers {
 public:
  Readers(Gate& gate, Events& events) : gate_(gate), events_(events) {}
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;
  ~Readers() { stop(); }

  void start(std::uint32_t threads);
  // Ends the queries under way; what waits is not answered any more.
  void stop();
  // False: so many wait already that it is not taken.
  bool ask(std::uint64_t request, keel::StoreQuery query);
  std::uint64_t waiting() const;

 private:
  static constexpr std::size_t kMostWaiting = 1 << 16;

  struct Question {
    std::uint64_t request;
    keel::StoreQuery query;
  };
  void run();
  void answer(const Question& question);

  Gate& gate_;
  Events& events_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Question> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace emqx_store
