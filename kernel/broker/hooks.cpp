// What the broker tells hooks, and their answers that come later.
#include <cassert>

#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

const HookTable& no_hooks() {
  static const HookTable none;
  return none;
}

void Broker::set_hooks(const HookTable* hooks) {
  assert(!in_hook());
  hooks_ = hooks ? hooks : &no_hooks();
  forget_decisions();
}

void Broker::resolve(const AuthTicket& ticket, AuthAnswer answer) {
  assert(!in_hook());
  const auto waiting = waiting_.find(ticket.number);
  if (waiting == waiting_.end()) {
    answer_asked(ticket.number, answer.verdict);
    return;
  }
  Connection& connection = *waiting->second;
  waiting_.erase(waiting);
  connection.resolved(ticket.number, std::move(answer));
}

void Broker::abandon_question(std::uint64_t ticket) {
  if (waiting_.erase(ticket) == 0 || !hooks_->forgotten) return;
  call(hooks_->forgotten, AuthTicket{shard_.index(), ticket});
}

void Broker::notify(const EventInfo& info) {
  if (hooks_->notify) call(hooks_->notify, info);
}

HookClient Broker::hook_client(const Session& session) const {
  if (session.connection && session.connection->session()) return session.connection->hook_client();
  HookClient client;
  client.client_id = session.client_id;
  client.username = session.username();
  client.has_username = !session.username().empty();
  client.clean_start = session.clean_start;
  client.session_expiry_s = session.expiry_s;
  return client;
}

void Broker::tell_session(Event event, const Session& session, std::string_view word) {
  if (wants(event)) notify({.event = event, .client = hook_client(session), .reason = word});
}

void Broker::tell_dropped(const MessageView& message, std::string_view word,
                          const Session* receiver) {
  if (!wants(Event::message_dropped)) return;
  notify({.event = Event::message_dropped,
          .client = receiver ? hook_client(*receiver) : HookClient{},
          .topic = message.topic,
          .qos = message.qos,
          .reason = word,
          .message = &message});
}

}  // namespace keel::kernel
