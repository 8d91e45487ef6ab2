#include "emqx_lwm2m/device/device.hpp"

#include <algorithm>
#include <cmath>

#include "emqx_lwm2m/device/parts.hpp"
#include "emqx_lwm2m/device/saved.hpp"

namespace lwm2m {
namespace {

// The time on the other clock, from now on.
std::int64_t monotonic(double unix_s, const DeviceOutside& outside) {
  return outside.now_ms() + std::llround((unix_s - outside.unix_s()) * 1000);
}
double unix_time(std::int64_t monotonic_ms, const DeviceOutside& outside) {
  return outside.unix_s() + static_cast<double>(monotonic_ms - outside.now_ms()) / 1000;
}

}  // namespace

Device::Device(DeviceOutside& outside, std::shared_ptr<const DeviceSettings> settings,
               DeviceCounters& counters, std::unique_ptr<coap::Peer> peer,
               Registration registration, std::string location)
    : parts_(std::make_unique<Parts>(outside, std::move(settings), counters,
                                     PackedRegistration(registration))) {
  Parts& p = *parts_;
  p.inside = true;
  p.peer = std::move(peer);
  p.peer->serve(*this);
  p.inside = false;
  registered_again(std::move(registration), std::move(location), nullptr);
}

Device::Device(DeviceOutside& outside, std::shared_ptr<const DeviceSettings> settings,
               DeviceCounters& counters, coap::Counters& coap_counters, const Saved& saved)
    : parts_(std::make_unique<Parts>(outside, std::move(settings), counters,
                                     PackedRegistration(saved.registration))) {
  Parts& p = *parts_;
  p.inside = true;
  p.peer = std::make_unique<coap::Peer>(*this, p.settings->coap, coap_counters);
  p.peer->begin_at(saved.next_message_id);
  p.adopt(saved.registration);
  p.location = saved.location;
  // What happened between the saving and the end of that run is not known.
  const double lifetime = p.lifetime_s;
  const double unknown = std::clamp(outside.unix_s() - saved.saved_at, 0.0, lifetime / 4);
  p.expires = monotonic(std::min(saved.expires + unknown, outside.unix_s() + lifetime), outside);
  p.heard = saved.heard == 0 ? 0 : std::min(monotonic(saved.heard, outside), p.now());
  p.read_format = saved.read_format;
  p.write_format = saved.write_format;
  for (const Saved::Waiting& waiting : saved.waiting) {
    if (!p.queue) p.queue = std::make_unique<Queue>();
    p.queue->octets += waiting.payload.size();
    p.queue->all.push_back({waiting.payload,
                            {waiting.channel, 0},
                            monotonic(waiting.expires, outside),
                            waiting.sent,
                            true});
  }
  p.observations = saved.observations;
  for (const Observation& observation : p.observations)
    if (!observation.token.empty()) p.peer->watch(observation.token, observation.sequence);
  p.observe_at = p.now();
  p.inside = false;
  // What there is to do is done then: the gateway is not ready yet.
  p.outside.wake_at(p.ordered = p.now());
}

Device::~Device() = default;

void Device::save(Saved& out) const {
  Parts& p = *parts_;
  out.registration = p.registration.unpack();
  out.location = p.location;
  out.saved_at = p.outside.unix_s();
  out.expires = unix_time(p.expires, p.outside);
  out.heard = p.heard == 0 ? 0 : unix_time(p.heard, p.outside);
  out.read_format = p.read_format;
  out.write_format = p.write_format;
  out.next_message_id = p.peer->next_message_id();
  const auto keep = [&](const Waiting& waiting, bool sent) {
    if (waiting.source.channel == Channel::operation) return;
    out.waiting.push_back({waiting.payload, waiting.source.channel, sent || waiting.sent,
                           unix_time(waiting.expires, p.outside)});
  };
  if (p.current && !p.current->automatic) keep(p.current->waiting, true);
  if (p.queue)
    for (const Waiting& waiting : p.queue->all) keep(waiting, false);
  out.observations = p.observations;
  p.saved_expires = p.expires;
}

void Device::registered_again(Registration registration, std::string location,
                              std::unique_ptr<coap::Peer> peer) {
  Parts& p = *parts_;
  if (p.over) return;
  const Parts::Within within(p);
  p.recall_current();
  p.begin_anew();
  if (peer) {
    p.peer_wants = 0;
    p.peer = std::move(peer);
    p.peer->serve(*this);
  }
  const Registration before = p.registration.unpack();
  if (before.version != registration.version || before.formats != registration.formats)
    p.read_format = p.write_format = kNoFormat;
  p.adopt(registration);
  p.location = std::move(location);
  p.heard = p.now();
  p.restart_lifetime();
  p.drop_vanished();
  p.plan_observations();
  ++p.counters.registers;
  p.outside.changed();
  p.publish_event(Event::registered);
}

void Device::moved() {
  const Parts::Within within(*parts_);
  parts_->peer->moved();
}

void Device::on_datagram(std::string_view datagram) {
  const Parts::Within within(*parts_);
  parts_->peer->on_datagram(datagram);
}

void Device::on_time() {
  Parts& p = *parts_;
  const Parts::Within within(p);
  p.ordered = 0;
  if (p.peer_wants != 0 && p.peer_wants <= p.now()) {
    p.peer_wants = 0;
    p.peer->on_time();
  }
  if (p.over) return;
  if (p.now() < p.expires + std::int64_t{p.settings->lifetime_grace_s} * 1000) return;
  ++p.counters.expired;
  p.finish(Refusal::not_registered, Event::expired);
  p.outside.over();
}

void Device::command(CommandSource source, std::string_view payload,
                     std::optional<std::uint32_t> expiry_s) {
  const Parts::Within within(*parts_);
  parts_->command(source, payload, expiry_s);
}

void Device::end(Refusal why, std::optional<Event> event) {
  const Parts::Within within(*parts_);
  parts_->finish(why, event);
}

void Device::use(std::shared_ptr<const DeviceSettings> settings) {
  Parts& p = *parts_;
  const Parts::Within within(p);
  p.settings = std::move(settings);
  p.peer->use(p.settings->coap);
  if (!p.over) p.plan_observations();
}

std::string_view Device::endpoint() const { return parts_->registration.endpoint(); }
Registration Device::registration() const { return parts_->registration.unpack(); }
const std::string& Device::location() const { return parts_->location; }
std::uint32_t Device::lifetime_s() const { return parts_->lifetime_s; }
std::int64_t Device::expires_ms() const { return parts_->expires; }
bool Device::reachable() const { return parts_->reachable(); }
std::size_t Device::waiting() const {
  const Parts& p = *parts_;
  return (p.queue ? p.queue->all.size() : 0) + (p.current && !p.current->automatic ? 1 : 0);
}
coap::Peer& Device::peer() { return *parts_->peer; }

void Device::visit_observations(void (*f)(void*, const ObservationView&), void* to) const {
  for (const Observation& o : parts_->observations)
    f(to, {o.path, o.token, o.sequence, o.automatic, o.last_ms});
}

void Device::visit_waiting(void (*f)(void*, std::string_view, std::int64_t), void* to) const {
  const Parts& p = *parts_;
  if (p.current && !p.current->automatic)
    f(to, p.current->waiting.payload, p.current->waiting.expires);
  if (!p.queue) return;
  for (const Waiting& waiting : p.queue->all) f(to, waiting.payload, waiting.expires);
}

std::int64_t Device::now_ms() const { return parts_->outside.now_ms(); }
std::uint32_t Device::random() { return parts_->outside.random(); }
void Device::send(std::string_view datagram) { parts_->outside.send(datagram); }
void Device::wake_at(std::int64_t when_ms) {
  parts_->peer_wants = when_ms;
  if (!parts_->inside) parts_->order();
}

void Device::acknowledged(coap::RequestId id) {
  Parts& p = *parts_;
  p.hear();
  if (!p.current || p.current->id != id || p.current->acknowledged) return;
  p.current->acknowledged = true;
  if (!p.current->automatic && p.settings->publish_ack)
    p.tell(p.current->waiting.source, lwm2m::acknowledged(p.current->command));
}

void Device::progress(coap::RequestId id, std::size_t sent, std::size_t total) {
  constexpr std::size_t kLarge = 4096;  // octets of a body of which progress is worth a word
  constexpr std::size_t kSteps = 20;
  Parts& p = *parts_;
  p.hear();
  if (!p.current || p.current->id != id || p.current->automatic || total < kLarge) return;
  const auto step = static_cast<std::uint8_t>(std::min(sent, total) * kSteps / total);
  if (step <= p.current->told) return;
  p.current->told = step;
  p.tell(p.current->waiting.source, lwm2m::progress(p.current->command, sent, total));
}

void Device::responded(coap::RequestId id, const coap::Response& response) {
  parts_->hear();
  if (parts_->current && parts_->current->id == id) parts_->current_answered(response);
}

void Device::failed(coap::RequestId id, coap::Failure why) {
  if (why != coap::Failure::timeout) parts_->hear();
  if (parts_->current && parts_->current->id == id) parts_->current_failed(why);
}

void Device::Parts::adopt(const Registration& as) {
  registration = PackedRegistration(as);
  lifetime_s = as.lifetime_s;
  queue_mode = as.queue_mode();
}

// What survives a restart may be behind by a quarter: the constructor adds as much.
void Device::Parts::restart_lifetime() {
  const std::int64_t lifetime_ms = std::int64_t{lifetime_s} * 1000;
  expires = now() + lifetime_ms;
  if (expires - saved_expires > lifetime_ms / 4) outside.changed();
}

void Device::Parts::hear() {
  heard = now();
  if (settings->refresh_on_any && !over) restart_lifetime();
}

bool Device::Parts::reachable() const {
  return !queue_mode || (heard != 0 && now() < heard + settings->queue_window_ms);
}

void Device::Parts::settle() {
  if (over) return;
  drop_expired();
  while (!current && queue && reachable()) begin_next();
  if (!current && reachable() && observe_due() != 0 && observe_due() <= now())
    make_next_observation();
  order();
}

void Device::Parts::order() {
  if (over) return;
  std::int64_t due = expires + std::int64_t{settings->lifetime_grace_s} * 1000;
  const auto also = [&due](std::int64_t when) {
    if (when != 0) due = std::min(due, when);
  };
  also(peer_wants);
  if (queue) also(queue->next_expiry);
  if (!current && reachable()) also(observe_due());
  // An order that comes too early costs one call; a new one for each message costs more.
  if (ordered != 0 && ordered <= due) return;
  outside.wake_at(ordered = due);
}

void Device::Parts::publish_event(Event event) {
  const Topic topic = event == Event::registered ? Topic::registered
                      : event == Event::updated  ? Topic::updated
                                                 : Topic::deregistered;
  outside.publish(topic, lwm2m::event(event, registration.unpack()));
}

void Device::Parts::finish(Refusal why, std::optional<Event> event) {
  if (over) return;
  over = true;
  for (const Observation& observation : observations)
    if (!observation.token.empty()) peer->unwatch(observation.token);
  observations = {};
  const auto under_way = std::move(current);
  const auto rest = std::move(queue);
  if (under_way) {
    peer->cancel(under_way->id);
    if (!under_way->automatic) refuse(under_way->waiting, under_way->command, why);
  }
  if (rest)
    for (const Waiting& waiting : rest->all) refuse(waiting, why);
  if (event) publish_event(*event);
  if (ordered != 0) outside.wake_at(ordered = 0);
}

}  // namespace lwm2m
