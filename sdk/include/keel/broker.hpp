// Publishing, and what the broker knows.
#pragma once

#include <memory>

#include "keel/message.hpp"

namespace keel {

class Broker {
 public:
  explicit Broker(detail::Core& core) : core_(core) {}

  // Publishes to all subscribers on a later turn. KEEL_E_LIMIT: too many wait, try later. [any]
  Status publish(const Publish& message) const {
    const keel_message_view view = message.c();
    return core_.plain(core_.broker.call(&keel_ext_broker::publish, core_.host, &view));
  }
  Status publish(const MessageRef& message) const {
    return core_.plain(
        core_.broker.call(&keel_ext_broker::publish_message, core_.host, message.get()));
  }
  // A message made once, to be published often. [any]
  Result<MessageRef> create(const Publish& message) const {
    return Message::create(core_, message.c());
  }

  // Shows the retained messages that match, fn(const Message&), on later turns of this shard, then
  // calls done(bool cancelled). [shard]
  template <class F, class D>
  Status retained(std::string_view filter, F fn, D done) const {
    struct Query {
      detail::Core& core;
      F fn;
      D done;
    };
    auto query = std::make_unique<Query>(Query{core_, std::move(fn), std::move(done)});
    const keel_status status = core_.broker.call(
        &keel_ext_broker::retained, core_.host, to_c(filter),
        keel_retained_fn([](void* ctx, const keel_message_view* messages, std::uint32_t n) {
          auto* const self = static_cast<Query*>(ctx);
          for (std::uint32_t i = 0; i < n; ++i) {
            detail::guarded(self->core, [&] { self->fn(Message(self->core, at(messages, i))); });
          }
        }),
        keel_task_fn([](void* ctx, std::int32_t cancelled) {
          const std::unique_ptr<Query> self(static_cast<Query*>(ctx));
          detail::guarded(self->core, [&] { self->done(cancelled != 0); });
        }),
        query.get());
    if (status == KEEL_OK) query.release();
    return core_.status(status);
  }
  // Removes one retained message. [any]
  Status retained_clear(std::string_view topic) const {
    return core_.status(
        core_.broker.call(&keel_ext_broker::retained_clear, core_.host, to_c(topic)));
  }
  // How many sessions a message to `topic` would go to. [shard]
  Result<std::uint32_t> match_count(std::string_view topic) const {
    std::uint32_t n = 0;
    const keel_status status =
        core_.broker.call(&keel_ext_broker::match_count, core_.host, to_c(topic), &n);
    if (status != KEEL_OK) return core_.status(status);
    return n;
  }
  std::string version() const {
    std::string out;
    core_.broker.call(&keel_ext_broker::version, core_.host, sink_into(out));
    return out;
  }
  std::string node_name() const {
    std::string out;
    core_.broker.call(&keel_ext_broker::node_name, core_.host, sink_into(out));
    return out;
  }

 private:
  detail::Core& core_;
};

}  // namespace keel
