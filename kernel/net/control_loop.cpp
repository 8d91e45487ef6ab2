#include "kernel/net/control_loop.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <csignal>
#include <list>
#include <stdexcept>
#include <vector>

namespace keel::kernel {

struct ControlLoop::Impl {
  struct Repeated {
    asio::steady_timer timer;
    std::chrono::milliseconds period;
    std::function<void()> fn;
  };
  struct Watched {
    asio::posix::stream_descriptor descriptor;
    std::function<void()> fn;
  };

  asio::io_context context{1};
  std::vector<int> signal_fds;  // owned
  std::list<Repeated> repeated;
  std::list<Watched> watched;

  void wait_period(Repeated& work) {
    work.timer.expires_after(work.period);
    work.timer.async_wait([this, &work](const asio::error_code& failed) {
      if (failed) return;
      work.fn();
      wait_period(work);
    });
  }
  void wait_readable(Watched& watch) {
    watch.descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                [this, &watch](const asio::error_code& failed) {
                                  if (failed) return;
                                  watch.fn();
                                  wait_readable(watch);
                                });
  }
};

ControlLoop::ControlLoop() : impl_(std::make_unique<Impl>()) {}

ControlLoop::~ControlLoop() {
  for (auto& watch : impl_->watched) watch.descriptor.release();
  for (const int fd : impl_->signal_fds) ::close(fd);
}

void ControlLoop::post(Task task) {
  // Asio wants copyable or movable handlers; a Task is the latter.
  asio::post(impl_->context, [task = std::move(task)]() mutable { task(); });
}

void ControlLoop::run() {
  const auto work = asio::make_work_guard(impl_->context);
  impl_->context.run();
}

void ControlLoop::run_until(const std::function<bool()>& done) {
  const auto work = asio::make_work_guard(impl_->context);
  while (!done() && impl_->context.run_one() != 0) {
  }
}

void ControlLoop::stop() { impl_->context.stop(); }

void ControlLoop::on_signal(std::initializer_list<int> signals, std::function<void(int)> fn) {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : signals) sigaddset(&taken, number);
  const int fd = ::signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) throw std::runtime_error("signalfd: no descriptor is left; raise ulimit -n");
  impl_->signal_fds.push_back(fd);
  on_readable(fd, [fd, fn = std::move(fn)] {
    signalfd_siginfo info;
    while (::read(fd, &info, sizeof info) == sizeof info) fn(static_cast<int>(info.ssi_signo));
  });
}

void ControlLoop::every(std::chrono::milliseconds period, std::function<void()> fn) {
  impl_->wait_period(impl_->repeated.emplace_back(
      Impl::Repeated{asio::steady_timer(impl_->context), period, std::move(fn)}));
}

void ControlLoop::after(std::chrono::milliseconds delay, std::function<void()> fn) {
  auto timer = std::make_shared<asio::steady_timer>(impl_->context, delay);
  timer->async_wait([timer, fn = std::move(fn)](const asio::error_code& failed) {
    if (!failed) fn();
  });
}

void ControlLoop::on_readable(int fd, std::function<void()> fn) {
  impl_->wait_readable(impl_->watched.emplace_back(
      Impl::Watched{asio::posix::stream_descriptor(impl_->context, fd), std::move(fn)}));
}

asio::io_context& ControlLoop::context() { return impl_->context; }

}  // namespace keel::kernel
