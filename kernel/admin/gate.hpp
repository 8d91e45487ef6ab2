// The way of command threads into the other threads: posts a question to a shard's broker or to the
// control thread and waits for the answer, or for the gate to close. Made before the command
// threads, destroyed after them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "kernel/admin/host.hpp"
#include "kernel/broker/broker.hpp"

namespace keel::kernel {

class Gate {
 public:
  Gate(Realm& realm, AdminHost& host) : realm_(realm), host_(host) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  std::uint32_t shards() const { return static_cast<std::uint32_t>(realm_.brokers.size()); }
  std::uint32_t home(std::string_view client_id) const { return realm_.home(client_id); }

  // What `fn(Broker&)` answers on its shard. Nothing: the broker stops, and `fn` may run later or
  // never; so it holds everything it uses by value. Waits; not to be called on a shard or the
  // control thread.
  template <class F>
  auto shard(std::uint32_t index, F fn) -> std::optional<std::invoke_result_t<F&, Broker&>> {
    Broker* const broker = realm_.brokers[index];
    return ask([broker](Task task) { broker->shard().post(std::move(task)); },
               [broker, fn = std::move(fn)]() mutable { return fn(*broker); });
  }

  // The same on every shard in turn, without answers. False: the broker stops.
  template <class F>
  bool every_shard(F fn) {
    for (std::uint32_t i = 0; i < shards(); ++i) {
      const auto told = shard(i, [fn](Broker& broker) mutable {
        fn(broker);
        return true;
      });
      if (!told) return false;
    }
    return true;
  }

  // What `fn(AdminHost&)` answers on the control thread; otherwise as shard().
  template <class F>
  auto control(F fn) -> std::optional<std::invoke_result_t<F&, AdminHost&>> {
    AdminHost* const host = &host_;
    return ask([host](Task task) { host->post(std::move(task)); },
               [host, fn = std::move(fn)]() mutable { return fn(*host); });
  }

  // The same for an answer that comes later: `fn(AdminHost&, answer)` keeps `answer`, a function
  // that takes the R, and calls it on any thread. Nothing, too, when it is dropped without a call.
  template <class R, class F>
  std::optional<R> control_later(F fn);

  // Ends all waiting; every later question is answered with nothing at once. [any]
  void close();

 private:
  // Kept alive by the questions under way.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool closed = false;
  };
  template <class R>
  struct Question {
    explicit Question(std::shared_ptr<Shared> gate) : shared(std::move(gate)) {}
    const std::shared_ptr<Shared> shared;
    std::optional<R> answer;  // under the mutex
    bool ended = false;       // under the mutex: the task ran, or was destroyed without having run
  };
  // Travels with the task and tells when the task goes.
  template <class R>
  class Ticket {
   public:
    explicit Ticket(std::shared_ptr<Question<R>> question) : question_(std::move(question)) {}
    Ticket(Ticket&&) noexcept = default;
    ~Ticket() {
      if (!question_) return;
      const std::lock_guard lock(question_->shared->mutex);
      question_->ended = true;
      question_->shared->changed.notify_all();
    }
    void answer(R value) {
      const std::lock_guard lock(question_->shared->mutex);
      question_->answer = std::move(value);
    }

   private:
    std::shared_ptr<Question<R>> question_;
  };

  template <class Post, class F>
  auto ask(Post post, F fn) -> std::optional<std::invoke_result_t<F&>>;
  template <class R, class Send>
  std::optional<R> wait_for(Send send);

  Realm& realm_;
  AdminHost& host_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

template <class Post, class F>
auto Gate::ask(Post post, F fn) -> std::optional<std::invoke_result_t<F&>> {
  using R = std::invoke_result_t<F&>;
  return wait_for<R>([&](Ticket<R> ticket) {
    post(Task([ticket = std::move(ticket), fn = std::move(fn)]() mutable { ticket.answer(fn()); }));
  });
}

template <class R, class F>
std::optional<R> Gate::control_later(F fn) {
  return wait_for<R>([&](Ticket<R> ticket) {
    auto shared = std::make_shared<Ticket<R>>(std::move(ticket));
    host_.post(Task([host = &host_, shared = std::move(shared), fn = std::move(fn)]() mutable {
      fn(*host, [shared = std::move(shared)](R value) { shared->answer(std::move(value)); });
    }));
  });
}

template <class R, class Send>
std::optional<R> Gate::wait_for(Send send) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->closed) return std::nullopt;
  }
  auto question = std::make_shared<Question<R>>(shared_);
  send(Ticket<R>(question));
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait(lock, [&] { return question->ended || shared_->closed; });
  return std::exchange(question->answer, std::nullopt);
}

}  // namespace keel::kernel
