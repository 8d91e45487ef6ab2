// All listeners of the gateway, as the settings want them. [control]
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "emqx_sn/listener.hpp"

namespace sn {

class ListenerSet {
 public:
  ListenerSet(keel::Host& host, Listener::Receive receive, void* plugin)
      : host_(host), receive_(receive), plugin_(plugin) {}

  // Before anything runs.
  keel::Status start(const std::vector<ListenerSettings>& wanted);
  // To what is wanted now. Where that fails, all is as before. `closed` gets those that are gone.
  keel::Status change(const std::vector<ListenerSettings>& wanted, std::vector<Listener*>& closed);
  // Reads certificates and keys again.
  void reload_tls();

  const std::vector<Listener*>& open() const { return open_; }
  // Null: none of this name is open.
  Listener* find(std::string_view name) const;
  bool loopback_only() const;
  // Whether all that are wanted are open.
  bool complete() const { return failed_.empty(); }
  // "sn:default at 127.0.0.1:1884; "
  std::string describe() const;

 private:
  keel::Status add(const ListenerSettings& settings);
  void reopen(const std::vector<Listener*>& closed);

  keel::Host& host_;
  const Listener::Receive receive_;
  void* const plugin_;
  std::vector<std::unique_ptr<Listener>> all_;  // also those that are closed: clients point to them
  std::vector<Listener*> open_;
  std::vector<std::string> failed_;  // names of DTLS listeners that could not be started
};

}  // namespace sn
