// The session of a device at the broker: opened in the name of its endpoint, subscribed to its
// commands. The newcomer that opens it hands it to the resident that it becomes. [its shard]
#pragma once

#include <cstdint>
#include <keel/session.hpp>
#include <string>
#include <string_view>

namespace lwm2m {

class ShardRoom;
class Party;
struct TopicSettings;

// Whether the broker refuses for now, rather than for good.
bool is_passing(std::uint8_t reason);

class Membership final : public keel::SessionHandler {
 public:
  // What it is for. None of these is called from within a function of Membership's; it may be
  // destroyed within any of them.
  class Owner {
   public:
    virtual ~Owner() = default;
    // Open, and subscribed as far as the broker allows it.
    virtual void admitted() = 0;
    virtual void refused(std::uint8_t reason) = 0;  // an MQTT 5 reason code
    virtual void delivered(const keel::Delivery& delivery) = 0;
    // The broker has ended it, after admitted().
    virtual void ended(std::uint8_t reason) = 0;
  };

  explicit Membership(ShardRoom& room) : room_(room) {}
  // Takes over a session of the old version, admitted. [control, in start()]
  Membership(ShardRoom& room, keel_handle saved, Owner& owner);
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // `clean` false: what the broker has of it stays; for one whose session is open already.
  // The answer is 0, or the reason why it could not even be asked for.
  std::uint8_t open(Owner& owner, std::string_view endpoint, const Party& party, bool clean);
  void serve(Owner& owner) { owner_ = &owner; }
  // The templates of commands have changed.
  void subscribe_again(const TopicSettings& before, std::string_view endpoint) const;

  bool is_open() const { return state_ == State::admitted; }
  bool is_asking() const { return state_ == State::opening || state_ == State::subscribing; }
  keel::Status publish(std::string_view topic, std::string_view payload, std::uint8_t qos) const {
    return session_.publish({.topic = topic, .payload = payload, .qos = qos});
  }
  void ack(std::uint32_t delivery) const {
    if (delivery != 0) session_.ack(delivery).ignore();  // gone: ended() is on its way
  }
  const keel::Session& session() const { return session_; }

  void opened(std::uint8_t reason, bool present) override;
  void suback(std::uint64_t token, std::span<const std::uint8_t> codes) override;
  void deliver(const keel::Delivery& delivery) override;
  void session_closed(std::uint8_t reason, std::string_view word) override;

 private:
  enum class State : std::uint8_t { idle, opening, subscribing, admitted };

  keel::Status subscribe(std::string_view endpoint) const;
  void admit();

  ShardRoom& room_;
  Owner* owner_ = nullptr;
  std::string endpoint_;  // until it is admitted
  State state_ = State::idle;
  keel::Session session_;
};

}  // namespace lwm2m
