// Throws through the boundary from every callback the kernel calls, without the C++ layer to catch
// it.
#include <stdexcept>

#define ZOO_NAME "throws_everywhere"
#define ZOO_START return start();
#define ZOO_STOP throw std::runtime_error("stop");
#define ZOO_DESTROY throw std::runtime_error("destroy");
#include "keel/ext/ctl.h"
#include "keel/ext/hooks.h"
#include "keel/ext/metrics.h"
#include "keel/ext/plugin_drain.h"
#include "keel/ext/plugin_health.h"
#include "keel/ext/plugin_settings.h"
#include "keel/ext/plugin_state.h"
#include "keel/ext/shard.h"
#include "keel/ext/timer.h"
#include "keel/ext/worker.h"

#include <cstring>

static keel_status start();
static const void* extension(const char* id);
#define ZOO_EXTENSION return extension(id);
#include "zoo.h"

namespace {

[[noreturn]] void bang(const char* where) { throw std::runtime_error(where); }

int32_t on_connect(void*, const keel_client*, keel_str, keel_connect_answer*) { bang("connect"); }
int32_t on_connack(void*, const keel_client*, uint8_t, int32_t, keel_connack_answer*) {
  bang("connack");
}
int32_t on_filter(void*, const keel_client*, keel_str, keel_filter_answer*) { bang("subscribe"); }
int32_t on_publish(void*, const keel_message_view*, keel_publish_answer*) { bang("publish"); }
void on_event(void*, const keel_event*) { bang("event"); }
void on_timer(void*) { bang("timer"); }
void on_post(void*, int32_t) { bang("post"); }
void work(void*) { bang("work"); }
int32_t on_command(void*, const keel_ctl_call*) { bang("command"); }
double on_gauge(void*) { bang("gauge"); }

template <class F>
void hook(uint32_t point, F* fn) {
  keel_handle out = 0;
  const auto* hooks = static_cast<const keel_ext_hooks*>(table(KEEL_EXT_HOOKS));
  hooks->add(host, point, 0, 1, reinterpret_cast<keel_hook_fn>(fn), nullptr, &out);
}

const keel_ext_plugin_drain kDrain = {
    sizeof kDrain, 0, [](void*, uint32_t, uint32_t, void (*)(void*), void*) { bang("drain"); }};
const keel_ext_plugin_settings kSettings = {
    sizeof kSettings, 0, [](void*, const keel_str*, uint32_t) -> keel_status { bang("apply"); }};
const keel_ext_plugin_state kState = {
    sizeof kState, 1, [](void*, keel_sink) -> keel_status { bang("save"); },
    [](void*, uint32_t, keel_str) -> keel_status { bang("load"); }};
const keel_ext_plugin_health kHealth = {sizeof kHealth, 0,
                                        [](void*, keel_sink) -> int32_t { bang("health"); }};

}  // namespace

static const void* extension(const char* id) {
  if (std::strcmp(id, KEEL_EXT_PLUGIN_DRAIN) == 0) return &kDrain;
  if (std::strcmp(id, KEEL_EXT_PLUGIN_SETTINGS) == 0) return &kSettings;
  if (std::strcmp(id, KEEL_EXT_PLUGIN_STATE) == 0) return &kState;
  if (std::strcmp(id, KEEL_EXT_PLUGIN_HEALTH) == 0) return &kHealth;
  bang("get_extension");
}

static keel_status start() {
  hook(KEEL_HOOK_CLIENT_CONNECT, on_connect);
  hook(KEEL_HOOK_CLIENT_CONNACK, on_connack);
  hook(KEEL_HOOK_CLIENT_SUBSCRIBE, on_filter);
  hook(KEEL_HOOK_MESSAGE_PUBLISH, on_publish);
  for (uint32_t point = KEEL_HOOK_CLIENT_CONNECTED; point <= KEEL_HOOK_MESSAGE_DROPPED; ++point)
    hook(point, on_event);
  keel_handle out = 0;
  static_cast<const keel_ext_timer*>(table(KEEL_EXT_TIMER))
      ->start(host, 0, 50, 50, on_timer, nullptr, &out);
  static_cast<const keel_ext_shard*>(table(KEEL_EXT_SHARD))->post(host, 0, on_post, nullptr);
  static_cast<const keel_ext_worker*>(table(KEEL_EXT_WORKER))->run(host, work, on_post, nullptr, 0);
  static_cast<const keel_ext_ctl*>(table(KEEL_EXT_CTL))
      ->add(host, "throws", nullptr, 0, on_command, nullptr, &out);
  static_cast<const keel_ext_metrics*>(table(KEEL_EXT_METRICS))
      ->gauge_fn(host, "zoo_throws", "throws", "", on_gauge, nullptr, &out);
  return KEEL_OK;
}
