// Authorization questions that no packet asks: a gateway changes a client's will.
#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/answer_timeout.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

struct Broker::Asked {
  Asked(Broker& owner, std::uint64_t number, const Session& session,
        std::function<void(Verdict)> fn)
      : broker(owner),
        ticket(number),
        client_id(session.client_id),
        connection(session.connection),
        done(std::move(fn)),
        deadline([](void* self) { static_cast<Asked*>(self)->give_up(); }, this) {}

  void give_up() {
    std::string name;
    KEEL_LOG(error, "client={}: a plugin did not answer within {} ms: denied",
             printable(client_id, name), kAnswerTimeoutMs);
    forget();
    broker.answer_asked(ticket, Verdict::deny);
  }
  void forget() const {
    if (broker.hooks().forgotten)
      broker.call(broker.hooks().forgotten, AuthTicket{broker.shard().index(), ticket});
  }

  Broker& broker;
  const std::uint64_t ticket;
  const std::string client_id;
  const Connection* const connection;  // whose record the question refers to; null: none
  std::function<void(Verdict)> done;
  Timer deadline;
};

void Broker::ask_authorize(std::string_view client_id, Action action, std::uint8_t qos, bool retain,
                           std::string_view topic, std::function<void(bool)> done) {
  const Session* const session = sessions_.find(client_id);
  if (!session || !session->connection) return done(false);
  const Connection& connection = *session->connection;
  if (action == Action::publish && reserved_topic(topic)) return done(false);
  if (connection.superuser_) return done(true);
  if (!hooks_->authorize) return done(settings_->mqtt.acl_nomatch_allow);
  AuthorizeRequest request{action, qos, retain, topic, connection.hook_client(), new_ticket()};
  const Verdict verdict = call(hooks_->authorize, request);
  if (verdict != Verdict::pending) return done(allowed(verdict));
  await_verdict(request.ticket, *session,
                [done = std::move(done)](Verdict answer) { done(answer == Verdict::allow); });
}

// No answer in time is a no.
void Broker::await_verdict(const AuthTicket& ticket, const Session& session,
                           std::function<void(Verdict)> done) {
  auto& asked = asked_[ticket.number];
  asked = std::make_shared<Asked>(*this, ticket.number, session, std::move(done));
  shard_.timers().arm(asked->deadline, kAnswerTimeoutMs);
}

bool Broker::answer_asked(std::uint64_t ticket, Verdict verdict) {
  const auto found = asked_.find(ticket);
  if (found == asked_.end()) return false;
  const std::shared_ptr<Asked> asked = std::move(found->second);
  asked_.erase(found);
  asked->done(allowed(verdict) ? Verdict::allow : Verdict::deny);
  return true;
}

// The questions refer to what is known of the connection, which goes.
void Broker::forget_asked(const Connection& connection) {
  for (auto at = asked_.begin(); at != asked_.end();) {
    const std::shared_ptr<Asked> asked = at->second;
    if (asked->connection != &connection) {
      ++at;
      continue;
    }
    at = asked_.erase(at);
    asked->deadline.cancel();
    asked->forget();
    shard_.post([asked] { asked->done(Verdict::pending); });
  }
}

bool Broker::connected_for(std::string_view client_id, std::uint32_t gateway_session) const {
  const Connection* const connection = connection_of(client_id);
  return connection && connection->peer().gateway_session == gateway_session;
}

}  // namespace keel::kernel
