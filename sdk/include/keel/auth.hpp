// Questions of authentication and authorization: what is asked, and answering later by a Ticket.
#pragma once

#include "keel/client.hpp"
#include "keel/verdict.hpp"

namespace keel {

// Answers a question that a hook left Pending. A value; any thread; the first answer counts. The
// kernel waits five seconds, then it is a no. KEEL_E_STALE: answered, too late, or the client left.
class Ticket {
 public:
  Ticket() = default;
  Ticket(detail::Core& core, keel_handle number) : core_(&core), number_(number) {}

  Status allow(const Allow& allow = {}) const {
    keel_auth_attrs attrs = empty();
    attrs.superuser = allow.superuser ? 1 : 0;
    attrs.expiry_s = allow.expiry_s;
    attrs.mountpoint = to_c(allow.mountpoint);
    attrs.data = to_c(allow.data);
    return resolve(KEEL_ALLOW, attrs);
  }
  Status deny(std::uint8_t reason = 0) const {
    keel_auth_attrs attrs = empty();
    attrs.reason = reason;
    return resolve(KEEL_DENY, attrs);
  }
  // No opinion after all: the hooks behind are asked.
  Status next() const { return resolve(KEEL_NEXT, empty()); }
  // Enhanced authentication: send data and wait for the client's.
  Status carry_on(std::string_view data) const {
    keel_auth_attrs attrs = empty();
    attrs.data = to_c(data);
    return resolve(KEEL_CONTINUE, attrs);
  }
  // What a hook would have answered.
  Status answer(const AuthVerdict& verdict) const {
    switch (verdict.code()) {
      case KEEL_ALLOW:
        return allow(verdict.attributes());
      case KEEL_CONTINUE:
        return carry_on(verdict.attributes().data);
      case KEEL_NEXT:
        return next();
      default:
        return deny(verdict.reason());
    }
  }
  keel_handle id() const { return number_; }

 private:
  static keel_auth_attrs empty() {
    keel_auth_attrs attrs{};
    attrs.size = sizeof attrs;
    return attrs;
  }
  Status resolve(std::int32_t verdict, const keel_auth_attrs& attrs) const {
    if (!core_) return KEEL_E_INVAL;
    return core_->plain(
        core_->auth.call(&keel_ext_auth::resolve, core_->host, number_, verdict, &attrs));
  }

  detail::Core* core_ = nullptr;
  keel_handle number_ = 0;
};

// Who wants in. Valid during the call; the Ticket stays.
class AuthRequest {
 public:
  AuthRequest(detail::Core& core, const keel_auth_request& request, keel_handle ticket)
      : core_(&core), request_(&request), ticket_(ticket) {}

  Client client() const { return Client(*request_->client); }
  std::string_view password() const { return view(request_->password); }
  std::string_view method() const { return view(request_->auth_method); }  // enhanced only
  std::string_view data() const { return view(request_->auth_data); }
  Ticket ticket() const { return {*core_, ticket_}; }

 private:
  detail::Core* core_;
  const keel_auth_request* request_;
  keel_handle ticket_;
};

// Who wants to publish to, or subscribe to, what.
class AuthorizeRequest {
 public:
  AuthorizeRequest(detail::Core& core, const keel_authorize_request& request, keel_handle ticket)
      : core_(&core), request_(&request), ticket_(ticket) {}

  Client client() const { return Client(*request_->client); }
  bool publishing() const { return request_->action == KEEL_PUBLISH; }
  bool subscribing() const { return request_->action == KEEL_SUBSCRIBE; }
  std::string_view topic() const { return view(request_->topic); }  // or filter
  std::uint8_t qos() const { return request_->qos; }
  bool retain() const { return request_->retain != 0; }
  Ticket ticket() const { return {*core_, ticket_}; }

 private:
  detail::Core* core_;
  const keel_authorize_request* request_;
  keel_handle ticket_;
};

}  // namespace keel
