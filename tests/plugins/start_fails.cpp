// Acquires what it can, then fails: all of it must be taken back.
#define ZOO_NAME "start_fails"
#define ZOO_START return start();
#include "keel/ext/ctl.h"
#include "keel/ext/hooks.h"
#include "keel/ext/shard.h"
#include "keel/ext/timer.h"
#include "keel/ext/udp.h"

static keel_status start();
#include "zoo.h"

static void on_timer(void*) {}
static void on_datagrams(void*, keel_handle, const keel_datagram*, uint32_t) {}
static void on_event(void*, const keel_event*) {}
static int32_t on_command(void*, const keel_ctl_call*) { return 0; }
static int cancelled;
static void on_post(void*, int32_t was_cancelled) { cancelled += was_cancelled; }

static keel_status start() {
  keel_handle out = 0;
  const auto* timer = static_cast<const keel_ext_timer*>(table(KEEL_EXT_TIMER));
  timer->start(host, 0, 1, 1, on_timer, nullptr, &out);
  const auto* udp = static_cast<const keel_ext_udp*>(table(KEEL_EXT_UDP));
  keel_udp_options options{};
  options.size = sizeof options;
  options.address = {"127.0.0.1:0", 11};
  keel_udp_callbacks callbacks{};
  callbacks.size = sizeof callbacks;
  callbacks.datagrams = on_datagrams;
  udp->bind(host, &options, &callbacks, nullptr, &out);
  const auto* hooks = static_cast<const keel_ext_hooks*>(table(KEEL_EXT_HOOKS));
  hooks->add(host, KEEL_HOOK_CLIENT_CONNECTED, 0, 1, reinterpret_cast<keel_hook_fn>(on_event),
             nullptr, &out);
  const auto* ctl = static_cast<const keel_ext_ctl*>(table(KEEL_EXT_CTL));
  ctl->add(host, "start-fails", nullptr, 0, on_command, nullptr, &out);
  const auto* shard = static_cast<const keel_ext_shard*>(table(KEEL_EXT_SHARD));
  shard->post(host, 0, on_post, nullptr);
  return KEEL_E_IO;
}
