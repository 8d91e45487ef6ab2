#include "kernel/plugin/message_from.hpp"

#include <ctime>

#include "kernel/base/clock.hpp"

#include "kernel/codec/decoder.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/message_properties.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kLongestTopic = 65'535;

}  // namespace

keel_status message_from(Slot& slot, const keel_message_view* given, const char* function,
                         MessagePtr& out) {
  keel_message_view from{};
  if (!read_struct(given, offsetof(keel_message_view, expiry_s) + sizeof from.expiry_s, from))
    return fail(KEEL_E_INVAL, fmt::format("{}: the message needs its size", function));
  MessageView parts;
  parts.topic = view(from.topic);
  parts.payload = view(from.payload);
  parts.qos = from.qos;
  parts.retain = from.retain != 0;
  parts.expiry_s = from.expiry_s != 0 ? from.expiry_s : kNoExpiry;
  const HostThread* const thread = HostThread::current();
  parts.received_ms = thread && !thread->control() ? thread->shard().now_ms() : monotonic_ms();
  if (parts.topic.size() > kLongestTopic || !valid_topic_name(parts.topic))
    return fail(
        KEEL_E_INVAL,
        fmt::format("{}: the topic is empty, too long, not UTF-8 or holds a wildcard", function));
  if (parts.qos > 2) return fail(KEEL_E_INVAL, fmt::format("{}: QoS above 2", function));
  const std::uint32_t largest = slot.runtime().realm().settings()->limits.max_packet_size;
  if (largest != 0 && parts.payload.size() > largest)
    return fail(KEEL_E_LIMIT,
                fmt::format("{}: the payload is above limits.max_packet_size", function));
  std::string properties;
  if (const keel_status bad = write_properties(from.props, from.props_n, properties)) return bad;
  parts.properties = properties;
  out = Message::create(parts);
  return out ? KEEL_OK : fail(KEEL_E_NOMEM, fmt::format("{}: no memory, or too large", function));
}

}  // namespace keel::kernel
