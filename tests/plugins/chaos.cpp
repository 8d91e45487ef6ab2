// Everything at once, for unloading under load: hooks at every message, timers, posts to every
// shard and from a thread of its own, worker jobs, a UDP socket that talks to itself, publishing.
#define ZOO_NAME "chaos"
#define ZOO_START return start();
#define ZOO_STOP stop();
#include <pthread.h>

#include <atomic>
#include <cstring>

#include "keel/ext/broker.h"
#include "keel/ext/hooks.h"
#include "keel/ext/metrics.h"
#include "keel/ext/shard.h"
#include "keel/ext/timer.h"
#include "keel/ext/udp.h"
#include "keel/ext/worker.h"

static keel_status start();
static void stop();
#include "zoo.h"

namespace {

// On the heap, so that a call after the end touches freed memory.
struct State {
  std::atomic<long> events{0}, posts_out{0}, jobs_out{0};
  std::atomic<bool> running{true};
  pthread_t thread{};
  keel_handle counter = 0, socket = 0;
  keel_addr own{};
};
State* state;

const keel_ext_shard* shards() { return static_cast<const keel_ext_shard*>(table(KEEL_EXT_SHARD)); }

void on_post(void* ctx, int32_t) { --static_cast<State*>(ctx)->posts_out; }
void work(void* ctx) { ++static_cast<State*>(ctx)->events; }
void on_job(void* ctx, int32_t) { --static_cast<State*>(ctx)->jobs_out; }

void post(State* s, uint32_t shard) {
  if (s->posts_out > 64) return;
  ++s->posts_out;
  if (shards()->post(host, shard, on_post, s) != KEEL_OK) --s->posts_out;
}

int32_t on_publish(void* ctx, const keel_message_view* message, keel_publish_answer*) {
  auto* s = static_cast<State*>(ctx);
  if (message->topic.size != 0) ++s->events;
  if ((s->events & 15) == 0) post(s, static_cast<uint32_t>(s->events >> 4) % shards()->count(host));
  static_cast<const keel_ext_metrics*>(table(KEEL_EXT_METRICS))->add(host, s->counter, 1);
  return KEEL_NEXT;
}
int32_t on_authorize(void* ctx, const keel_authorize_request*, keel_handle) {
  ++static_cast<State*>(ctx)->events;
  return KEEL_NEXT;
}
void on_event(void* ctx, const keel_event*) { ++static_cast<State*>(ctx)->events; }

void on_timer(void* ctx) {
  auto* s = static_cast<State*>(ctx);
  keel_message_view message{};
  message.size = sizeof message;
  message.topic = {"chaos/tick", 10};
  message.payload = {"x", 1};
  static_cast<const keel_ext_broker*>(table(KEEL_EXT_BROKER))->publish(host, &message);
  if (s->jobs_out < 16) {
    ++s->jobs_out;
    if (static_cast<const keel_ext_worker*>(table(KEEL_EXT_WORKER))
            ->run(host, work, on_job, s, shards()->current(host)) != KEEL_OK)
      --s->jobs_out;
  }
}

void on_datagrams(void* ctx, keel_handle socket, const keel_datagram* datagrams, uint32_t n) {
  auto* s = static_cast<State*>(ctx);
  s->events += n;
  static_cast<const keel_ext_udp*>(table(KEEL_EXT_UDP))
      ->send(host, socket, &datagrams[0].peer, &datagrams[0].bytes, 1);
}

void first_datagram(void* ctx, int32_t cancelled) {
  auto* s = static_cast<State*>(ctx);
  const keel_str text = {"ping", 4};
  if (!cancelled)
    static_cast<const keel_ext_udp*>(table(KEEL_EXT_UDP))->send(host, s->socket, &s->own, &text, 1);
}

void* own_thread(void* ctx) {
  auto* s = static_cast<State*>(ctx);
  for (uint32_t i = 0; s->running; ++i) {
    post(s, i % shards()->count(host));
    if ((i & 63) == 0) sched_yield();
  }
  return nullptr;
}

}  // namespace

static keel_status start() {
  state = new State;
  keel_handle out = 0;
  const auto* hooks = static_cast<const keel_ext_hooks*>(table(KEEL_EXT_HOOKS));
  const auto hook = [&](uint32_t point, auto* fn) {
    return hooks->add(host, point, 0, 1, reinterpret_cast<keel_hook_fn>(fn), state, &out);
  };
  if (hook(KEEL_HOOK_MESSAGE_PUBLISH, on_publish) || hook(KEEL_HOOK_CLIENT_AUTHORIZE, on_authorize))
    return KEEL_E_IO;
  for (uint32_t point = KEEL_HOOK_CLIENT_CONNECTED; point <= KEEL_HOOK_MESSAGE_DROPPED; ++point)
    if (hook(point, on_event)) return KEEL_E_IO;
  for (uint32_t i = 0; i < shards()->count(host); ++i)
    if (static_cast<const keel_ext_timer*>(table(KEEL_EXT_TIMER))
            ->start(host, i, 50, 50, on_timer, state, &out))
      return KEEL_E_IO;
  if (static_cast<const keel_ext_metrics*>(table(KEEL_EXT_METRICS))
          ->counter(host, "chaos_messages_total", "messages seen", "", &state->counter))
    return KEEL_E_IO;
  const auto* udp = static_cast<const keel_ext_udp*>(table(KEEL_EXT_UDP));
  keel_udp_options options{};
  options.size = sizeof options;
  options.address = {"127.0.0.1:0", 11};
  keel_udp_callbacks callbacks{};
  callbacks.size = sizeof callbacks;
  callbacks.datagrams = on_datagrams;
  if (udp->bind(host, &options, &callbacks, state, &state->socket)) return KEEL_E_IO;
  udp->local(host, state->socket, &state->own);
  shards()->post(host, 0, first_datagram, state);
  return pthread_create(&state->thread, nullptr, own_thread, state) == 0 ? KEEL_OK : KEEL_E_NOMEM;
}

static void stop() {
  state->running = false;
  pthread_join(state->thread, nullptr);
}

// After destroy() nothing may come any more; what does finds freed memory.
struct AtTheEnd {  // runs when the code is unmapped
  ~AtTheEnd() { delete state; }
} static at_the_end;
