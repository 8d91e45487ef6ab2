// What the client subscribes to [MQTT-SN 6.9].
#include <algorithm>
#include <functional>

#include "emqx_sn/client.hpp"
#include "emqx_sn/predefined.hpp"
#include "emqx_sn/reasons.hpp"
#include "emqx_sn/topic_text.hpp"

namespace sn {
namespace {

constexpr std::size_t kMostRecent = 16;

std::uint64_t hash(std::string_view filter, const Flags& flags) {
  const auto how =
      static_cast<std::uint64_t>(flags.qos) << 2 | static_cast<std::uint64_t>(flags.id_type);
  return std::hash<std::string_view>()(filter) ^ (how + 1) * 0x9e37'79b9'7f4a'7c15;
}

}  // namespace

// The filter that a SUBSCRIBE or UNSUBSCRIBE names.
ReturnCode Client::filter_of(const Packet& packet, char (&octets)[2],
                             std::string_view& filter) const {
  switch (packet.flags.id_type) {
    case IdType::normal:
      filter = packet.text;
      break;
    case IdType::predefined:
      if (const std::string* const name = predefined(packet.topic_id)) {
        filter = *name;
        break;
      }
      return ReturnCode::invalid_topic_id;
    case IdType::short_name:
      filter = short_name(packet.topic_id, octets);
      break;
    case IdType::reserved:
      return ReturnCode::invalid_topic_id;
  }
  const bool good = is_topic_text(filter) && !without_share(filter).empty();
  return good ? ReturnCode::accepted : ReturnCode::not_supported;
}

std::string Client::mounted_filter(std::string_view filter) const {
  const std::size_t prefix = filter.size() - without_share(filter).size();
  std::string out(filter.substr(0, prefix));
  out += settings_->mountpoint;
  out += filter.substr(prefix);
  return out;
}

void Client::take_subscribe(const Packet& packet) {
  char octets[2];
  std::string_view filter;
  Token answer = token(Order::subscribe, packet.msg_id);
  answer.id_type = packet.flags.id_type;
  if (const ReturnCode code = filter_of(packet, octets, filter); code != ReturnCode::accepted) {
    const bool echoed = packet.flags.id_type == IdType::predefined;
    return outside_.send(
        suback(0, echoed ? packet.topic_id : std::uint16_t{0}, packet.msg_id, code));
  }
  if (packet.flags.qos < 0) return answer_subscribe(answer, 0, ReturnCode::not_supported);
  const std::uint64_t what = hash(filter, packet.flags);
  if (repeated_subscribe(packet, what)) return;
  const std::string_view topic = without_share(filter);
  answer.topic_id = packet.topic_id;
  if (answer.id_type == IdType::normal) {
    const bool wild = has_wildcard(topic);
    answer.topic_id =
        wild ? std::uint16_t{0} : topics_.add(topic, first_id(), settings_->max_topics);
    if (answer.topic_id == 0 && !wild)
      return answer_subscribe(answer, 0, ReturnCode::not_supported);
  }
  answer.own_filter = topic.size() == filter.size() && !has_wildcard(filter);
  const auto qos = static_cast<std::uint8_t>(packet.flags.qos);
  if (!outside_.subscribe(mounted_filter(filter), qos, answer.number()))
    return answer_subscribe(answer, 0, ReturnCode::congestion);
  topics_.clear_everywhere(TopicTable::kRefused);
  ++at_.subscribing;
  remember_subscribe(packet, what);
}

// A retransmission is answered again, but not asked of the broker again: it would send all
// retained messages once more.
bool Client::repeated_subscribe(const Packet& packet, std::uint64_t what) {
  if (!rare_) return false;
  const std::int64_t since = outside_.now_ms() - settings_->retry_interval_ms;
  for (const RecentSubscribe& recent : rare_->recent) {
    const bool repeated = packet.flags.dup || recent.msg_id == packet.msg_id;
    if (recent.what != what || !repeated) continue;
    if (!recent.answered) return recent.msg_id == packet.msg_id;
    if (recent.at <= since || recent.code != ReturnCode::accepted) continue;
    outside_.send(suback(recent.qos, recent.topic_id, packet.msg_id, recent.code));
    return true;
  }
  return false;
}

void Client::remember_subscribe(const Packet& packet, std::uint64_t what) {
  std::vector<RecentSubscribe>& recent = rare().recent;
  std::erase_if(recent, [&](const RecentSubscribe& r) { return r.answered && r.what == what; });
  if (recent.size() >= kMostRecent) {
    const auto answered =
        std::find_if(recent.begin(), recent.end(), [](const auto& r) { return r.answered; });
    if (answered == recent.end()) return;
    recent.erase(answered);
  }
  RecentSubscribe& added = recent.emplace_back();
  added.what = what;
  added.msg_id = packet.msg_id;
}

void Client::subscribed(const Token& token, std::uint8_t code) {
  if (at_.subscribing > 0) --at_.subscribing;
  const ReturnCode answer = return_code(code);
  if (answer == ReturnCode::accepted) {
    if (token.id_type == IdType::normal) {
      topics_.set(token.topic_id, TopicTable::kKnown, true);
      if (token.own_filter) topics_.set(token.topic_id, TopicTable::kSubscribed, true);
    } else if (token.own_filter) {
      const std::uint32_t key = Rare::key(token.id_type, token.topic_id);
      std::vector<std::uint32_t>& by_id = rare().by_id;
      if (std::find(by_id.begin(), by_id.end(), key) == by_id.end()) {
        by_id.push_back(key);
        ++changes_;
      }
    }
  }
  answer_subscribe(token, code <= 2 ? code : std::uint8_t{0}, answer);
  pump();
}

void Client::answer_subscribe(const Token& token, std::uint8_t granted, ReturnCode code) {
  const bool with_id = code == ReturnCode::accepted && token.id_type != IdType::short_name;
  const std::uint16_t id = with_id ? token.topic_id : std::uint16_t{0};
  if (rare_) {
    for (RecentSubscribe& recent : rare_->recent) {
      if (recent.msg_id != token.msg_id || recent.answered) continue;
      recent.answered = true;
      recent.qos = granted;
      recent.topic_id = id;
      recent.code = code;
      recent.at = outside_.now_ms();
      break;
    }
  }
  outside_.send(suback(granted, id, token.msg_id, code));
}

void Client::take_unsubscribe(const Packet& packet) {
  char octets[2];
  std::string_view filter;
  if (filter_of(packet, octets, filter) != ReturnCode::accepted)
    return outside_.send(unsuback(packet.msg_id));
  remove_by_id(filter);
  topics_.set(topics_.id(filter), TopicTable::kSubscribed, false);
  if (rare_) std::erase_if(rare_->recent, [](const RecentSubscribe& r) { return r.answered; });
  // If it cannot be asked for now, the client will repeat it: there is no code to say so.
  static_cast<void>(outside_.unsubscribe(mounted_filter(filter),
                                         token(Order::unsubscribe, packet.msg_id).number()));
}

// The subscription with this filter ends, however it was named when it began.
void Client::remove_by_id(std::string_view topic) {
  if (!rare_) return;
  const std::size_t gone = std::erase_if(rare_->by_id, [&](std::uint32_t key) {
    const auto id = static_cast<std::uint16_t>(key);
    char octets[2];
    if (static_cast<IdType>(key >> 16) == IdType::short_name)
      return short_name(id, octets) == topic;
    const std::string* const name = predefined(id);
    return !name || *name == topic;
  });
  if (gone != 0) ++changes_;
}

}  // namespace sn
