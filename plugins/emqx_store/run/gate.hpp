// The engine that is open, for the threads that read while the writer may have to open it anew.
// Made before those threads, outlives them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "emqx_store/engine/engine.hpp"

namespace emqx_store {

class Gate {
 public:
  // A visitor: the engine is not closed while it lives. Null: there is none at the moment.
  class Visit {
   public:
    explicit Visit(Gate& gate) : gate_(gate), engine_(gate.enter()) {}
    // Does not wait.
    Visit(Gate& gate, std::try_to_lock_t) : gate_(gate), engine_(gate.try_enter()) {}
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit() { gate_.leave(); }
    explicit operator bool() const { return engine_ != nullptr; }
    Engine* operator->() const { return engine_; }
    Engine& operator*() const { return *engine_; }

   private:
    Gate& gate_;
    Engine* engine_;
  };

  // Visitors that come from now on wait for open() or leave_closed(); those inside are waited for.
  // Answers the engine, which is then the caller's alone. [writer]
  std::unique_ptr<Engine> take() {
    std::unique_lock lock(mutex_);
    state_ = State::changing;
    changed_.wait(lock, [this] { return visitors_ == 0; });
    return std::move(engine_);
  }
  void open(std::unique_ptr<Engine> engine) { set(State::open, std::move(engine)); }
  // Visitors find nothing until open().
  void leave_closed() { set(State::closed, nullptr); }

 private:
  enum class State { closed, changing, open };

  void set(State state, std::unique_ptr<Engine> engine) {
    {
      const std::lock_guard lock(mutex_);
      state_ = state;
      engine_ = std::move(engine);
    }
    changed_.notify_all();
  }
  Engine* enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return state_ != State::changing; });
    ++visitors_;
    return engine_.get();
  }
  Engine* try_enter() {
    const std::lock_guard lock(mutex_);
    ++visitors_;
    return state_ == State::open ? engine_.get() : nullptr;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--visitors_ == 0) changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::closed;
  std::uint32_t visitors_ = 0;
  std::unique_ptr<Engine> engine_;
};

}  // namespace emqx_store
