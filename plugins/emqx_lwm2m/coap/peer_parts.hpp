// What a Peer is made of. Its functions are spread over peer.cpp (what comes in, the time),
// peer_requests.cpp (what we ask), peer_notifications.cpp and peer_incoming.cpp (what is asked of
// us). A callback of the Outside may call any function of the peer: each is made when everything is
// in order, and what was found before is looked up again behind it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "emqx_lwm2m/coap/assembly.hpp"
#include "emqx_lwm2m/coap/counters.hpp"
#include "emqx_lwm2m/coap/exchange.hpp"
#include "emqx_lwm2m/coap/message_ids.hpp"
#include "emqx_lwm2m/coap/remembered.hpp"
#include "emqx_lwm2m/coap/watches.hpp"

namespace coap {

// A request of the peer that has no answer yet.
struct Unanswered {
  std::uint32_t ticket = 0;
  std::uint16_t id = 0;
  bool confirmable = false;
  bool acknowledged = false;  // with an empty ACK
  std::uint64_t digest = 0;
  std::int64_t acknowledge_ms = 0, expires_ms = 0;
  Token token;
  std::optional<Block> block1, block2;  // of it
};

// What only a peer in the midst of something has.
struct Underway {
  std::vector<Unanswered> unanswered;
  std::vector<Transmission> separate;  // responses of ours without an ACK
  Assemblies assemblies;

  bool empty() const { return unanswered.empty() && separate.empty() && assemblies.empty(); }
};

struct Peer::Parts {
  Parts(Outside& its_outside, std::shared_ptr<const PeerSettings> its_settings,
        Counters& its_counters);

  // peer.cpp
  void on_datagram(std::string_view datagram);
  void on_response(const Message& message, std::string_view datagram);
  void on_time();
  void settle();  // the last of every public function: sends what has its turn, orders the time
  std::int64_t next_time() const;
  void send(std::string_view datagram);
  void send_empty(Type type, std::uint16_t id);
  void remember(std::uint16_t id, std::uint64_t digest, std::string_view answer, bool confirmable);
  std::optional<std::uint16_t> take_id();

  // peer_requests.cpp
  RequestId next_request_id();
  Token fresh_token();
  Exchange* find(RequestId id);
  std::unique_ptr<Exchange> extract(RequestId id);
  void on_ack(const Message& message);
  void on_reset(std::uint16_t id);
  void take(Exchange& exchange, const Message& message, const ResponseOptions& options);
  void go_on(RequestId id, Exchange::Step step, const Message& message);
  void fail(RequestId id, Failure why);
  bool transmit(Exchange& exchange);
  void start_waiting();
  bool on_time_of_requests(std::int64_t now_ms);  // false: none is due

  // peer_notifications.cpp
  void on_notification(Watches::Watch& watch, const Message& message,
                       const ResponseOptions& options, std::string_view datagram);
  void begin_rest(const Token& token, const Message& message, const ResponseOptions& options);
  void deliver(const Token& token, const Message& message, const ResponseOptions& options);
  Exchange* collecting(const Token& token);
  void forget(const Token& token);  // the observation

  // peer_incoming.cpp
  void on_request(const Message& message, std::string_view datagram);
  bool repeated(const Message& message, std::string_view datagram);
  void hand_over(Unanswered& request, const Message& message, const RequestOptions& options,
                 std::string_view payload);
  bool reply(std::uint32_t ticket, const Reply& reply);
  bool answer(const Unanswered& request, const Reply& reply);
  void refuse(const Unanswered& request, Code code);
  void on_time_of_unanswered(std::int64_t now_ms);
  Underway& underway();

  Outside* outside;
  std::shared_ptr<const PeerSettings> settings;
  Counters* counters;
  std::int64_t ordered_ms = 0;  // the time that was asked for
  MessageIds ids;
  std::uint32_t last_ticket = 0;
  RequestId last_request = 0;
  std::vector<std::unique_ptr<Exchange>> exchanges;  // in the order of their turns
  Watches watches;
  Remembered remembered;
  std::unique_ptr<Underway> rare;  // null: nothing
  Unanswered* in_hand = nullptr;   // the request that is being handed over; ticket 0: answered
};

}  // namespace coap
