#include "kernel/broker/hook_reasons.hpp"

#include <algorithm>
#include <array>

namespace keel::kernel {

namespace {

using enum Reason;

constexpr std::array kConnack{unspecified_error,
                              malformed_packet,
                              protocol_error,
                              implementation_specific_error,
                              unsupported_protocol_version,
                              client_identifier_not_valid,
                              bad_user_name_or_password,
                              not_authorized,
                              server_unavailable,
                              server_busy,
                              banned,
                              bad_authentication_method,
                              topic_name_invalid,
                              packet_too_large,
                              quota_exceeded,
                              payload_format_invalid,
                              retain_not_supported,
                              qos_not_supported,
                              use_another_server,
                              server_moved,
                              connection_rate_exceeded};
constexpr std::array kPuback{unspecified_error, implementation_specific_error,
                             not_authorized,    topic_name_invalid,
                             quota_exceeded,    payload_format_invalid};
constexpr std::array kSuback{unspecified_error,
                             implementation_specific_error,
                             not_authorized,
                             topic_filter_invalid,
                             quota_exceeded,
                             shared_subscriptions_not_supported,
                             subscription_identifiers_not_supported,
                             wildcard_subscriptions_not_supported};
// All that a server may send.
constexpr std::array kDisconnect{success,
                                 unspecified_error,
                                 malformed_packet,
                                 protocol_error,
                                 implementation_specific_error,
                                 not_authorized,
                                 server_busy,
                                 server_shutting_down,
                                 keep_alive_timeout,
                                 session_taken_over,
                                 topic_filter_invalid,
                                 topic_name_invalid,
                                 receive_maximum_exceeded,
                                 topic_alias_invalid,
                                 packet_too_large,
                                 message_rate_too_high,
                                 quota_exceeded,
                                 administrative_action,
                                 payload_format_invalid,
                                 retain_not_supported,
                                 qos_not_supported,
                                 use_another_server,
                                 server_moved,
                                 shared_subscriptions_not_supported,
                                 connection_rate_exceeded,
                                 maximum_connect_time,
                                 subscription_identifiers_not_supported,
                                 wildcard_subscriptions_not_supported};

Reason one_of(const auto& allowed, Reason wanted, Reason otherwise) {
  return std::find(allowed.begin(), allowed.end(), wanted) != allowed.end() ? wanted : otherwise;
}

}  // namespace

Reason connack_reason(Reason wanted) { return one_of(kConnack, wanted, not_authorized); }
Reason puback_reason(Reason wanted) { return one_of(kPuback, wanted, not_authorized); }
Reason suback_reason(Reason wanted) { return one_of(kSuback, wanted, not_authorized); }
Reason disconnect_reason(Reason wanted) {
  return one_of(kDisconnect, wanted, administrative_action);
}

}  // namespace keel::kernel
