// SUBSCRIBE and UNSUBSCRIBE [MQTT5 3.8, 3.10].
#include <algorithm>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/codec/encoder.hpp"

namespace keel::kernel {

// Everything but the right to subscribe.
Reason Connection::check_filter(const FilterView& view, ParsedFilter& parsed) const {
  const Settings& settings = broker_->settings();
  if (parse_filter(view.filter, settings.limits.max_topic_length, settings.limits.max_topic_levels,
                   parsed) != FilterError::none ||
      view.filter.size() + mount_size() > kMaxTopicSize)
    return Reason::topic_filter_invalid;
  if (parsed.shared() && !settings.mqtt.shared_subscription)
    return Reason::shared_subscriptions_not_supported;
  if (parsed.wildcard && !settings.mqtt.wildcard_subscription)
    return Reason::wildcard_subscriptions_not_supported;
  return Reason::success;
}

Connection::Outcome Connection::handle_subscribe(Bytes body) {
  MetricsCell& metrics = broker_->metrics();
  SubscribeView& view = broker_->subscribe_scratch();
  if (const Fault fault = parse_subscribe(body, version_, view)) {
    metrics.add(Metric::subscribe_received);
    metrics.add(Metric::subscribe_error);
    fail(fault);
    return Outcome::done;
  }
  // First the questions, which may have to wait; the packet is shown again then.
  std::vector<Reason> reasons(view.filters.size());
  std::vector<ParsedFilter> parsed(view.filters.size());
  for (std::size_t i = 0; i < view.filters.size(); ++i) {
    reasons[i] = check_filter(view.filters[i], parsed[i]);
    if (is_error(reasons[i])) continue;
    const Allowed allowed = authorize({Action::subscribe, view.filters[i].qos, false,
                                       session_->client_id, username_, parsed[i].filter});
    if (allowed == Allowed::later) return Outcome::later;
    if (allowed == Allowed::no) reasons[i] = Reason::not_authorized;
  }
  metrics.add(Metric::subscribe_received);
  broker_->spend(static_cast<std::uint32_t>(view.filters.size()) * 8);
  const std::uint32_t limit = broker_->settings().limits.max_subscriptions;
  const std::uint8_t max_qos =
      std::min(broker_->settings().mqtt.max_qos,
               link_.peer().listener ? link_.peer().listener->settings.max_qos : std::uint8_t{2});
  std::string mount_scratch, name, shown;
  for (std::size_t i = 0; i < view.filters.size(); ++i) {
    const FilterView& wanted = view.filters[i];
    ParsedFilter filter = parsed[i];
    filter.filter = mounted(filter.filter, mount_scratch);
    if (!is_error(reasons[i]) && limit != 0 && session_->subscriptions.size() >= limit &&
        !broker_->subscribed(*session_, filter))
      reasons[i] = Reason::quota_exceeded;
    if (is_error(reasons[i])) {
      metrics.add(reasons[i] == Reason::not_authorized ? Metric::subscribe_auth_error
                                                       : Metric::subscribe_error);
      KEEL_LOG(warning, "client={} peer={}: subscription to '{}' refused: {}",
               printable(client_name(), name), link_.peer().address(),
               printable(wanted.filter, shown), reason_name(reasons[i]));
      continue;
    }
    SubscriptionOptions options;
    options.qos = std::min(wanted.qos, max_qos);
    options.no_local = wanted.no_local;
    options.retain_as_published = wanted.retain_as_published;
    options.subscription_id = view.subscription_id;
    broker_->subscribe(*session_, filter, options, wanted.retain_handling);
    reasons[i] = static_cast<Reason>(options.qos);
  }
  for (std::size_t i = 0; broker_->traces() && i < reasons.size(); ++i)
    trace(fmt::format("SUBACK {} asked={} answer=0x{:02x}",
                      printable(view.filters[i].filter, shown), view.filters[i].qos,
                      code(reasons[i])));
  encode_suback(link_.out, version_, view.packet_id, reasons);
  link_.touch();
  metrics.add(Metric::suback_sent);
  broker_->pump(*session_);
  return Outcome::done;
}

Connection::Outcome Connection::handle_unsubscribe(Bytes body) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::unsubscribe_received);
  UnsubscribeView view;
  if (const Fault fault = parse_unsubscribe(body, version_, view)) {
    metrics.add(Metric::unsubscribe_error);
    fail(fault);
    return Outcome::done;
  }
  std::vector<Reason> reasons;
  std::string mount_scratch;
  for (const Bytes text : view.filters) {
    ParsedFilter filter;
    if (parse_filter(text, 0, 0, filter) != FilterError::none) {
      reasons.push_back(Reason::topic_filter_invalid);
      metrics.add(Metric::unsubscribe_error);
      continue;
    }
    filter.filter = mounted(filter.filter, mount_scratch);
    reasons.push_back(broker_->unsubscribe(*session_, filter) ? Reason::success
                                                              : Reason::no_subscription_existed);
  }
  encode_unsuback(link_.out, version_, view.packet_id, reasons);
  link_.touch();
  metrics.add(Metric::unsuback_sent);
  return Outcome::done;
}

}  // namespace keel::kernel
