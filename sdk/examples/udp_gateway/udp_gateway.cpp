// A gateway: devices that speak a line protocol by UDP are ordinary clients of the broker, one
// session each. A new version of the plugin takes over socket and sessions; no device notices.
//
//   device -> gateway                       gateway -> device
//   hello ID                                ok hello | no REASON
//   pub TOPIC PAYLOAD                       ok pub | no REASON
//   sub FILTER                              ok sub | no REASON
//   bye                                     bye
//                                           msg TOPIC PAYLOAD
#include <keel/plugin.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <unordered_map>

class UdpGateway;

// One device. Lives on the socket's shard.
class Device final : public keel::SessionHandler {
 public:
  Device(UdpGateway& gateway, const keel::Address& peer) : gateway_(gateway), peer_(peer) {}

  keel::Session session;

  void opened(std::uint8_t reason, bool present) override;
  void deliver(const keel::Delivery& delivery) override;
  void suback(std::uint64_t token, std::span<const std::uint8_t> codes) override;
  void published(std::uint64_t token, std::uint8_t reason) override;
  void session_closed(std::uint8_t reason, std::string_view word) override;
  void say(std::string_view line) const;
  void answer(std::string_view what, std::uint8_t reason) const;

 private:
  UdpGateway& gateway_;
  keel::Address peer_;
};

class UdpGateway final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  static constexpr keel::Setting settings[] = {
      keel::address("udp_gateway.address", "127.0.0.1:7780", "Where devices send to"),
      keel::integer("udp_gateway.max_devices", 10'000, "More are refused").between(1, 1'000'000),
  };
  static constexpr std::uint32_t state_schema = 1;  // lines "PEER SESSION"

  keel::Status start() override {
    max_devices_ = static_cast<std::size_t>(host().config().integer("udp_gateway.max_devices"));
    for (auto& [peer, session] : inherited_) {
      auto device = std::make_unique<Device>(*this, peer);
      // One that is gone meanwhile says hello again.
      if (!host().sessions().attach(session, *device).into(device->session)) continue;
      devices_.emplace(peer, std::move(device));
    }
    inherited_.clear();
    return host()
        .udp()
        .bind(host().config().text("udp_gateway.address"),
              [this](keel::Datagram d) { received(d.peer(), d.text()); })
        .into(socket_);
  }

  // Devices hear of an unload; an upgrade is none of their business.
  void drain(keel::DrainReason why, std::uint32_t, keel::DrainDone done) override {
    if (why == keel::DrainReason::upgrade) return;
    auto shared = std::make_shared<keel::DrainDone>(std::move(done));
    host()
        .shards()
        .post(0,
              [this, shared] {
                for (const auto& [peer, device] : devices_) device->say("bye");
              })
        .ignore();
  }

  keel::Status save(std::string& out) override {
    for (const auto& [peer, device] : devices_) {
      if (device->session.id()) out += keel::concat(peer, ' ', device->session.id(), '\n');
    }
    return {};
  }

  keel::Status load(std::uint32_t schema, std::string_view blob) override {
    if (schema != state_schema) return keel::Status::error("state of an unknown version");
    devices_.clear();
    inherited_.clear();
    while (!blob.empty()) {
      const std::size_t cut = blob.find(' '), end = blob.find('\n');
      const auto peer = keel::Address::parse(blob.substr(0, cut));
      if (!peer || end == std::string_view::npos || cut > end) {
        return keel::Status::error("state that cannot be read");
      }
      keel_handle session = 0;
      for (const char c : blob.substr(cut + 1, end - cut - 1)) {
        session = session * 10 + static_cast<keel_handle>(c - '0');
      }
      inherited_.emplace_back(*peer, session);
      blob.remove_prefix(end + 1);
    }
    return {};
  }

  keel::Health health() override {
    return {keel::Health::good, keel::concat(devices_seen_.load(), " devices")};
  }

  void send(const keel::Address& peer, std::string_view line) const {
    socket_.send(peer, line).ignore();  // UDP: what does not fit is lost
  }
  // Not from within the device's own functions: they return into it.
  void forget(const keel::Address& peer) {
    host()
        .shards()
        .post(keel::kHere,
              [this, peer] {
                const auto found = devices_.find(peer);
                if (found != devices_.end() && !found->second->session) devices_.erase(found);
                devices_seen_ = devices_.size();
              })
        .ignore();
  }

 private:
  static std::string_view word(std::string_view& line) {
    const std::string_view out = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(line.size(), out.size() + 1));
    return out;
  }

  void received(const keel::Address& peer, std::string_view line) {
    const std::string_view verb = word(line);
    const auto found = devices_.find(peer);
    if (verb == "hello") return hello(peer, line);
    if (found == devices_.end() || !found->second->session) return send(peer, "no hello first");
    Device& device = *found->second;
    if (verb == "pub") {
      const std::string_view topic = word(line);
      const keel::Status status =
          device.session.publish({.topic = topic, .payload = line, .qos = 1}, kPublish);
      if (!status) device.say(keel::concat("no ", status));
    } else if (verb == "sub") {
      const keel::Status status = device.session.subscribe({.filter = line, .qos = 1}, kSubscribe);
      if (!status) device.say(keel::concat("no ", status));
    } else if (verb == "bye") {
      device.session.close().ignore();
    } else {
      device.say("no such word");
    }
  }

  void hello(const keel::Address& peer, std::string_view id) {
    if (devices_.size() >= max_devices_ && !devices_.contains(peer)) return send(peer, "no room");
    auto device = std::make_unique<Device>(*this, peer);
    const keel::Status status = host()
                                    .sessions()
                                    .open({.client_id = id,
                                           .peer = peer,
                                           .protocol = "udp-lines",
                                           .listener_name = "udp_gateway",
                                           .loopback_only = socket_.local().is_loopback()},
                                          *device)
                                    .into(device->session);
    if (!status) return send(peer, keel::concat("no ", status));
    devices_[peer] = std::move(device);  // an earlier session of this peer is closed
    devices_seen_ = devices_.size();
  }

  static constexpr std::uint64_t kPublish = 1, kSubscribe = 2;

  keel::UdpSocket socket_;
  std::unordered_map<keel::Address, std::unique_ptr<Device>, keel::AddressHash> devices_;
  std::vector<std::pair<keel::Address, keel_handle>> inherited_;
  std::atomic<std::size_t> devices_seen_{0};  // for health(), which runs on the control thread
  std::size_t max_devices_ = 0;
};

void Device::say(std::string_view line) const { gateway_.send(peer_, line); }
void Device::answer(std::string_view what, std::uint8_t reason) const {
  say(reason < 0x80 ? keel::concat("ok ", what) : keel::concat("no ", what, ' ', reason));
}
void Device::opened(std::uint8_t reason, bool) {
  answer("hello", reason);
  if (reason != 0) gateway_.forget(peer_);
}
void Device::deliver(const keel::Delivery& delivery) {
  const keel::Message message = delivery.message();
  say(keel::concat("msg ", message.topic(), ' ', message.payload()));
  if (delivery.id() != 0) session.ack(delivery.id()).ignore();
}
void Device::suback(std::uint64_t, std::span<const std::uint8_t> codes) { answer("sub", codes[0]); }
void Device::published(std::uint64_t, std::uint8_t reason) { answer("pub", reason); }
void Device::session_closed(std::uint8_t, std::string_view) {
  say("bye");
  gateway_.forget(peer_);
}

KEEL_PLUGIN(UdpGateway, "udp_gateway", "1.0.0", "Devices that speak lines by UDP");
