// Authorization questions that no packet asks: a gateway changes a client's will.
#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

namespace {
constexpr std::int64_t kAnswerTimeoutMs = 5'000;
}  // namespace

struct Broker::Asked {
  Asked(Broker& owner, std::uint64_t number, std::string client, std::function<void(bool)> fn)
      : broker(owner),
        ticket(number),
        client_id(std::move(client)),
        done(std::move(fn)),
        deadline([](void* self) { static_cast<Asked*>(self)->give_up(); }, this) {}

  void give_up() {
    std::string name;
    KEEL_LOG(error, "client={}: a plugin did not answer within {} ms: denied",
             printable(client_id, name), kAnswerTimeoutMs);
    if (broker.hooks().forgotten)
      broker.call(broker.hooks().forgotten, AuthTicket{broker.shard().index(), ticket});
    broker.answer_asked(ticket, Verdict::deny);
  }

  Broker& broker;
  const std::uint64_t ticket;
  const std::string client_id;
  std::function<void(bool)> done;
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
  if (verdict != Verdict::pending)
    return done(verdict == Verdict::next ? settings_->mqtt.acl_nomatch_allow
                                         : verdict == Verdict::allow);
  auto& asked = asked_[request.ticket.number];
  asked = std::make_shared<Asked>(*this, request.ticket.number, std::string(client_id),
                                  std::move(done));
  shard_.timers().arm(asked->deadline, kAnswerTimeoutMs);
}

bool Broker::answer_asked(std::uint64_t ticket, Verdict verdict) {
  const auto found = asked_.find(ticket);
  if (found == asked_.end()) return false;
  const std::shared_ptr<Asked> asked = std::move(found->second);
  asked_.erase(found);
  asked->done(verdict == Verdict::next ? settings_->mqtt.acl_nomatch_allow
                                       : verdict == Verdict::allow);
  return true;
}

bool Broker::connected_through(std::string_view client_id, const ListenerInfo* listener,
                               const Endpoint& peer) const {
  const Session* const session = sessions_.find(client_id);
  if (!session || !session->connection) return false;
  const PeerInfo& there = session->connection->peer();
  return there.listener.get() == listener && there.endpoint == peer;
}

}  // namespace keel::kernel
