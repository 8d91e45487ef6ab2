// broker/1: publishing, retained messages, counts.
#include <memory>
#include <vector>

#include "kernel/base/hash.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/message_from.hpp"
#include "kernel/plugin/message_properties.hpp"
#include "kernel/plugin/tables.hpp"
#include "kernel/router/topic.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kRetainedSlice = 64;

keel_status publish_made(Slot& slot, MessagePtr message) {
  const Bytes topic = message->topic();
  if (topic == "$SYS" || topic.starts_with("$SYS/"))
    return fail(KEEL_E_DENIED, "broker.publish: topics below $SYS are the broker's own");
  HostThread* const here = HostThread::current();
  const bool on_shard = here && !here->control();
  if (on_shard && here->publishes.too_deep())
    return fail(KEEL_E_LIMIT, "broker.publish: hooks answer one another's messages without end");
  if (!slot.count_publish(message->footprint()))
    return fail(KEEL_E_LIMIT,
                fmt::format("broker.publish: {} messages or {} MiB wait already",
                            Slot::kMaxPublishes, Slot::kMaxPublishBytes / (1024 * 1024)));
  if (on_shard) {
    here->publishes.push(slot, std::move(message));
    return KEEL_OK;
  }
  // One topic, one shard: so its messages keep their order.
  Runtime& runtime = slot.runtime();
  HostThread& thread = runtime.thread(
      static_cast<std::uint32_t>(hash_bytes(topic, hash_seed()) % runtime.shard_count()));
  thread.post([&thread, &slot, message = std::move(message)]() mutable {
    thread.publishes.push(slot, std::move(message));
  });
  return KEEL_OK;
}

keel_status publish(const keel_host* host, const keel_message_view* given) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("broker.publish");
  MessagePtr message;
  if (const keel_status bad = message_from(slot, given, "broker.publish", message)) return bad;
  return publish_made(slot, std::move(message));
}

keel_status publish_message(const keel_host* host, keel_message* given) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("broker.publish_message");
  if (!given) return fail(KEEL_E_INVAL, "broker.publish_message: no message given");
  const auto* const message = reinterpret_cast<const Message*>(given);
  message->ref();
  return publish_made(slot, MessagePtr::adopt(message));
}

// A walk through the retained messages, a slice a turn. Calls `done` once, however it ends.
struct RetainedWalk {
  Slot& slot;
  HostThread& thread;
  std::string filter, after;
  keel_retained_fn fn;
  keel_task_fn done;
  void* ctx;

  RetainedWalk(Slot& s, HostThread& t, std::string_view f, keel_retained_fn each, keel_task_fn end,
               void* c)
      : slot(s), thread(t), filter(f), fn(each), done(end), ctx(c) {}
  RetainedWalk(const RetainedWalk&) = delete;
  RetainedWalk& operator=(const RetainedWalk&) = delete;
  ~RetainedWalk() {
    if (done) finish(1);
  }
  void finish(std::int32_t cancelled) {
    const keel_task_fn end = std::exchange(done, nullptr);
    call_plugin(slot, CallSite::retained, [&] { end(ctx, cancelled); });
    slot.end_walk();
  }
};

void step(const std::shared_ptr<RetainedWalk>& walk) {
  if (walk->slot.revoked(walk->thread)) return walk->finish(1);
  std::vector<MessagePtr> found;
  Realm& realm = walk->slot.runtime().realm();
  const bool done =
      realm.retained_for(walk->filter)
          .match(walk->filter, walk->after, kRetainedSlice, walk->thread.shard().now_ms(), found);
  std::vector<keel_property> props;
  std::vector<std::size_t> first;
  for (const MessagePtr& message : found) {
    first.push_back(props.size());
    read_properties(message->properties(), props);
  }
  first.push_back(props.size());
  std::vector<keel_message_view> shown(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Message& message = *found[i];
    shown[i].size = sizeof shown[i];
    shown[i].qos = message.qos();
    shown[i].retain = 1;
    shown[i].topic = str(message.topic());
    shown[i].payload = str(message.payload());
    shown[i].props = props.data() + first[i];
    shown[i].props_n = static_cast<std::uint32_t>(first[i + 1] - first[i]);
    shown[i].expiry_s = message.expiry_s();
    shown[i].received_ms = message.received_ms();
    shown[i].message = reinterpret_cast<keel_message*>(const_cast<Message*>(found[i].get()));
  }
  if (!shown.empty())
    call_plugin(walk->slot, CallSite::retained, [&] {
      walk->fn(walk->ctx, shown.data(), static_cast<std::uint32_t>(shown.size()));
    });
  if (done) return walk->finish(0);
  walk->thread.post([walk] { step(walk); });
}

keel_status retained(const keel_host* host, keel_str filter, keel_retained_fn fn, keel_task_fn done,
                     void* ctx) {
  Slot& slot = Slot::of(host);
  keel_status status = KEEL_OK;
  HostThread* const thread = check_shard(slot, "broker.retained", status);
  if (!thread) return status;
  ParsedFilter parsed;
  if (!fn || !done || parse_filter(view(filter), 65'535, 0, parsed) != FilterError::none ||
      parsed.shared())
    return fail(KEEL_E_INVAL, "broker.retained: a topic filter and two functions are needed");
  if (const keel_status bad = slot.begin_walk("broker.retained")) return bad;
  const auto walk = std::make_shared<RetainedWalk>(slot, *thread, view(filter), fn, done, ctx);
  thread->post([walk] { step(walk); });
  return KEEL_OK;
}

keel_status retained_clear(const keel_host* host, keel_str topic) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("broker.retained_clear");
  if (view(topic).starts_with("$SYS"))
    return fail(KEEL_E_DENIED, "broker.retained_clear: topics below $SYS are the broker's own");
  if (!slot.runtime().realm().retained.remove(view(topic)))
    return fail(KEEL_E_NOENT, "broker.retained_clear: nothing is retained there");
  return KEEL_OK;
}

keel_status match_count(const keel_host* host, keel_str topic, std::uint32_t* out) {
  Slot& slot = Slot::of(host);
  keel_status status = KEEL_OK;
  HostThread* const thread = check_shard(slot, "broker.match_count", status);
  if (!thread) return status;
  if (!out || !valid_topic_name(view(topic)))
    return fail(KEEL_E_INVAL, "broker.match_count: a topic name and a result are needed");
  *out = static_cast<std::uint32_t>(thread->broker().match_count(view(topic)));
  return KEEL_OK;
}

void version(const keel_host* host, keel_sink out) {
  put(out, Slot::of(host).runtime().options().version);
}

void node_name(const keel_host* host, keel_sink out) {
  put(out, Slot::of(host).runtime().realm().settings()->kernel.node_name);
}

}  // namespace

const keel_ext_broker tables::broker = {.size = sizeof(keel_ext_broker),
                                        .reserved = 0,
                                        .publish = publish,
                                        .publish_message = publish_message,
                                        .retained = retained,
                                        .retained_clear = retained_clear,
                                        .match_count = match_count,
                                        .version = version,
                                        .node_name = node_name};

}  // namespace keel::kernel
