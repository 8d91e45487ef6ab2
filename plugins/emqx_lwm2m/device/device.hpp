// One registered device as the gateway sees it: its registration and lifetime, the commands that
// wait for it, what is observed, which formats it speaks, whether it can be reached. Without I/O:
// requests of the device (through its coap::Peer), commands and the time go in, orders to the
// Outside come out, all within the call that caused them. Belongs to one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "emqx_lwm2m/coap/peer.hpp"
#include "emqx_lwm2m/command/command.hpp"
#include "emqx_lwm2m/command/reply.hpp"
#include "emqx_lwm2m/device/registration.hpp"
#include "emqx_lwm2m/objects/definitions.hpp"

namespace lwm2m {

struct DeviceCounters;  // see device/counters.hpp

// What of a device's registration is reported as an update.
enum class UpdateReports : std::uint8_t { always, contains_object_list };

// Immutable, shared by all devices, replaced as a whole by a reload.
struct DeviceSettings {
  RegistrationLimits registration;
  std::uint32_t lifetime_grace_s = 93;
  bool refresh_on_any = false;             // any message of the device restarts its lifetime
  std::uint32_t queue_window_ms = 22'000;  // a device in queue mode can be reached that long
  std::uint32_t queue_max = 100, queue_max_octets = 32u << 20;  // commands waiting for one device
  std::uint32_t queue_ttl_s = 7'200;
  bool requeue_on_timeout = true;
  std::uint32_t max_observations = 256;
  bool auto_observe = false;
  std::vector<std::string> auto_observe_paths;  // empty with auto_observe: all of the object list
  bool observe_restore = true;
  bool publish_ack = true, offline_reply = true;
  UpdateReports update_reports = UpdateReports::always;
  ReplySettings reply;
  CommandLimits command;
  DefinitionsPtr definitions;
  std::shared_ptr<const coap::PeerSettings> coap;
};

// Where a command came from, and its answers go.
enum class Channel : std::uint8_t {
  documented,  // topics.command, answered on topics.response
  v3,          // dn/#, answered on up/resp
  operation,   // an operator's: Outside::answered()
};
enum class Topic : std::uint8_t {
  response,
  v3_response,
  notify,
  registered,
  updated,
  deregistered
};

struct CommandSource {
  Channel channel = Channel::documented;
  std::uint32_t ticket = 0;  // of an operation
};

class DeviceOutside {
 public:
  virtual ~DeviceOutside() = default;
  virtual std::int64_t now_ms() const = 0;  // monotonic
  virtual double unix_s() const = 0;
  virtual std::uint32_t random() = 0;  // cannot be guessed
  virtual void send(std::string_view datagram) = 0;
  virtual void wake_at(std::int64_t when_ms) = 0;  // one order at a time; 0: never
  // Under the device's identity.
  virtual void publish(Topic topic, std::string payload) = 0;
  // The final answer to an operator's command; also from within command(), when it is refused.
  virtual void answered(std::uint32_t ticket, std::string payload) = 0;
  // What survives a restart has changed: save() at the next opportunity. Cheap, often called; but
  // not for a mere Update before the expiry that was saved last is off by a quarter of the
  // lifetime.
  virtual void changed() = 0;
  // Its registration is over (it has left or expired); what waited has been answered. The gateway
  // closes its session and forgets it, not from within. The last order.
  virtual void over() = 0;
};

class Device final : public coap::Outside {
 public:
  struct Saved;  // see device/saved.hpp

  // It has registered, and the broker has let it in. `location`: its place below /rd. The Register
  // itself has been answered by the gateway. Publishes the event. `peer` has been serving a
  // newcomer and serves this from now on.
  Device(DeviceOutside& outside, std::shared_ptr<const DeviceSettings> settings,
         DeviceCounters& counters, std::unique_ptr<coap::Peer> peer, Registration registration,
         std::string location);
  // As an earlier version, or run, left it. Says and sends nothing before the first on_time(),
  // which it orders.
  Device(DeviceOutside& outside, std::shared_ptr<const DeviceSettings> settings,
         DeviceCounters& counters, coap::Counters& coap_counters, const Saved& saved);
  ~Device() override;

  // A datagram from where it is. Updates, deregistrations and Sends are answered by the device
  // itself, a Register by Newcomers (see on_register()).
  void on_datagram(std::string_view datagram);
  void on_time();

  // It has registered again and was let in: from now on with this registration, location and (when
  // it came from elsewhere) peer; null: the same. Commands stay, observations are made anew.
  void registered_again(Registration registration, std::string location,
                        std::unique_ptr<coap::Peer> peer);
  // An Update came from another address (and the gateway is sure it may): on_datagram() follows.
  void moved();

  // A command of an MQTT client, valid during the call; `expiry_s`: of the message.
  void command(CommandSource source, std::string_view payload,
               std::optional<std::uint32_t> expiry_s);

  // The gateway ends it: each command that waits is answered with `why`; no event unless `event`,
  // and no over(). Nothing happens any more afterwards.
  void end(Refusal why, std::optional<Event> event);
  void use(std::shared_ptr<const DeviceSettings> settings);  // a reload
  void save(Saved& out) const;

  std::string_view endpoint() const;
  Registration registration() const;  // unpacked: it is kept small
  const std::string& location() const;
  std::uint32_t lifetime_s() const;
  std::int64_t expires_ms() const;  // monotonic, without the grace
  bool reachable() const;           // false: in queue mode and asleep
  std::size_t waiting() const;      // commands
  struct ObservationView {
    Path path;
    std::string_view token;  // empty: it will be made anew
    std::optional<std::uint32_t> sequence;
    bool automatic = false;
    std::int64_t last_ms = 0;  // of the last notification, monotonic; 0: none
  };
  template <class F>  // f(const ObservationView&)
  void each_observation(F&& f) const {
    visit_observations(
        [](void* to, const ObservationView& view) {
          (*static_cast<std::remove_reference_t<F>*>(to))(view);
        },
        &f);
  }
  // In the order they will have; the one under way is the first.
  template <class F>  // f(std::string_view payload, std::int64_t expires_ms), monotonic
  void each_waiting(F&& f) const {
    visit_waiting(
        [](void* to, std::string_view payload, std::int64_t expires_ms) {
          (*static_cast<std::remove_reference_t<F>*>(to))(payload, expires_ms);
        },
        &f);
  }

  // coap::Outside
  std::int64_t now_ms() const override;
  std::uint32_t random() override;
  void send(std::string_view datagram) override;
  void wake_at(std::int64_t when_ms) override;
  void acknowledged(coap::RequestId id) override;
  void progress(coap::RequestId id, std::size_t sent, std::size_t total) override;
  void responded(coap::RequestId id, const coap::Response& response) override;
  void failed(coap::RequestId id, coap::Failure why) override;
  void notified(const coap::Response& notification) override;
  std::optional<coap::Request> observed(std::string_view token) override;
  void requested(const coap::Incoming& request) override;

  // Set by the gateway: a Register of this device's own peer (it registers again). It answers
  // through peer().reply(ticket), now or later, and calls registered_again().
  void (*on_register)(void* context, Device& device, const coap::Incoming& request) = nullptr;
  void* on_register_context = nullptr;
  coap::Peer& peer();

 private:
  void visit_observations(void (*f)(void*, const ObservationView&), void* to) const;
  void visit_waiting(void (*f)(void*, std::string_view, std::int64_t), void* to) const;

  struct Parts;  // see device/parts.hpp
  std::unique_ptr<Parts> parts_;
};

}  // namespace lwm2m
