#include "kernel/program/server.hpp"

#include <atomic>
#include <ctime>

#include "kernel/base/clock.hpp"

namespace keel::kernel {

namespace {

constexpr std::size_t kExpireSlice = 1'000;

}  // namespace

Server::Server(std::shared_ptr<const Settings> settings)
    : shards_({settings->kernel.shards, settings->kernel.pin_shards}), realm_(settings, shards_) {
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    brokers_.push_back(std::make_unique<Broker>(realm_, shards_.shard(i)));
    realm_.brokers.push_back(brokers_.back().get());
  }
  listeners_ = std::make_unique<ListenerSet>(
      shards_, [this](Link& link) { return realm_.brokers[link.shard().index()]->accept(link); });
}

Server::~Server() {
  listeners_.reset();
  shards_.stop();
}

void Server::start() { shards_.start(); }

Result<void> Server::listen() {
  auto started = listeners_->apply(*realm_.settings());
  if (!started) listeners_->stop_all();
  return started;
}

Result<void> Server::apply(std::shared_ptr<const Settings> settings) {
  if (auto applied = listeners_->apply(*settings); !applied) {
    // All or nothing: what did change goes back.
    if (auto back = listeners_->apply(*realm_.settings()); !back)
      return Error{applied.error() + "; and going back: " + back.error()};
    return applied;
  }
  realm_.replace_settings(std::move(settings));
  return {};
}

void Server::drain(std::function<void()> done) {
  listeners_->stop_all();
  auto left = std::make_shared<std::atomic<std::size_t>>(brokers_.size());
  for (auto& broker : brokers_)
    broker->shard().post([&broker = *broker, left, done] {
      broker.drain(Reason::server_shutting_down, [left, done] {
        if (left->fetch_sub(1) == 1) done();
      });
    });
}

std::size_t Server::connections() const {
  std::size_t sum = 0;
  for (const ListenerStatus& listener : listeners_->list()) sum += listener.current;
  return sum;
}

void Server::tick() {
  realm_.subscriptions.flush_retired();
  realm_.retained.expire(monotonic_ms(), kExpireSlice);
  realm_.bans.tick(std::time(nullptr));
}

}  // namespace keel::kernel
