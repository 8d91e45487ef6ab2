// The addresses a gateway listens on, as its settings want them: a socket on every shard for each,
// plain or DTLS. Opened, changed and closed on the control thread; datagrams arrive on shards.
//
// Settings is the gateway's own struct, one for each address:
//   std::string name;     // "sn:default", for the log
//   std::string key;      // where it stands in the configuration, to report what is wrong with it
//   std::string address;  // as UdpOptions take it
//   std::optional<Dtls> dtls;                   // none: plain; has `Tls tls() const`
//   UdpOptions options(const Tls* tls) const;   // for a bind on every shard
//   bool operator==(const Settings&) const;     // whether a socket bound for the other will do
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "keel/host.hpp"

namespace keel {

// One address. Stays in memory as long as the plugin runs, closed or not, so that shards may point
// to it.
template <class Settings>
class UdpListener {
 public:
  // A datagram that came in here. [shard]
  using Receive = void (*)(void* plugin, UdpListener& listener, const Datagram& datagram);

  UdpListener(Settings settings, std::string_view plugin_name, Receive receive, void* plugin)
      : settings_(std::move(settings)), name_(plugin_name), receive_(receive), plugin_(plugin) {}

  // [control]
  Status open(Host& host) {
    Tls tls;
    if (settings_.dtls) tls = settings_.dtls->tls();
    KEEL_TRY(host.udp()
                 .bind(settings_.options(dtls() ? &tls : nullptr),
                       [this](const Datagram& datagram) {
                         // One that is opened while the plugin runs receives at once.
                         if (!ready_.load(std::memory_order_acquire)) return;
                         receive_(plugin_, *this, datagram);
                       })
                 .into(socket_));
    id_.store(socket_.id(), std::memory_order_relaxed);
    if (ready_.load(std::memory_order_relaxed)) return {};  // opened again
    local_ = socket_.local();
    sticky_ = dtls() || is_wildcard(local_);
    title_ = concat(name_, dtls() ? ":dtls:" : ":udp:", local_.port());
    ready_.store(true, std::memory_order_release);
    return {};
  }
  void close() { socket_.reset(); }

  // What it was opened with. [any]
  const Settings& settings() const { return settings_; }
  bool dtls() const { return settings_.dtls.has_value(); }
  Address local() const { return local_; }
  bool loopback() const { return local_.is_loopback(); }
  // Whether a datagram for a peer must leave from the shard where those of the peer arrive: there
  // its association is, or it is known to which address of ours the peer talks.
  bool sticky() const { return sticky_; }
  // "emqx_sn:udp:1884", as clients of it are listed.
  const std::string& title() const { return title_; }
  // For Udp::send: from the socket of this shard. Stays when it is closed; then nothing is sent.
  // [shard]
  keel_handle id() const { return id_.load(std::memory_order_relaxed); }
  const UdpSocket& socket() const { return socket_; }  // [control]

 private:
  static bool is_wildcard(const Address& address) {
    return std::all_of(std::begin(address.c().bytes), std::end(address.c().bytes),
                       [](std::uint8_t byte) { return byte == 0; });
  }

  const Settings settings_;
  const std::string_view name_;
  const Receive receive_;
  void* const plugin_;
  UdpSocket socket_;
  std::atomic<bool> ready_{false};  // what is below may be read by shards, and stays
  std::atomic<keel_handle> id_{0};
  Address local_;
  bool sticky_ = false;
  std::string title_;
};

// All of them. [control]
template <class Settings>
class UdpListeners {
 public:
  using Listener = UdpListener<Settings>;

  // `plugin_name`: for the titles, a literal.
  UdpListeners(Host& host, std::string_view plugin_name, typename Listener::Receive receive,
               void* plugin)
      : host_(host), name_(plugin_name), receive_(receive), plugin_(plugin) {}

