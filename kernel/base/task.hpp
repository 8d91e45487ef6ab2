// A move-only callable run once or never; what travels through mailboxes. The callable is destroyed
// on the thread that destroys the Task, so a task dropped at shutdown frees what it carries.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace keel::kernel {

class Task {
 public:
  Task() = default;
  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, Task>) Task(F&& f)
      : body_(std::make_unique<Body<std::decay_t<F>>>(std::forward<F>(f))) {}

  explicit operator bool() const { return body_ != nullptr; }
  void operator()() { body_->run(); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void run() = 0;
  };
  template <class F>
  struct Body final : Base {
    explicit Body(F&& f) : call(std::move(f)) {}
    explicit Body(const F& f) : call(f) {}
    void run() override { call(); }
    F call;
  };
  std::unique_ptr<Base> body_;
};

}  // namespace keel::kernel
