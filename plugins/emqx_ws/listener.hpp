// A listening socket and the settings for who connects there. The settings may change while shards
// accept. [control] unless marked.
#pragma once

#include <keel/host.hpp>
#include <memory>
#include <mutex>

#include "emqx_ws/settings.hpp"

namespace ws {

class Listener {
 public:
  // Makes the handler of a new connection; null refuses it. [shard]
  using Accept = std::unique_ptr<keel::TcpHandler> (*)(void* plugin, const SettingsPtr& settings);

  Listener(SettingsPtr settings, Accept accept, void* plugin)
      : current_(std::make_shared<Current>(std::move(settings))),
        accept_(accept),
        plugin_(plugin) {}

  keel::Status open(keel::Host& host);
  void close() { socket_.reset(); }
  keel::Address local() const { return socket_.local(); }

  SettingsPtr settings() const { return current_->get(); }
  // For connections to come; the socket stays.
  void change(SettingsPtr settings) { current_->set(std::move(settings)); }

 private:
  class Current {
   public:
    explicit Current(SettingsPtr settings) : settings_(std::move(settings)) {}
    SettingsPtr get() const {
      const std::lock_guard lock(mutex_);
      return settings_;
    }
    void set(SettingsPtr settings) {
      const std::lock_guard lock(mutex_);
      settings_ = std::move(settings);
    }

   private:
    mutable std::mutex mutex_;
    SettingsPtr settings_;
  };

  std::shared_ptr<Current> current_;  // with the socket's callback, which may outlive this
  Accept accept_;
  void* plugin_;
  keel::TcpListener socket_;
};

}  // namespace ws
