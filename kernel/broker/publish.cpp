// The way of a message from its publisher to the sessions, on this shard and on others.
#include <algorithm>
#include <cassert>
#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/broker/hook_reasons.hpp"
#include "kernel/broker/publication.hpp"

namespace keel::kernel {

namespace {

// What may be on its way to one shard before those who publish to it are held.
constexpr std::size_t kMaxBacklog = 16 * 1024 * 1024;
constexpr std::int64_t kReleaseMs = 50;

// The publisher of plugins' messages: no session's number.
constexpr std::uint64_t kNoSession = ~std::uint64_t{0};

constexpr std::uint32_t kMatchCost =
    16;  // of a topic that is not in the route cache, in deliveries

std::uint64_t xorshift(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

}  // namespace

std::size_t Broker::ask_publish(const PublishRequest& request, Reason& reason) {
  const MessageView& message = request.message;
  const PublishAnswer answer = call(hooks_->publish, request);
  if (answer.verdict != Verdict::deny)
    return publish(answer.replacement ? answer.replacement->view() : message);
  reason = puback_reason(answer.reason);
  metrics().add(Metric::messages_dropped);
  if (wants(Event::message_dropped))
    notify({.event = Event::message_dropped,
            .client = {.client_id = request.client_id, .username = request.username},
            .topic = message.topic,
            .qos = message.qos,
            .code = reason,
            .reason = "refused",
            .message = &message});
  return 0;
}

std::size_t Broker::publish_as(MessageView message, std::string_view client_id, Reason& reason) {
  reason = !valid_topic_name(message.topic) || !topic_fits(message.topic, 0, settings_->limits)
               ? Reason::topic_name_invalid
           : reserved_topic(message.topic)                       ? Reason::not_authorized
           : message.qos > settings_->mqtt.max_qos               ? Reason::qos_not_supported
           : message.retain && !settings_->mqtt.retain_available ? Reason::retain_not_supported
                                                                 : Reason::success;
  if (is_error(reason)) return 0;
  message.expiry_s = capped_expiry(message.expiry_s);
  message.received_ms = shard_.now_ms();
  message.publisher = kNoSession;
  if (recorder_.on()) message.durability = durability_for(message.topic, nullptr);
  return publish_hooked(message, client_id, {}, reason);
}

std::size_t Broker::match_count(std::string_view topic) const {
  MatchResult found;  // not the route cache's: it may be in use
  realm_.subscriptions.match(topic, found);
  std::vector<std::uint32_t> receivers;
  for (const Match& match : found.subscribers) receivers.push_back(match.subscriber.value);
  std::sort(receivers.begin(), receivers.end());
  const auto last = std::unique(receivers.begin(), receivers.end());
  return static_cast<std::size_t>(last - receivers.begin()) + found.groups.size();
}

std::size_t Broker::publish(const MessageView& message) {
  assert(!in_hook());
  if (message.topic.size() > Connection::kMaxTopicSize) {  // no packet could carry it
    drop(Metric::messages_dropped_too_large, message, "topic_too_long");
    return 0;
  }
  Publication publication(message, frames_);
  if (message.retain) keep_retained(publication);
  const Route& route = routes_.find(message.topic);
  spend(route.targets + (routes_.last_was_cached() ? 1 : kMatchCost));
  publication.set_single(route.single);
  for (const LocalTarget& local : route.local)
    deliver(*local.session, publication, local.target, ids_of(local.target, route.ids));
  for (const Target& remote : route.remote) send_to(remote, publication, route.ids);
  std::size_t receivers = route.targets;
  for (const SharedGroup* group : route.groups)
    receivers += deliver_to_group(*group, publication, Subscriber{~0u}, false);
  finish_records(publication);
  // That nobody listens to what the broker says of itself is no loss.
  if (receivers == 0 && message.publisher != 0)
    drop(Metric::messages_dropped_no_subscriber, message, "no_subscriber");
  return receivers;
}

std::size_t Broker::publish_own(std::string_view topic, std::string_view payload, std::uint8_t qos,
                                bool retain) {
  MessageView message;
  message.topic = topic;
  message.payload = payload;
  message.qos = qos;
  message.retain = retain;
  message.received_ms = shard_.now_ms();
  if (recorder_.on() && !topic.starts_with("$SYS"))
    message.durability = durability_for(topic, nullptr);
  return publish(message);
}

void Broker::keep_retained(Publication& publication) {
  const bool recorded = recorder_.on() && !publication.view().topic.starts_with("$SYS");
  if (recorded && realm_.journal.condition() >= StoreCondition::lower) {
    std::string topic;
    KEEL_LOG(warning, "topic={}: not kept as retained message: the store is short of space",
             printable(publication.view().topic, topic));
    return;
  }
  const RetainOutcome outcome =
      realm_.retained_for(publication.view().topic).set(publication.message());
  if (recorded) recorder_.note_elsewhere();
  if (outcome == RetainOutcome::too_large || outcome == RetainOutcome::full) {
    std::string topic;
    KEEL_LOG(warning, "topic={}: not kept as retained message: {}",
             printable(publication.view().topic, topic),
             outcome == RetainOutcome::full ? "limits.max_retained or max_retained_bytes reached"
                                            : "payload over limits.max_retained_payload");
    return;
  }
  metrics().add(Metric::messages_retained);
}

void Broker::drop(Metric cause, const MessageView& message, std::string_view word,
                  const Session* receiver) {
  metrics().add(Metric::messages_dropped);
  if (cause != Metric::messages_dropped) metrics().add(cause);
  tell_dropped(message, word, receiver);
}

bool Broker::deliver_to_group(const SharedGroup& group, Publication& publication,
                              Subscriber exclude, bool online_only) {
  Match picked;
  const PickContext context{shard_.index(), publication.view().publisher, xorshift(random_state_),
                            exclude, online_only};
  if (!group.pick(context, picked)) return false;
  Target target = Target::of(picked);
  target.group = group.filter();
  target.flags |= Target::kShared;
  static const std::vector<std::uint32_t> kNoList;
  if (target.subscriber.shard() != shard_.index()) {
    send_to(target, publication, kNoList);
  } else if (Session* session = sessions_.at(target.subscriber.slot())) {
    deliver(*session, publication, target, ids_of(target, kNoList));
  }
  return true;
}

bool Broker::deliver_again(const Target& target, Publication& publication, bool online_only) {
  MatchResult found;
  realm_.subscriptions.match(publication.view().topic, found);
  for (const SharedGroup* group : found.groups)
    if (group->filter() == target.group)
      return deliver_to_group(*group, publication, target.subscriber, online_only);
  return false;
}

void Broker::send_to(const Target& target, Publication& publication,
                     const std::vector<std::uint32_t>& ids) {
  if (outgoing_.empty()) outgoing_.resize(realm_.brokers.size());
  auto& batch = outgoing_[target.subscriber.shard()];
  if (!batch) batch = std::make_unique<RemoteBatch>();
  if (batch->items.empty() || batch->items.back().message.get() != publication.message().get()) {
    batch->items.push_back(
        {publication.message(), static_cast<std::uint32_t>(batch->targets.size()), 0});
    batch->bytes += publication.message()->footprint();
  }
  if (recorder_.on() && publication.view().durability != Durability::none &&
      realm_.kept.test(target.subscriber) && delivered_qos(publication.view().qos, target.qos) != 0)
    note_transit(*batch, target);
  batch->bytes += sizeof(Target) + (target.id_count > 1 ? target.id_count * sizeof(ids[0]) : 0);
  if (batch->bytes > kMaxBacklog) hold();
  Target& sent = batch->targets.emplace_back(target);
  if (target.id_count > 1) {
    const auto list = ids_of(target, ids);
    sent.subscription_id = static_cast<std::uint32_t>(batch->ids.size());
    batch->ids.insert(batch->ids.end(), list.begin(), list.end());
  }
  ++batch->items.back().count;
}

void Broker::flush_remote() {
  for (std::size_t shard = 0; shard < outgoing_.size(); ++shard) {
    if (!outgoing_[shard]) continue;
    Broker* target = realm_.brokers[shard];
    metrics().add(Metric::messages_forward, outgoing_[shard]->items.size());
    const std::size_t bytes = outgoing_[shard]->bytes;
    if (target->backlog_.fetch_add(bytes, std::memory_order_relaxed) + bytes > kMaxBacklog) hold();
    target->shard().post(
        [target, batch = std::move(outgoing_[shard])] { target->deliver_batch(*batch); });
  }
}

// A shard does not keep up: connections that go on publishing here are not read until it does, so
// what is on its way to it stays bounded.
void Broker::hold() {
  overloaded_ = true;
  if (!release_timer_.armed()) shard_.timers().arm(release_timer_, kReleaseMs);
}

void Broker::hold(Connection& connection) { held_.push_back(&connection); }

void Broker::forget_held(Connection& connection) { std::erase(held_, &connection); }

void Broker::release_held() {
  for (const Broker* broker : realm_.brokers)
    if (broker->backlog_.load(std::memory_order_relaxed) > kMaxBacklog / 2) return hold();
  if (disk_is_behind(settings_->durability.max_backlog / 2)) return hold();
  overloaded_ = false;
  for (Connection* connection : std::exchange(held_, {})) connection->release();
}

void Broker::deliver_batch(RemoteBatch& batch) {
  backlog_.fetch_sub(batch.bytes, std::memory_order_relaxed);
  store_refused_ = false;
  for (RemoteBatch::Item& item : batch.items) {
    Publication publication(std::move(item.message), frames_);
    publication.set_single(item.count == 1);
    // When nobody waits to hear of a refusal the store was fit as the batch left, and what it was
    // asked to keep is acknowledged with the row in Space::transit.
    publication.set_promised(batch.origin == nullptr);
    for (std::uint32_t i = 0; i < item.count; ++i) {
      const Target& target = batch.targets[item.first + i];
      Session* const session = sessions_.at(target.subscriber.slot());
      // A member of a shared group that went away meanwhile: another one takes its place.
      if (target.flags & Target::kShared && (!session || !session->connection) &&
          deliver_again(target, publication, session != nullptr))
        continue;
      if (session) deliver(*session, publication, target, ids_of(target, batch.ids));
    }
    finish_records(publication);
    if (item.transit != 0) recorder_.arrived(item.transit);
  }
  if (batch.origin) owe_receipt(*batch.origin, batch.turn);
}

}  // namespace keel::kernel
