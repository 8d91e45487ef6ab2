// Everything CoAP between us and one remote endpoint [RFC 7252 4 and 5, RFC 7641, RFC 7959]:
// retransmission, deduplication, separate responses, observations, blocks in both directions and
// both roles. Without I/O: datagrams and the time go in, orders to the Outside come out, all within
// the call that caused them. Belongs to one shard. What it keeps is bounded by its settings.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_lwm2m/coap/message.hpp"

namespace coap {

struct Counters;

// Immutable, shared by all peers, replaced as a whole by a reload.
struct PeerSettings {
  std::uint32_t ack_timeout_ms = 2'000;  // the first is up to 1.5 times that, then it doubles
  std::uint32_t max_retransmit = 4;
  std::uint32_t nstart = 1;                    // confirmable requests under way at once
  std::uint32_t response_timeout_ms = 93'000;  // after an empty ACK
  std::uint32_t exchange_lifetime_ms = 247'000, non_lifetime_ms = 145'000;
  std::uint32_t block_timeout_ms = 247'000;
  std::uint32_t block_size = 512;          // 16..1024, of what we send; a power of two
  std::uint32_t max_body_size = 4u << 20;  // of what is assembled or sent
  std::uint32_t max_assembly = 1u << 20;   // of one request of the peer
  std::uint32_t max_remembered = 64;       // replies kept for duplicates; the oldest go first
  std::uint32_t max_remembered_octets = 16u << 10;
  std::uint32_t max_unanswered = 8;  // requests of the peer; more are answered with 5.03
};

// What we ask of the peer.
struct Request {
  Code method = kGet;
  std::vector<std::string> path, queries;
  std::optional<std::uint16_t> accept, content_format;
  std::shared_ptr<const std::string> body;  // null or empty: none. Larger than a block: Block1
  std::optional<bool> observe;              // true: begin (0), false: end (1), with the `token`
  std::string token;                        // empty: a fresh one is made
};
using RequestId = std::uint32_t;  // never 0

// What it answers, whole; views valid during the call.
struct Response {
  Code code = kEmpty;
  std::optional<std::uint16_t> content_format;
  std::optional<std::uint32_t> observe;
  std::string_view token, payload;
  std::string location;  // "/o/i" of the Location-Path; empty: none
};

enum class Failure : std::uint8_t {
  timeout,      // no ACK, or no response after it
  reset,        // RST
  broken_body,  // the blocks of a response do not fit together, twice
  too_large,    // the response, or the request, is over max_body_size
};

// What the peer asks of us: whole (the blocks put together) and once. Views valid during the call.
struct Incoming {
  std::uint32_t ticket = 0;  // for Peer::reply()
  Code method = kEmpty;
  std::vector<std::string_view> path, queries;
  std::optional<std::uint16_t> content_format;
  std::string_view payload;
};

struct Reply {
  Code code = kEmpty;
  std::vector<std::string_view> location;  // Location-Path, a segment each
  std::optional<std::uint32_t> max_age;
  std::optional<std::uint16_t> content_format;
  std::optional<std::uint32_t> size1;
  std::string_view payload;  // at most one block
};

// What a peer asks for and tells. Not called again from within by the peer's own functions except
// as said there; an implementation may call the peer, but not destroy it, from within.
class Outside {
 public:
  virtual ~Outside() = default;
  virtual std::int64_t now_ms() const = 0;  // monotonic
  virtual std::uint32_t random() = 0;       // cannot be guessed
  virtual void send(std::string_view datagram) = 0;
  // on_time() shall be called at this time, the earlier order is void; 0: never.
  virtual void wake_at(std::int64_t when_ms) = 0;

  // The peer has a request of ours, its response will come later (empty ACK).
  virtual void acknowledged(RequestId id) { static_cast<void>(id); }
  // So many octets of the body have arrived there.
  virtual void progress(RequestId id, std::size_t sent, std::size_t total) {
    static_cast<void>(id), static_cast<void>(sent), static_cast<void>(total);
  }
  // Exactly one of these ends each request that is not cancelled, never from within request().
  virtual void responded(RequestId id, const Response& response) = 0;
  virtual void failed(RequestId id, Failure why) = 0;
  // Of an observation [RFC 7641 3.4]: fresh, whole. After an error code it is over.
  virtual void notified(const Response& notification) = 0;
  // A notification of it was too large for one message: what the rest is fetched with (method,
  // path, queries, accept; the other fields are not looked at). None: it is dropped. Calls nothing.
  virtual std::optional<Request> observed(std::string_view token) = 0;
  // To be answered by Peer::reply(ticket), from within or later.
  virtual void requested(const Incoming& request) = 0;
};

class Peer {
 public:
  Peer(Outside& outside, std::shared_ptr<const PeerSettings> settings, Counters& counters);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void on_datagram(std::string_view datagram);
  void on_time();  // too early does no harm

  // Waits for its turn behind nstart others. What cannot be sent fails at the next on_time(). The
  // caller bounds how many wait. `observe`: true and 2.xx with Observe back: notifications with the
  // token of the response are expected from then on; false: they are not, whatever the answer.
  RequestId request(Request request);
  // Not a word of it any more. An observation it began is forgotten.
  void cancel(RequestId id);
  // False: nobody waits for this answer any more. After PROCESSING_DELAY without one the peer hears
  // an empty ACK, and the reply goes out as a response of its own.
  bool reply(std::uint32_t ticket, const Reply& reply);

  // Notifications with this token are expected; restores an observation that request() has not
  // begun. `sequence`: the last one.
  void watch(std::string_view token, std::optional<std::uint32_t> sequence);
  // The next notification is answered by RST.
  void unwatch(std::string_view token);

  // From now on it is at another address: what is remembered of the old one is void; requests that
  // are under way go on there.
  void moved();
  void serve(Outside& outside);  // from now on
  void use(std::shared_ptr<const PeerSettings> settings);
  bool busy() const;                      // a request is waiting or under way
  std::uint16_t next_message_id() const;  // for the one that takes over, as `begin_at`
  void begin_at(std::uint16_t message_id);
  // What it was answered in the last `ms`, for recall() by the one that takes over: so that a copy
  // of a message that comes only then is still known for one. Octets; "": nothing.
  std::string answered_within(std::int64_t ms) const;
  void recall(std::string_view answered);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace coap
