// What everything in a plugin that talks to the kernel shares: the host, its tables, and the list
// of callback contexts that the kernel may still use. One per plugin instance, made in create() and
// destroyed by destroy(). Any thread, except sweep().
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>

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
#include "keel/extension.hpp"
#include "keel/result.hpp"
#include "keel/text.hpp"

namespace keel::detail {

class Context;

class Core {
 public:
  explicit Core(const keel_host* from)
      : host(from),
        log(from, KEEL_EXT_LOG),
        clock(from, KEEL_EXT_CLOCK),
        config(from, KEEL_EXT_CONFIG),
        shard(from, KEEL_EXT_SHARD),
        timer(from, KEEL_EXT_TIMER),
        fd(from, KEEL_EXT_FD),
        udp(from, KEEL_EXT_UDP),
        tcp(from, KEEL_EXT_TCP),
        stream(from, KEEL_EXT_STREAM),
        message(from, KEEL_EXT_MESSAGE),
        broker(from, KEEL_EXT_BROKER),
        session(from, KEEL_EXT_SESSION),
        hooks(from, KEEL_EXT_HOOKS),
        auth(from, KEEL_EXT_AUTH),
        clients(from, KEEL_EXT_CLIENTS),
        ctl(from, KEEL_EXT_CTL),
        metrics(from, KEEL_EXT_METRICS),
        worker(from, KEEL_EXT_WORKER),
        state(from, KEEL_EXT_STATE),
        services(from, KEEL_EXT_SERVICES),
        kv(from, KEEL_EXT_KV),
        store(from, KEEL_EXT_STORE) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core() { sweep(); }

  // A Status with the kernel's text. Where failing is ordinary (a full buffer, a stale handle)
  // plain() spares the text.
  Status status(keel_status code) const {
    if (code == KEEL_OK) return {};
    if (code == KEEL_E_UNSUPPORTED) return code;
    std::string text;
    if (KEEL_HAS(host, last_error) && host->last_error) host->last_error(host, sink_into(text));
    return {code, std::move(text)};
  }
  Status plain(keel_status code) const {
    return code == KEEL_E_LIMIT || code == KEEL_E_STALE ? Status(code) : status(code);
  }

  // An exception was caught at the boundary.
  void caught(std::string_view text) const noexcept {
    if (KEEL_HAS(host, report_exception) && host->report_exception) {
      host->report_exception(host, to_c(text));
    } else {
      log.call(&keel_ext_log::write, host, static_cast<std::uint32_t>(KEEL_LOG_ERROR), to_c(text));
    }
  }

  // The shard this thread is; KEEL_SHARD_CONTROL elsewhere.
  std::uint32_t current_shard() const {
    return shard.call_or(std::uint32_t{KEEL_SHARD_CONTROL}, &keel_ext_shard::current, host);
  }

  // Grows when the kernel has revoked everything: handles made before mean nothing any more.
  std::uint32_t epoch() const { return epoch_.load(std::memory_order_relaxed); }
  void next_epoch() { epoch_.fetch_add(1, std::memory_order_relaxed); }

  // The kernel's references: hold() when a context is given to the kernel, release() when it cannot
  // use it any more. sweep() releases all: nothing of the plugin runs, everything is revoked.
  inline void hold(Context& context);
  inline void release(Context& context) noexcept;
  inline void sweep() noexcept;

  const keel_host* const host;
  const Extension<keel_ext_log> log;
  const Extension<keel_ext_clock> clock;
  const Extension<keel_ext_config> config;
  const Extension<keel_ext_shard> shard;
  const Extension<keel_ext_timer> timer;
  const Extension<keel_ext_fd> fd;
  const Extension<keel_ext_udp> udp;
  const Extension<keel_ext_tcp> tcp;
  const Extension<keel_ext_stream> stream;
  const Extension<keel_ext_message> message;
  const Extension<keel_ext_broker> broker;
  const Extension<keel_ext_session> session;
  const Extension<keel_ext_hooks> hooks;
  const Extension<keel_ext_auth> auth;
  const Extension<keel_ext_clients> clients;
  const Extension<keel_ext_ctl> ctl;
  const Extension<keel_ext_metrics> metrics;
  const Extension<keel_ext_worker> worker;
  const Extension<keel_ext_state> state;
  const Extension<keel_ext_services> services;
  const Extension<keel_ext_kv> kv;
  const Extension<keel_ext_store> store;

 private:
  inline void unlink(Context& context);

  std::atomic<std::uint32_t> epoch_{0};
  std::mutex mutex_;  // of the list
  Context* first_ = nullptr;
};

// Runs the plugin's code with no way out for an exception.
template <class F, class R>
R guarded(const Core& core, R otherwise, F&& fn) noexcept {
  try {
    return fn();
  } catch (const std::exception& error) {
    core.caught(error.what());
  } catch (...) {
    core.caught("an exception that is no std::exception");
  }
  return otherwise;
}
template <class F>
void guarded(const Core& core, F&& fn) noexcept {
  try {
    fn();
  } catch (const std::exception& error) {
    core.caught(error.what());
  } catch (...) {
    core.caught("an exception that is no std::exception");
  }
}

}  // namespace keel::detail

#include "keel/detail/context.hpp"  // the bodies of hold(), release() and sweep()
