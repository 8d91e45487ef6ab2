// All listeners of the plugin, as the settings want them. [control]
#pragma once

#include <string>
#include <vector>

#include "emqx_ws/listener.hpp"

namespace ws {

class ListenerSet {
 public:
  explicit ListenerSet(keel::Host& host) : host_(host) {}

  keel::Status start(const std::vector<SettingsPtr>& wanted, Listener::Accept accept, void* plugin);
  // To what the settings say now; connections stay. Where that fails, all is as before.
  keel::Status change(const std::vector<SettingsPtr>& wanted);
  void close();
  // "ws:external at 127.0.0.1:8083; "
  std::string describe() const;

 private:
  keel::Status add(const SettingsPtr& settings);
  void mind_proxy(const Listener& listener);
  bool has_what_it_needs(const ListenerSettings& settings);
  void reopen(std::vector<std::unique_ptr<Listener>> closed);

  keel::Host& host_;
  Listener::Accept accept_ = nullptr;
  void* plugin_ = nullptr;
  std::vector<std::unique_ptr<Listener>> open_;
  std::vector<std::string> waiting_;  // names of those without a certificate
};

}  // namespace ws
