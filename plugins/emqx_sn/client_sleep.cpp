// PINGREQ and sleeping clients [MQTT-SN 6.11, 6.14].
#include <algorithm>
#include <utility>

#include "emqx_sn/client.hpp"
#include "emqx_sn/counters.hpp"

namespace sn {

void Client::take_pingreq(const Packet& packet) {
  if (!packet.text.empty() && packet.text != client_id_) return;
  if (at_.state == State::active) return outside_.send(pingresp());
  if (at_.state == State::asleep) return poll();
  rewind();  // a repeated one: something was lost
  pump();
}

void Client::go_to_sleep(std::uint16_t duration_s) {
  if (at_.state == State::active) {
    ++counters_.sleeps;
    outside_.suspend();
  }
  at_.state = State::asleep;
  at_.sleep_s = duration_s;
  ++changes_;
}

// What waits now is delivered, then PINGRESP.
void Client::poll() {
  ++counters_.wakes;
  at_.state = State::awake;
  at_.polled = false;
  expire(at_.heard);
  rewind();
  if (at_.polling) {
    at_.poll_again = true;
  } else {
    at_.polling = true;
    outside_.poll();
  }
  pump();
}

void Client::on_polled() {
  if (forgotten_ || at_.link != Link::open) return;
  at_.polling = false;
  const bool again = std::exchange(at_.poll_again, false);
  if (at_.state == State::awake && again) {
    at_.polling = true;
    outside_.poll();
  } else if (at_.state == State::awake) {
    at_.polled = true;
  }
  settle();
}

// The client has gone quiet before it had everything: what is left waits for the next poll.
void Client::fall_asleep() { at_.state = State::asleep; }

bool Client::waits_for_client() const {
  return in_flight_ != 0 || (rare_ && rare_->announcement.topic_id != 0);
}

// Everything is acknowledged, but for what the client has put off itself. Messages that it has put
// off may keep the broker from handing over the rest.
void Client::end_poll_if_done() {
  if (waits_for_client() || at_.subscribing != 0) return;
  const bool paused = rare_ && rare_->hold_until != 0;
  const bool all_put_off = std::all_of(held_.begin(), held_.end(), [&](const Held& held) {
    return paused || is_put_off({held.id_type, held.topic_id});
  });
  const auto unacknowledged =
      std::count_if(held_.begin(), held_.end(), [](const Held& held) { return held.qos != 0; });
  if (!all_put_off || (!at_.polled && unacknowledged < settings_->max_inflight)) return;
  outside_.send(pingresp());
  at_.state = State::asleep;
  at_.heard = outside_.now_ms();
}

}  // namespace sn
