// SUBSCRIBE and UNSUBSCRIBE [MQTT5 3.8, 3.10].
#include <algorithm>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/broker/hook_reasons.hpp"
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

// Lets the subscribe hook have its say, once per packet; its choices are put into what the packet
// says each time it is shown.
void Connection::choose_filters(SubscribeView& view, std::vector<Reason>& reasons) {
  const auto& hook = broker_->hooks().subscribe;
  const bool shown_again = extras_ && extras_->choices;
  if (!hook && !shown_again) return;
  if (!shown_again) {
    auto choices = std::make_unique<std::vector<FilterChoice>>();
    for (const FilterView& filter : view.filters)
      choices->push_back({filter.filter,
                          {},
                          Reason::success,
                          filter.qos,
                          filter.retain_handling,
                          filter.no_local,
                          filter.retain_as_published});
    broker_->call(hook, FiltersRequest{hook_client(), view.subscription_id, *choices});
    extras().choices = std::move(choices);
  }
  for (std::size_t i = 0; i < view.filters.size(); ++i) {
    const FilterChoice& choice = (*extras_->choices)[i];
    FilterView& filter = view.filters[i];
    if (is_error(choice.reason)) reasons[i] = suback_reason(choice.reason);
    if (!choice.replacement.empty()) filter.filter = choice.replacement;
    filter.qos = std::min<std::uint8_t>(choice.qos, 2);
    filter.retain_handling = std::min<std::uint8_t>(choice.retain_handling, 2);
    filter.no_local = choice.no_local;
    filter.retain_as_published = choice.retain_as_published;
  }
}

// The same for the filters of an UNSUBSCRIBE, which nothing makes wait.
void Connection::choose_filters(UnsubscribeView& view, std::vector<FilterChoice>& choices) {
  const auto& hook = broker_->hooks().unsubscribe;
  if (!hook) return;
  for (const Bytes filter : view.filters) choices.emplace_back().filter = filter;
  broker_->call(hook, FiltersRequest{hook_client(), 0, choices});
  for (std::size_t i = 0; i < choices.size(); ++i)
    if (!choices[i].replacement.empty()) view.filters[i] = choices[i].replacement;
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
  std::vector<Reason> reasons(view.filters.size());
  choose_filters(view, reasons);
  // First the questions, which may have to wait; the packet is shown again then.
  std::vector<ParsedFilter> parsed(view.filters.size());
  for (std::size_t i = 0; i < view.filters.size(); ++i) {
    if (is_error(reasons[i])) continue;
    reasons[i] = check_filter(view.filters[i], parsed[i]);
    if (is_error(reasons[i])) continue;
    const Allowed allowed =
        authorize(Action::subscribe, view.filters[i].qos, false, parsed[i].filter);
    if (allowed == Allowed::later) return Outcome::later;
    if (allowed == Allowed::no) reasons[i] = Reason::not_authorized;
  }
  take_subscribe(view, parsed, reasons);
  if (extras_) extras_->choices.reset();  // only now: the filters may lie in it
  return Outcome::done;
}

void Connection::take_subscribe(const SubscribeView& view, std::span<const ParsedFilter> all,
                                std::vector<Reason>& reasons) {
  MetricsCell& metrics = broker_->metrics();
  metrics.add(Metric::subscribe_received);
  broker_->spend(static_cast<std::uint32_t>(view.filters.size()) * 8);
  const std::uint32_t limit = broker_->settings().limits.max_subscriptions;
  const std::uint8_t max_qos =
      std::min(broker_->settings().mqtt.max_qos,
               link_.peer().listener ? link_.peer().listener->settings.max_qos : std::uint8_t{2});
  std::string mount_scratch, name, shown;
  for (std::size_t i = 0; i < view.filters.size(); ++i) {
    const FilterView& wanted = view.filters[i];
    ParsedFilter filter = all[i];
    filter.filter = mounted(filter.filter, mount_scratch);
    if (!is_error(reasons[i]) && session_->stored) reasons[i] = broker_->store_refuses(1, false);
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
    options.no_local = wanted.no_local && !filter.shared();  // else a hook's doing
    options.retain_as_published = wanted.retain_as_published;
    options.subscription_id = view.subscription_id;
    broker_->subscribe(*session_, filter, options, wanted.retain_handling);
    reasons[i] = static_cast<Reason>(options.qos);
  }
  for (std::size_t i = 0; broker_->traces() && i < reasons.size(); ++i)
    trace(fmt::format("SUBACK {} asked={} answer=0x{:02x}",
                      printable(view.filters[i].filter, shown), view.filters[i].qos,
                      code(reasons[i])));
  answer_filters(PacketType::suback, view.packet_id, reasons);
  if (!gated_) broker_->pump(*session_);
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
  std::vector<FilterChoice> choices;  // empty: no hook
  choose_filters(view, choices);
  std::vector<Reason> reasons;
  std::string mount_scratch;
  for (std::size_t i = 0; i < view.filters.size(); ++i) {
    if (!choices.empty() && is_error(choices[i].reason)) {
      reasons.push_back(suback_reason(choices[i].reason));
      metrics.add(Metric::unsubscribe_error);
      continue;
    }
    ParsedFilter filter;
    if (parse_filter(view.filters[i], 0, 0, filter) != FilterError::none ||
        filter.filter.size() + mount_size() > kMaxTopicSize) {
      reasons.push_back(Reason::topic_filter_invalid);
      metrics.add(Metric::unsubscribe_error);
      continue;
    }
    filter.filter = mounted(filter.filter, mount_scratch);
    reasons.push_back(broker_->unsubscribe(*session_, filter) ? Reason::success
                                                              : Reason::no_subscription_existed);
  }
  answer_filters(PacketType::unsuback, view.packet_id, reasons);
  return Outcome::done;
}

// SUBACK or UNSUBACK. Of a session that is kept it waits for the changes to be safe.
void Connection::answer_filters(PacketType type, std::uint16_t packet_id,
                                std::span<const Reason> reasons) {
  const auto encode = type == PacketType::suback ? encode_suback : encode_unsuback;
  broker_->metrics().add(type == PacketType::suback ? Metric::suback_sent : Metric::unsuback_sent);
  const std::uint64_t turn = session_->stored ? broker_->recorder().pending_turn() : 0;
  if (turn == 0 && (!gate_ || gate_->empty())) {
    encode(link_.out, version_, packet_id, reasons);
    link_.touch();
    return;
  }
  OutBuffer packet;
  encode(packet, version_, packet_id, reasons);
  iovec octets{};
  packet.gather(&octets, 1);
  wait_at_gate({turn, type, Reason::success, packet_id,
                std::string(static_cast<const char*>(octets.iov_base), octets.iov_len)});
}

}  // namespace keel::kernel
