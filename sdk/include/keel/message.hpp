// Application messages: what hooks and deliveries show (Message, a view of one call), what is held
// beyond that (MessageRef), and what is published (Publish). Any thread.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "keel/detail/core.hpp"

namespace keel {

// An MQTT 5 property that travels with a message.
using Property = keel_property;
inline Property user_property(std::string_view name, std::string_view value) {
  return {KEEL_PROP_USER, 0, to_c(name), to_c(value)};
}
inline Property text_property(std::uint32_t id, std::string_view value) {
  return {id, 0, {}, to_c(value)};
}
inline Property number_property(std::uint32_t id, std::uint32_t number) {
  return {id, number, {}, {}};
}

// What to publish. All of it is copied.
struct Publish {
  std::string_view topic;
  std::string_view payload;
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint32_t expiry_s = KEEL_NO_EXPIRY;
  std::span<const Property> properties = {};
  std::string_view client_id = {}, username = {};  // of the publisher; only for replace()

  keel_message_view c() const {
    keel_message_view out{};
    out.size = sizeof out;
    out.qos = qos;
    out.retain = retain ? 1 : 0;
    out.topic = to_c(topic);
    out.payload = to_c(payload);
    out.client_id = to_c(client_id);
    out.username = to_c(username);
    out.props = properties.data();
    out.props_n = static_cast<std::uint32_t>(properties.size());
    out.expiry_s = expiry_s;
    return out;
  }
};

// A message that this side holds on to. Move-only; shared with the kernel, immutable.
class MessageRef {
 public:
  MessageRef() = default;
  MessageRef(detail::Core& core, keel_message* taken) : core_(&core), message_(taken) {}
  MessageRef(MessageRef&& other) noexcept
      : core_(other.core_), message_(std::exchange(other.message_, nullptr)) {}
  MessageRef& operator=(MessageRef other) noexcept {
    std::swap(core_, other.core_);
    std::swap(message_, other.message_);
    return *this;
  }
  ~MessageRef() {
    if (message_) core_->message.call(&keel_ext_message::unref, core_->host, message_);
  }

  explicit operator bool() const { return message_ != nullptr; }
  keel_message* get() const { return message_; }
  keel_message* release() { return std::exchange(message_, nullptr); }
  MessageRef share() const {
    if (message_) core_->message.call(&keel_ext_message::ref, core_->host, message_);
    return message_ ? MessageRef(*core_, message_) : MessageRef();
  }
  // fn(const Message&), before it returns.
  template <class F>
  Status view(F&& fn) const;

 private:
  detail::Core* core_ = nullptr;
  keel_message* message_ = nullptr;
};

// A message as shown for the length of one call.
class Message {
 public:
  Message(detail::Core& core, const keel_message_view& view) : core_(&core), view_(&view) {}

  std::string_view topic() const { return keel::view(view_->topic); }
  std::string_view payload() const { return keel::view(view_->payload); }
  std::uint8_t qos() const { return view_->qos; }
  bool retain() const { return view_->retain != 0; }
  bool dup() const { return view_->dup != 0; }
  // Of the publisher; empty when it is no client.
  std::string_view client_id() const { return keel::view(view_->client_id); }
  std::string_view username() const { return keel::view(view_->username); }
  std::uint32_t expiry_s() const { return view_->expiry_s; }
  std::int64_t received_ms() const { return view_->received_ms; }
  std::span<const Property> properties() const { return {view_->props, view_->props_n}; }
  const keel_message_view& c() const { return *view_; }

  // Keeps it beyond the call: by a reference, or a copy if there is only a view.
  Result<MessageRef> share() const {
    if (view_->message) {
      core_->message.call(&keel_ext_message::ref, core_->host, view_->message);
      return MessageRef(*core_, view_->message);
    }
    return create(*core_, *view_);
  }
  // All of it, to change some and replace() or publish the rest.
  Publish edit() const {
    return {.topic = topic(),
            .payload = payload(),
            .qos = qos(),
            .retain = retain(),
            .expiry_s = expiry_s(),
            .properties = properties(),
            .client_id = client_id(),
            .username = username()};
  }
  detail::Core& core() const { return *core_; }

  static Result<MessageRef> create(detail::Core& core, const keel_message_view& view) {
    keel_message* out = nullptr;
    const keel_status status = core.message.call(&keel_ext_message::create, core.host, &view, &out);
    if (status != KEEL_OK) return core.status(status);
    return MessageRef(core, out);
  }

 private:
  detail::Core* core_;
  const keel_message_view* view_;
};

template <class F>
Status MessageRef::view(F&& fn) const {
  if (!message_) return KEEL_E_INVAL;
  struct Call {
    detail::Core& core;
    F& fn;
  } call{*core_, fn};
  return core_->status(core_->message.call(
      &keel_ext_message::view, core_->host, message_,
      +[](void* ctx, const keel_message_view* shown) {
        const auto* const self = static_cast<Call*>(ctx);
        detail::guarded(self->core, [&] { self->fn(Message(self->core, *shown)); });
      },
      &call));
}

}  // namespace keel