  // Before anything runs.
  Status start(const std::vector<Settings>& wanted) {
    all_.clear();
    open_.clear();
    failed_.clear();
    for (const Settings& settings : wanted) KEEL_TRY(add(settings));
    return {};
  }
  // To what is wanted now. Where that fails, all is as before. `closed` gets those that are gone. A
  // socket that does not do any more is closed before another is opened, because the address may be
  // the same.
  Status change(const std::vector<Settings>& wanted, std::vector<Listener*>& closed) {
    const std::vector<Listener*> before = std::exchange(open_, {});
    const std::vector<std::string> failed_before = std::exchange(failed_, {});
    std::vector<const Settings*> fresh;
    for (const Settings& settings : wanted) {
      const auto same = std::find_if(before.begin(), before.end(), [&](const Listener* old) {
        return old->settings() == settings;
      });
      if (same == before.end()) {
        fresh.push_back(&settings);
      } else {
        open_.push_back(*same);
      }
    }
    for (Listener* const old : before) {
      if (std::find(open_.begin(), open_.end(), old) != open_.end()) continue;
      closed.push_back(old);
      old->close();
    }
    const std::size_t kept = open_.size();
    for (const Settings* const settings : fresh) {
      if (Status status = add(*settings); !status) {
        for (std::size_t i = kept; i < open_.size(); ++i) open_[i]->close();
        open_.resize(kept);
        failed_ = failed_before;
        reopen(std::exchange(closed, {}));
        return status;
      }
    }
    return {};
  }
  // Nothing comes in or goes out any more.
  void close() {
    for (Listener* const listener : std::exchange(open_, {})) listener->close();
  }
  // Reads certificates and keys again.
  void reload_tls() {
    for (Listener* const listener : open_) {
      if (!listener->dtls()) continue;
      if (const Status status = listener->socket().reload_tls(); !status) {
        host_.log().error(listener->settings().name, " goes on with its old certificate: ", status);
      }
    }
  }

  const std::vector<Listener*>& open() const { return open_; }
  // Null: none of this name is open.
  Listener* find(std::string_view name) const {
    const auto found = std::find_if(open_.begin(), open_.end(), [&](const Listener* listener) {
      return listener->settings().name == name;
    });
    return found == open_.end() ? nullptr : *found;
  }
  bool loopback_only() const {
    return std::all_of(open_.begin(), open_.end(),
                       [](const Listener* listener) { return listener->loopback(); });
  }
  // Whether all that are wanted are open.
  bool complete() const { return failed_.empty(); }
  // "sn:default at 127.0.0.1:1884; "
  std::string describe() const {
    std::string out;
    for (const Listener* listener : open_) {
      out += concat(listener->settings().name, " at ", listener->local(), "; ");
    }
    for (const std::string& name : failed_) out += concat(name, " is not started; ");
    return out;
  }

 private:
  // A DTLS listener whose certificate or keys cannot be read leaves the others alone.
  Status add(const Settings& settings) {
    auto listener = std::make_unique<Listener>(settings, name_, receive_, plugin_);
    const Status status = listener->open(host_);
    if (status) {
      host_.log().notice(settings.name, ": listening on ", listener->local(),
                         settings.dtls ? " for DTLS" : "");
      open_.push_back(listener.get());
      all_.push_back(std::move(listener));
      return {};
    }
    const std::string text = concat(settings.address, ": ", status);
    if (!settings.dtls) return host_.config().fail(settings.key.c_str(), text.c_str());
    host_.log().error(settings.name, " is not started: ", text);
    failed_.push_back(settings.name);
    return {};
  }
  void reopen(const std::vector<Listener*>& closed) {
    for (Listener* const listener : closed) {
      if (const Status status = listener->open(host_); !status) {
        host_.log().error(listener->settings().name, " could not be opened again: ", status);
      } else {
        open_.push_back(listener);
      }
    }
  }

  Host& host_;
  const std::string_view name_;
  const typename Listener::Receive receive_;
  void* const plugin_;
  // Also those that are closed: what shards keep points to them.
  std::vector<std::unique_ptr<Listener>> all_;
  std::vector<Listener*> open_;
  std::vector<std::string> failed_;  // names of DTLS listeners that could not be started
};

}  // namespace keel
