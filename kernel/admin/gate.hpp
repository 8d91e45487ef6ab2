// The way of command threads into the other threads: posts a question to a shard's broker or to the
// control thread and waits for the answer, or for the gate to close. Made before the command
// threads, destroyed after them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
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
  // that takes the R, and calls it on any thread; it answers whether anybody still waited. Nothing,
  // too, when it is dropped without a call, or when `wanted`, asked now and then under the gate's
  // lock, says no.
  using Wanted = std::function<bool()>;
  template <class R, class F>
  std::optional<R> control_later(F fn, const Wanted& wanted = {});

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
    // Under the mutex:
    const Wanted* wanted = nullptr;  // of who waits
    std::optional<R> answer;
    bool ended = false;  // it was answered, or the task was destroyed without that
    bool left = false;   // nobody waits any more
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
    bool answer(R value) {
      const std::lock_guard lock(question_->shared->mutex);
      if (question_->left || question_->ended) return false;
      if (question_->wanted && *question_->wanted && !(*question_->wanted)()) return false;
      question_->answer = std::move(value);
      question_->ended = true;
      question_->shared->changed.notify_all();
      return true;
    }

   private:
    std::shared_ptr<Question<R>> question_;
  };

  template <class Post, class F>
  auto ask(Post post, F fn) -> std::optional<std::invoke_result_t<F&>>;
  template <class R, class Send>
  std::optional<R> wait_for(Send send, const Wanted& wanted = {});
  template <class Q>
  void wait(std::unique_lock<std::mutex>& lock, const Q& question, const Wanted& wanted);

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
std::optional<R> Gate::control_later(F fn, const Wanted& wanted) {
  return wait_for<R>(
      [&](Ticket<R> ticket) {
        auto shared = std::make_shared<Ticket<R>>(std::move(ticket));
        host_.post(Task([host = &host_, shared = std::move(shared), fn = std::move(fn)]() mutable {
          fn(*host,
             [shared = std::move(shared)](R value) { return shared->answer(std::move(value)); });
        }));
      },
      wanted);
}

template <class R, class Send>
std::optional<R> Gate::wait_for(Send send, const Wanted& wanted) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->closed) return std::nullopt;
  }
  auto question = std::make_shared<Question<R>>(shared_);
  question->wanted = &wanted;
  send(Ticket<R>(question));
  std::unique_lock lock(shared_->mutex);
  wait(lock, *question, wanted);
  question->left = true;
  return std::exchange(question->answer, std::nullopt);
}

template <class Q>
void Gate::wait(std::unique_lock<std::mutex>& lock, const Q& question, const Wanted& wanted) {
  constexpr std::chrono::milliseconds kLook{250};
  const auto over = [&] { return question.ended || shared_->closed; };
  if (!wanted) return shared_->changed.wait(lock, over);
  while (!shared_->changed.wait_for(lock, kLook, over) && wanted()) {
  }
}

}  // namespace keel::kernel
