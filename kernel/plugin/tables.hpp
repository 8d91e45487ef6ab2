// The tables the kernel offers; each is in the file host_<name>.cpp.
#pragma once

#include "keel/ext/auth.h"
#include "keel/ext/broker.h"
#include "keel/ext/clients.h"
#include "keel/ext/clock.h"
#include "keel/ext/config.h"
#include "keel/ext/ctl.h"
#include "keel/ext/fd.h"
#include "keel/ext/hooks.h"
#include "keel/ext/kv.h"
#include "keel/ext/log.h"
#include "keel/ext/message.h"
#include "keel/ext/metrics.h"
#include "keel/ext/services.h"
#include "keel/ext/session.h"
#include "keel/ext/shard.h"
#include "keel/ext/state.h"
#include "keel/ext/store.h"
#include "keel/ext/stream.h"
#include "keel/ext/tcp.h"
#include "keel/ext/timer.h"
#include "keel/ext/udp.h"
#include "keel/ext/worker.h"

namespace keel::kernel::tables {

extern const keel_ext_log log;
extern const keel_ext_clock clock;
extern const keel_ext_config config;
extern const keel_ext_shard shard;
extern const keel_ext_timer timer;
extern const keel_ext_fd fd;
extern const keel_ext_udp udp;
extern const keel_ext_tcp tcp;
extern const keel_ext_stream stream;
extern const keel_ext_message message;
extern const keel_ext_broker broker;
extern const keel_ext_session session;
extern const keel_ext_hooks hooks;
extern const keel_ext_auth auth;
extern const keel_ext_clients clients;
extern const keel_ext_ctl ctl;
extern const keel_ext_metrics metrics;
extern const keel_ext_worker worker;
extern const keel_ext_state state;
extern const keel_ext_services services;
extern const keel_ext_kv kv;
extern const keel_ext_store store;

}  // namespace keel::kernel::tables
