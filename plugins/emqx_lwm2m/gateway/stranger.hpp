// What a peer that nobody knows asks for, and what it is told: found out from its datagram alone,
// nothing is remembered. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <keel/tls.hpp>
#include <span>
#include <string>
#include <string_view>

#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/coap/peer.hpp"

namespace lwm2m {

struct Asked {
  enum class Kind : std::uint8_t {
    registers,    // POST /rd; `name` is the endpoint, empty: none is given
    at_location,  // POST or DELETE /rd/<location>; `name` is the location
    nothing,      // to be answered with `code`
  };
  Kind kind = Kind::nothing;
  std::string_view name;
  coap::Code code = coap::kNotFound;
};
// Of a request.
Asked asked_for(const coap::Message& request);
// The cheap beginning of that: false: it is neither a Register nor at a location.
bool may_concern_registration(std::string_view datagram);

// The answer to a request for a path that is none of a registration, or with a wrong method:
// 2.05 is for /.well-known/core.
coap::Code surface(coap::Code method, std::span<const std::string_view> path);
inline constexpr std::string_view kCore = "</rd>;rt=\"core.rd\",</dp>";

// Writes an answer: an ACK for a confirmable request, else one of its own with `fresh_id`.
void write_answer(std::string& out, const coap::Message& request, coap::Code code,
                  std::uint16_t fresh_id);
inline constexpr std::uint32_t kTryAgainS = 30;  // Max-Age of a 5.03

// The same for those that have a coap::Peer already. Views into the arguments.
coap::Reply reply_of(coap::Code code);
coap::Reply created(std::string_view location);

// The name that DTLS has proved; empty: none.
std::string_view proven_name(const keel::Verified& verified);

}  // namespace lwm2m
