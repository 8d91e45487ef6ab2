// An application message: one block, counted, immutable once made. Topic, forwardable MQTT 5
// properties and payload stand behind the header in the same allocation. Any thread may hold a
// reference; the count is atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <utility>

#include "kernel/base/bytes.hpp"
#include "kernel/base/settings.hpp"

namespace keel::kernel {

inline constexpr std::uint32_t kNoExpiry = std::numeric_limits<std::uint32_t>::max();

// What a message is made of, as views. `properties` are MQTT 5 properties in wire form that travel
// unaltered: payload format, content type, response topic, correlation data, user properties.
struct MessageView {
  Bytes topic;
  Bytes payload;
  Bytes properties;
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint32_t expiry_s = kNoExpiry;  // message expiry interval as published
  std::int64_t received_ms = 0;        // monotonic clock of the broker when it came in
  std::uint64_t publisher = 0;         // session number of the publisher, for no-local; 0: none
  Durability durability = Durability::none;  // what is asked of a store
  // The PUBLISH it came in, whole, which may go on as it is to clients of the same wire form, but
  // for its first byte and the packet id. Empty: there is none such. `topic` lies in it.
  bool packet_v5 = false;
  Bytes packet;
};

class Message;

// Holds one reference. Null is a valid state.
class MessagePtr {
 public:
  MessagePtr() = default;
  MessagePtr(const MessagePtr& other);
  MessagePtr(MessagePtr&& other) noexcept : message_(std::exchange(other.message_, nullptr)) {}
  MessagePtr& operator=(MessagePtr other) noexcept {
    std::swap(message_, other.message_);
    return *this;
  }
  ~MessagePtr();

  // Takes over the reference that `release()` gave away.
  static MessagePtr adopt(const Message* message) {
    MessagePtr p;
    p.message_ = message;
    return p;
  }
  const Message* release() { return std::exchange(message_, nullptr); }

  explicit operator bool() const { return message_ != nullptr; }
  const Message* get() const { return message_; }
  const Message* operator->() const { return message_; }
  const Message& operator*() const { return *message_; }

 private:
  const Message* message_ = nullptr;
};

class Message {
 public:
  // Copies what `view` shows into one new block. Null when the topic is longer than a packet can
  // carry (65 535 bytes) or another part is 4 GiB or more.
  static MessagePtr create(const MessageView& view);

  Bytes topic() const { return {data(), topic_size_}; }
  Bytes properties() const { return {data() + topic_size_, properties_size_}; }
  Bytes payload() const { return {data() + topic_size_ + properties_size_, payload_size_}; }
  std::uint8_t qos() const { return qos_; }
  bool retain() const { return retain_; }
  Durability durability() const { return durability_; }
  std::uint32_t expiry_s() const { return expiry_s_; }
  std::int64_t received_ms() const { return received_ms_; }
  std::uint64_t publisher() const { return publisher_; }
  MessageView view() const;

  // Bytes this block occupies; what quotas count.
  std::size_t footprint() const {
    return sizeof(Message) + topic_size_ + properties_size_ + payload_size_;
  }
  bool expired(std::int64_t now_ms) const {
    return expiry_s_ != kNoExpiry && now_ms - received_ms_ >= std::int64_t{expiry_s_} * 1000;
  }
  // The interval to send on: what is left of it, in seconds, rounded up; at least 1 while not
  // expired, 0 after that, kNoExpiry when there is none [MQTT5 3.3.2.3.3].
  std::uint32_t remaining_expiry_s(std::int64_t now_ms) const;

  void ref(std::uint32_t n = 1) const { refs_.fetch_add(n, std::memory_order_relaxed); }
  void unref(std::uint32_t n = 1) const {
    if (refs_.fetch_sub(n, std::memory_order_acq_rel) == n) destroy();
  }

 private:
  Message() = default;
  ~Message() = default;
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  void destroy() const;

  mutable std::atomic<std::uint32_t> refs_{1};
  std::uint32_t payload_size_ = 0, properties_size_ = 0;
  std::uint16_t topic_size_ = 0;
  std::uint8_t qos_ = 0;
  bool retain_ : 1 = false;
  Durability durability_ : 2 = Durability::none;
  std::uint32_t expiry_s_ = kNoExpiry;
  std::int64_t received_ms_ = 0;
  std::uint64_t publisher_ = 0;
};

inline MessagePtr::MessagePtr(const MessagePtr& other) : message_(other.message_) {
  if (message_) message_->ref();
}
inline MessagePtr::~MessagePtr() {
  if (message_) message_->unref();
}

}  // namespace keel::kernel
