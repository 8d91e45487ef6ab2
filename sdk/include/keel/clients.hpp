// The clients that are connected. The answers come on the control thread.
#pragma once

#include <memory>

#include "keel/client.hpp"

namespace keel {

class Clients {
 public:
  explicit Clients(detail::Core& core) : core_(core) {}

  // fn(const keel::Client*) once; null: there is none. [any]
  template <class F>
  Status find(std::string_view client_id, F fn) const {
    struct Query {
      detail::Core& core;
      F fn;
    };
    auto query = std::make_unique<Query>(Query{core_, std::move(fn)});
    const keel_status status = core_.clients.call(
        &keel_ext_clients::find, core_.host, to_c(client_id),
        keel_clients_fn([](void* ctx, const keel_client* clients, std::uint32_t n, std::int32_t) {
          const std::unique_ptr<Query> self(static_cast<Query*>(ctx));
          detail::guarded(self->core, [&] {
            if (n == 0) return self->fn(static_cast<const Client*>(nullptr));
            const Client client(clients[0]);
            self->fn(&client);
          });
        }),
        query.get());
    if (status == KEEL_OK) query.release();
    return core_.status(status);
  }
  // fn(const keel::Client&) for each, then done(). [any]
  template <class F, class D>
  Status each(F fn, D done) const {
    struct Query {
      detail::Core& core;
      F fn;
      D done;
    };
    auto query = std::make_unique<Query>(Query{core_, std::move(fn), std::move(done)});
    const keel_status status = core_.clients.call(
        &keel_ext_clients::each, core_.host,
        keel_clients_fn(
            [](void* ctx, const keel_client* clients, std::uint32_t n, std::int32_t last) {
              auto* const self = static_cast<Query*>(ctx);
              for (std::uint32_t i = 0; i < n; ++i) {
                detail::guarded(self->core, [&] { self->fn(Client(at(clients, i))); });
              }
              if (last == 0) return;
              detail::guarded(self->core, [&] { self->done(); });
              delete self;
            }),
        query.get());
    if (status == KEEL_OK) query.release();
    return core_.status(status);
  }
  // Gives the order to end a client's connection; reason 0: administrative action. [any]
  Status kick(std::string_view client_id, std::uint8_t reason = 0) const {
    return core_.status(
        core_.clients.call(&keel_ext_clients::kick, core_.host, to_c(client_id), reason));
  }
  // The same for every client connected under a user name. [any]
  Status kick_user(std::string_view username, std::uint8_t reason = 0) const {
    return core_.status(
        core_.clients.call(&keel_ext_clients::kick_user, core_.host, to_c(username), reason));
  }

 private:
  detail::Core& core_;
};

}  // namespace keel
