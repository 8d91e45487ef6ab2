// emqx_ws: MQTT over WebSocket. See README.md.
#include <algorithm>
#include <keel/plugin.hpp>

#include "emqx_ws/connection.hpp"
#include "emqx_ws/listener_set.hpp"
#include "emqx_ws/schema.hpp"

namespace {

using ws::SettingsPtr, ws::ShardRoom;

class WebSocket final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  static constexpr auto& settings = ws::kSchema;
  static constexpr std::uint32_t state_schema = ws::kStateSchema;

  keel::Status start() override {
    KEEL_TRY(metrics_.start(host()));
    KEEL_TRY(host()
                 .metrics()
                 .gauge_of("ws_connections", "WebSocket connections", [this] { return count(); })
                 .into(gauge_));
    auto wanted = ws::read_listeners(host().config());
    if (!wanted) return wanted.status();
    rooms_.clear();
    for (std::uint32_t i = 0; i < host().shards().count(); ++i) {
      ShardRoom& room = *rooms_.emplace_back(std::make_unique<ShardRoom>(host(), metrics_, i));
      KEEL_TRY(host()
                   .timers()
                   .every(
                       1000, [&room] { room.turn(); }, i)
                   .into(room.timer));
    }
    adopt(*wanted);
    ws::accept_key({});  // not on a shard the first time
    return listeners_.start(*wanted, &WebSocket::accept, this);
  }

  keel::Status apply(std::span<const std::string_view>) override {
    auto wanted = ws::read_listeners(host().config());
    if (!wanted) return wanted.status();
    return listeners_.change(*wanted);
  }

  void drain(keel::DrainReason why, std::uint32_t deadline_ms, keel::DrainDone done) override {
    if (why == keel::DrainReason::upgrade) return;
    listeners_.close();
    const auto shared = std::make_shared<keel::DrainDone>(std::move(done));
    for (const auto& room : rooms_) {
      host()
          .shards()
          .post(room->index,
                [at = room.get(), deadline_ms, shared] { at->leave(deadline_ms, shared); })
          .ignore();
    }
  }

  keel::Status save(std::string& out) override {
    for (const auto& room : rooms_) {
      room->wheel.each([&](const ws::Connection& connection) {
        ws::SavedConnection saved;
        if (connection.save(saved)) ws::append(out, saved);
      });
    }
    return {};
  }

  keel::Status load(std::uint32_t schema, std::string_view blob) override {
    inherited_.clear();
    if (schema != state_schema) return keel::Status::error("state of an unknown version");
    if (!ws::read_saved(blob, inherited_)) {
      return keel::Status::error("state that cannot be read");
    }
    return {};
  }

  keel::Health health() override {
    return {keel::Health::good, keel::concat(listeners_.describe(), count(), " connections")};
  }

 private:
  std::uint32_t count() const {
    std::uint32_t out = 0;
    for (const auto& room : rooms_) out += room->connections.load(std::memory_order_relaxed);
    return out;
  }

  // [shard]
  static std::unique_ptr<keel::TcpHandler> accept(void* plugin, const SettingsPtr& of) {
    auto& self = *static_cast<WebSocket*>(plugin);
    ShardRoom& room = *self.rooms_[self.host().shards().current()];
    if (room.leaving()) return nullptr;
    return std::make_unique<ws::Connection>(room, of);
  }

  // Before anything runs; see save().
  void adopt(const std::vector<SettingsPtr>& wanted) {
    for (const ws::SavedConnection& saved : std::exchange(inherited_, {})) {
      if (saved.shard >= rooms_.size()) continue;
      const auto named = std::find_if(wanted.begin(), wanted.end(), [&](const SettingsPtr& each) {
        return each->name == saved.listener;
      });
      auto connection = std::make_unique<ws::Connection>(
          *rooms_[saved.shard],
          named == wanted.end() ? ws::default_listener(saved.listener) : *named, saved);
      ws::Connection& adopted = *connection;
      if (!host().tcp().adopt(saved.connection, std::move(connection))) continue;
      if (saved.stream != 0) adopted.adopt_stream(saved.stream);
    }
  }

  ws::Metrics metrics_;
  keel::Metric gauge_;
  std::vector<std::unique_ptr<ShardRoom>> rooms_;
  ws::ListenerSet listeners_{host()};
  std::vector<ws::SavedConnection> inherited_;
};

}  // namespace

KEEL_PLUGIN(WebSocket, "emqx_ws", "1.0.0", "MQTT over WebSocket");
