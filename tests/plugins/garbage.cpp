// Answers nonsense from every callback, and calls the kernel with nonsense.
#define ZOO_NAME "garbage"
#define ZOO_START return start();
#include <initializer_list>

#include "keel/ext/auth.h"
#include "keel/ext/broker.h"
#include "keel/ext/clients.h"
#include "keel/ext/config.h"
#include "keel/ext/ctl.h"
#include "keel/ext/fd.h"
#include "keel/ext/hooks.h"
#include "keel/ext/log.h"
#include "keel/ext/metrics.h"
#include "keel/ext/services.h"
#include "keel/ext/session.h"
#include "keel/ext/shard.h"
#include "keel/ext/stream.h"
#include "keel/ext/tcp.h"
#include "keel/ext/timer.h"
#include "keel/ext/udp.h"
#include "keel/ext/worker.h"

static keel_status start();
#include "zoo.h"

template <class T>
static const T* ext(const char* id) {
  return static_cast<const T*>(table(id));
}

static int32_t on_authenticate(void*, const keel_auth_request*, keel_handle, keel_auth_answer* a) {
  a->reason = 3;
  return 12345;
}
static int32_t on_authorize(void*, const keel_authorize_request*, keel_handle) { return -77; }
static int32_t on_connect(void*, const keel_client*, keel_str, keel_connect_answer* answer) {
  answer->edits = 0xffffffff;
  answer->keep_alive_s = 0xffffffff;
  answer->receive_maximum = 0;
  answer->maximum_packet_size = 1;
  answer->reason = 1;
  return 99;
}
static int32_t on_filter(void*, const keel_client*, keel_str, keel_filter_answer* answer) {
  answer->qos = 77;
  answer->retain_handling = 200;
  return 55;
}
static int32_t on_publish(void*, const keel_message_view*, keel_publish_answer* answer) {
  answer->reason = 1;
  return KEEL_REPLACE;  // without a replacement
}
static int32_t on_command(void*, const keel_ctl_call*) { return 4711; }

static keel_status start() {
  keel_handle out = 0;
  const auto* hooks = ext<keel_ext_hooks>(KEEL_EXT_HOOKS);
  const auto add = [&](uint32_t point, auto* fn) {
    hooks->add(host, point, 0, 1, reinterpret_cast<keel_hook_fn>(fn), nullptr, &out);
  };
  add(KEEL_HOOK_CLIENT_AUTHENTICATE, on_authenticate);
  add(KEEL_HOOK_CLIENT_AUTHORIZE, on_authorize);
  add(KEEL_HOOK_CLIENT_CONNECT, on_connect);
  add(KEEL_HOOK_CLIENT_SUBSCRIBE, on_filter);
  add(KEEL_HOOK_MESSAGE_PUBLISH, on_publish);
  add(0, on_publish);
  add(4711, on_publish);
  hooks->add(host, KEEL_HOOK_MESSAGE_PUBLISH, 0, 1, nullptr, nullptr, &out);
  hooks->add(host, KEEL_HOOK_MESSAGE_PUBLISH, 0, 1, reinterpret_cast<keel_hook_fn>(on_publish),
             nullptr, nullptr);
  ext<keel_ext_ctl>(KEEL_EXT_CTL)->add(host, "garbage", nullptr, 0, on_command, nullptr, &out);
  for (const char* name : {"", "UPPER", "clients", "with blank", static_cast<const char*>(nullptr)})
    ext<keel_ext_ctl>(KEEL_EXT_CTL)->add(host, name, nullptr, 0, on_command, nullptr, &out);
  // Every handle that could be, to every function that takes one.
  for (const keel_handle bad :
       {keel_handle{0}, keel_handle{1}, ~keel_handle{0}, keel_handle{0x0000010100000001}}) {
    ext<keel_ext_timer>(KEEL_EXT_TIMER)->cancel(host, bad);
    ext<keel_ext_timer>(KEEL_EXT_TIMER)->rearm(host, bad, 1);
    ext<keel_ext_fd>(KEEL_EXT_FD)->release(host, bad);
    ext<keel_ext_udp>(KEEL_EXT_UDP)->close(host, bad);
    ext<keel_ext_udp>(KEEL_EXT_UDP)->send(host, bad, nullptr, nullptr, 1);
    ext<keel_ext_tcp>(KEEL_EXT_TCP)->write(host, bad, nullptr, 1);
    ext<keel_ext_tcp>(KEEL_EXT_TCP)->close(host, bad);
    ext<keel_ext_tcp>(KEEL_EXT_TCP)->adopt(host, bad, nullptr, nullptr);
    ext<keel_ext_stream>(KEEL_EXT_STREAM)->close(host, bad);
    ext<keel_ext_session>(KEEL_EXT_SESSION)->close(host, bad, 0);
    ext<keel_ext_session>(KEEL_EXT_SESSION)->attach(host, bad, nullptr, nullptr);
    ext<keel_ext_hooks>(KEEL_EXT_HOOKS)->remove(host, bad);
    ext<keel_ext_ctl>(KEEL_EXT_CTL)->remove(host, bad);
    ext<keel_ext_metrics>(KEEL_EXT_METRICS)->add(host, bad, 1);
    ext<keel_ext_metrics>(KEEL_EXT_METRICS)->remove(host, bad);
    ext<keel_ext_services>(KEEL_EXT_SERVICES)->withdraw(host, bad);
    ext<keel_ext_auth>(KEEL_EXT_AUTH)->resolve(host, bad, 77, nullptr);
  }
  ext<keel_ext_udp>(KEEL_EXT_UDP)->bind(host, nullptr, nullptr, nullptr, &out);
  keel_udp_options options{};
  ext<keel_ext_udp>(KEEL_EXT_UDP)->bind(host, &options, nullptr, nullptr, &out);
  ext<keel_ext_tcp>(KEEL_EXT_TCP)->listen(host, nullptr, nullptr, nullptr, &out);
  ext<keel_ext_tcp>(KEEL_EXT_TCP)->connect(host, nullptr, nullptr, nullptr, &out);
  ext<keel_ext_broker>(KEEL_EXT_BROKER)->publish(host, nullptr);
  keel_message_view view{};
  ext<keel_ext_broker>(KEEL_EXT_BROKER)->publish(host, &view);
  view.size = sizeof view;
  view.qos = 9;
  view.topic = {"a/#", 3};
  ext<keel_ext_broker>(KEEL_EXT_BROKER)->publish(host, &view);
  ext<keel_ext_shard>(KEEL_EXT_SHARD)->post(host, 4711, nullptr, nullptr);
  ext<keel_ext_worker>(KEEL_EXT_WORKER)->run(host, nullptr, nullptr, nullptr, 99);
  ext<keel_ext_clients>(KEEL_EXT_CLIENTS)->find(host, {nullptr, 0}, nullptr, nullptr);
  ext<keel_ext_config>(KEEL_EXT_CONFIG)->get_int(host, nullptr, nullptr);
  ext<keel_ext_config>(KEEL_EXT_CONFIG)->get_str(host, "no.such.key", {nullptr, nullptr});
  ext<keel_ext_log>(KEEL_EXT_LOG)->write(host, 4711, {"\xff\x01 not text\n", 13});
  ext<keel_ext_metrics>(KEEL_EXT_METRICS)->counter(host, "Bad Name", nullptr, "x=y", &out);
  host->get_extension(host, nullptr);
  host->get_extension(host, "keel.nothing/1");
  host->last_error(host, {nullptr, nullptr});
  return KEEL_OK;
}
