// One request of ours from its first message to its whole response: which blocks of its body have
// arrived [RFC 7959 2.5], and the blocks of the response so far [RFC 7959 2.4]. The same for the
// rest of a notification that did not fit into a message. Sends nothing itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "emqx_lwm2m/coap/options.hpp"
#include "emqx_lwm2m/coap/token.hpp"
#include "emqx_lwm2m/coap/transmission.hpp"

namespace coap {

class Exchange {
 public:
  enum class State : std::uint8_t {
    waiting,       // for its turn, with the next message
    sent,          // until the ACK
    acknowledged,  // until the response
    doomed,        // cannot be sent
    ended,         // about to be told of
  };
  enum class Step : std::uint8_t {
    next,  // another message is due
    done,
    broken,
    too_large,
  };

  Exchange(RequestId id, Request request, const Token& token, const PeerSettings& settings);
  // The rest of a notification; `request` says where it is.
  static std::unique_ptr<Exchange> rest(RequestId id, Request request, const Token& observation,
                                        const PeerSettings& settings);

  // The message that is due, confirmable.
  void write(std::string& datagram, std::uint16_t message_id, const Token& token) const;
  // Takes a response; after `done` it is told by response().
  Step take(const Message& message, const ResponseOptions& options, std::uint32_t max_body);
  // A newer notification of what is being put together: begins with it anew.
  Step replace(const Message& message, const ResponseOptions& options, std::uint32_t max_body);
  // Valid as long as this and `last`, the message that take() was given.
  Response response(const Message& last) const;

  bool in_flight() const { return state == State::sent || state == State::acknowledged; }
  bool timed() const { return in_flight() || state == State::doomed; }  // flight.at_ms counts
  bool collecting() const { return collecting_; }                       // blocks of the response
  // The observation's token is for its notifications and for what begins it.
  bool own_tokens() const { return notification || (observe == true && collecting_); }
  bool by_blocks() const;                          // the body is, or was, sent in blocks
  std::size_t arrived() const { return offset_; }  // octets of the body
  std::size_t total() const { return body().size(); }

  const RequestId id;
  const Token token;  // of the request or observation
  const bool notification;
  const std::optional<bool> observe;
  State state = State::waiting;
  bool told = false;         // that it was acknowledged
  bool void_answer = false;  // what is under way belongs to an older notification
  Token current;             // of the message under way
  Transmission flight;

 private:
  Exchange(RequestId id, Request request, const Token& token, bool notification,
           const PeerSettings& settings);

  std::string_view body() const;
  bool numbered() const;  // there are numbers for all blocks of the body
  Block block() const;    // of the body, the one that is due
  std::optional<Step> take_continue(Code code, const ResponseOptions& options);
  Step take_part(const Message& message, const ResponseOptions& options, std::uint32_t max_body);
  Step mismatch();
  void begin_response(const Message& message, const ResponseOptions& options);

  Request request_;
  std::size_t offset_ = 0;
  std::uint8_t szx_;  // of the body's blocks
  bool by_blocks_ = false, collecting_ = false, restarted_ = false;
  // Of the response.
  Block next_;
  std::string collected_, etag_, location_;
  Code code_ = kEmpty;
  std::optional<std::uint16_t> content_format_;
  std::optional<std::uint32_t> sequence_;
};

}  // namespace coap
