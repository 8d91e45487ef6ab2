#include "kernel/codec/message.hpp"

#include <cstring>
#include <new>

#include "kernel/codec/block_pool.hpp"

namespace keel::kernel {
namespace {

char* put(char* at, Bytes bytes) {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

}  // namespace

MessagePtr Message::create(const MessageView& view) {
  constexpr std::size_t kMaxTopic = std::numeric_limits<std::uint16_t>::max();
  constexpr std::size_t kMaxPart = std::numeric_limits<std::uint32_t>::max();
  if (view.topic.size() > kMaxTopic || view.properties.size() > kMaxPart ||
      view.payload.size() > kMaxPart) {
    return {};
  }
  char* const block = block_pool::take(sizeof(Message) + view.topic.size() +
                                       view.properties.size() + view.payload.size());
  if (block == nullptr) throw std::bad_alloc();
  auto* message = new (block) Message;
  message->topic_size_ = static_cast<std::uint16_t>(view.topic.size());
  message->properties_size_ = static_cast<std::uint32_t>(view.properties.size());
  message->payload_size_ = static_cast<std::uint32_t>(view.payload.size());
  message->qos_ = view.qos;
  message->retain_ = view.retain;
  message->durability_ = view.durability;
  message->expiry_s_ = view.expiry_s;
  message->received_ms_ = view.received_ms;
  message->publisher_ = view.publisher;
  char* const at = block + sizeof(Message);
  put(put(put(at, view.topic), view.properties), view.payload);
  return MessagePtr::adopt(message);
}

void Message::destroy() const {
  const std::size_t size = footprint();
  this->~Message();
  block_pool::release(reinterpret_cast<char*>(const_cast<Message*>(this)), size);
}

MessageView Message::view() const {
  return {topic(),   payload(),    properties(), qos_,       retain_,
          expiry_s_, received_ms_, publisher_,   durability_};
}

std::uint32_t Message::remaining_expiry_s(std::int64_t now_ms) const {
  if (expiry_s_ == kNoExpiry || now_ms <= received_ms_) return expiry_s_;
  const std::int64_t left_ms = std::int64_t{expiry_s_} * 1000 - (now_ms - received_ms_);
  return left_ms <= 0 ? 0 : static_cast<std::uint32_t>((left_ms + 999) / 1000);
}

}  // namespace keel::kernel
