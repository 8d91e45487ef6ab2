// Hooks made of a test's functions, and what a client looks like from outside.
#pragma once

#include <functional>

#include "support.hpp"

namespace keel::kernel {

// Functions of a test behind the table's plain pointers.
struct Hooks {
  HookTable table;
  std::function<ConnectAnswer(const ConnectRequest&)> connect;
  std::function<ConnackAnswer(const ConnackRequest&)> connack;
  std::function<AuthAnswer(const AuthRequest&)> authenticate;
  std::function<Verdict(const AuthorizeRequest&)> authorize;
  std::function<void(const FiltersRequest&)> subscribe, unsubscribe;
  std::function<PublishAnswer(const PublishRequest&)> publish;
  std::function<void(const AuthTicket&)> forgotten;

  const HookTable& install() {
    if (connect)
      table.client_connect = {
          [](void* h, const ConnectRequest& r) { return static_cast<Hooks*>(h)->connect(r); },
          this};
    if (connack)
      table.client_connack = {
          [](void* h, const ConnackRequest& r) { return static_cast<Hooks*>(h)->connack(r); },
          this};
    const Hook<AuthAnswer (*)(void*, const AuthRequest&)> who{
        [](void* h, const AuthRequest& r) { return static_cast<Hooks*>(h)->authenticate(r); },
        this};
    if (authenticate) table.authenticate = table.enhanced_auth = who;
    if (authorize)
      table.authorize = {
          [](void* h, const AuthorizeRequest& r) { return static_cast<Hooks*>(h)->authorize(r); },
          this};
    if (subscribe)
      table.subscribe = {
          [](void* h, const FiltersRequest& r) { static_cast<Hooks*>(h)->subscribe(r); }, this};
    if (unsubscribe)
      table.unsubscribe = {
          [](void* h, const FiltersRequest& r) { static_cast<Hooks*>(h)->unsubscribe(r); }, this};
    if (publish)
      table.publish = {
          [](void* h, const PublishRequest& r) { return static_cast<Hooks*>(h)->publish(r); },
          this};
    if (forgotten)
      table.forgotten = {[](void* h, const AuthTicket& t) { static_cast<Hooks*>(h)->forgotten(t); },
                         this};
    return table;
  }
};

inline ConnectionInfo info_of(Cluster& cluster, std::string_view id) {
  ConnectionInfo found;
  REQUIRE(cluster.home(id).show_connection(id, [&](const ConnectionInfo& i) { found = i; }));
  return found;
}

}  // namespace keel::kernel
