// AUTH [MQTT5 3.15, 4.12]: the exchange that CONNECT began, and re-authentication.
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

Connection::Outcome Connection::handle_auth(Bytes body) {
  broker_->metrics().add(Metric::auth_received);
  AuthView auth;
  Fault fault;
  if (version_ != Version::v5)
    fault = {Reason::protocol_error, "AUTH before MQTT 5"};
  else
    fault = parse_auth(body, auth);
  if (!fault && (!extras_ || extras_->auth_method.empty() || auth.method != extras_->auth_method))
    fault = {Reason::protocol_error, "AUTH with a method that CONNECT did not name"};
  // CONNECT's exchange is continued; another one is begun by 0x19 [MQTT5 4.12.1].
  if (!fault && auth.reason != (state_ == State::open && !extras_->reauthenticating
                                    ? Reason::reauthenticate
                                    : Reason::continue_authentication))
    fault = {Reason::protocol_error, "AUTH out of turn"};
  if (fault) {
    fail(fault);
    return Outcome::done;
  }
  if (state_ == State::open) return reauthenticate(auth);
  const std::string connect = extras_->connect_copy;
  return handle_connect(connect, &auth);
}

Connection::Outcome Connection::reauthenticate(const AuthView& auth) {
  AuthAnswer answer;
  AuthRequest request;
  request.client = hook_client();
  request.auth_method = auth.method;
  request.auth_data = auth.data;
  if (!ask(request, true, answer)) return Outcome::later;
  if (answer.verdict != Verdict::allow && answer.verdict != Verdict::more) {
    broker_->metrics().add(Metric::auth_failure);
    note_failure(answer.verdict == Verdict::deny ? answer.reason
                                                 : Reason::bad_authentication_method);
    // Of the hooks' reasons only these two may stand in a DISCONNECT.
    disconnect(answer.verdict == Verdict::deny ? Reason::not_authorized
                                               : Reason::bad_authentication_method,
               "reauthentication_failed", true);
    return Outcome::done;
  }
  if (answer.verdict == Verdict::allow) {
    superuser_ = answer.superuser;
    limit_life(answer.expiry_s);
    extras_->decisions.clear();
  }
  extras_->reauthenticating = answer.verdict == Verdict::more;
  encode_auth(link_.out,
              answer.verdict == Verdict::allow ? Reason::success : Reason::continue_authentication,
              auth.method, answer.data);
  link_.touch();
  broker_->metrics().add(Metric::auth_sent);
  return Outcome::done;
}

}  // namespace keel::kernel
