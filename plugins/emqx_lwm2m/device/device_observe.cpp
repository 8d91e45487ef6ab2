// What is observed: one observation for a path, made by a command, by the settings, or anew after
// the device has forgotten it.
#include <algorithm>

#include "emqx_lwm2m/device/parts.hpp"

namespace lwm2m {
namespace {

constexpr std::int64_t kSettleMs = 2'000;  // from a registration to the first of them
constexpr std::int64_t kApartMs = 100;     // between two of them
constexpr std::int64_t kRetryMs = 60'000;  // after one that the device has not answered
constexpr std::uint8_t kMostTries = 3;

// Not observed without being named [management objects: what they say, we have told them].
bool is_left_out(std::uint16_t object) {
  return object <= 2 || (object >= 4 && object <= 7) || object == 9 || object == 15;
}

// The object list, as paths. Empty: it is not known what the device has.
std::vector<Path> objects_of(const Registration& registration) {
  std::vector<Path> out;
  for (const std::string& text : registration.objects)
    if (const auto path = parse_path(text)) out.push_back(*path);
  return out;
}

bool has(const std::vector<Path>& objects, const Path& path) {
  return std::any_of(objects.begin(), objects.end(), [&](const Path& listed) {
    return listed.covers(path) || path.covers(listed);
  });
}

std::vector<Path> to_observe(const DeviceSettings& settings, const std::vector<Path>& objects) {
  std::vector<Path> out;
  if (!settings.auto_observe) return out;
  if (settings.auto_observe_paths.empty()) {
    for (const Path& path : objects)
      if (path.depth != 0 && !is_left_out(path.object())) out.push_back(path);
    return out;
  }
  for (const std::string& text : settings.auto_observe_paths) {
    const auto path = parse_path(text);
    if (path && path->depth != 0 && path->object() != 0 && has(objects, *path))
      out.push_back(*path);
  }
  return out;
}

}  // namespace

Observation* Device::Parts::find(const Path& path) {
  for (Observation& observation : observations)
    if (observation.path == path) return &observation;
  return nullptr;
}

Observation* Device::Parts::find_token(std::string_view token) {
  for (Observation& observation : observations)
    if (observation.token == token && !token.empty()) return &observation;
  return nullptr;
}

bool Device::Parts::room_for(const Path& path) {
  return observations.size() < settings->max_observations || find(path);
}

void Device::Parts::plan_observations() {
  for (const Path& path : to_observe(*settings, objects_of(registration.unpack()))) {
    if (find(path) || !room_for(path)) continue;
    Observation& added = observations.emplace_back();
    added.path = path;
    added.automatic = true;
    added.name = "observe";
    added.request_path = path.text();
  }
  if (observe_due() != 0) observe_at = std::max(observe_at, now() + kSettleMs);
}

void Device::Parts::begin_anew() {
  for (Observation& observation : observations) {
    if (!observation.token.empty()) peer->unwatch(observation.token);
    observation.token.clear();
    observation.sequence.reset();
    observation.tries = 0;
    observation.anew = true;
  }
  std::erase_if(observations, [this](const Observation& observation) {
    return observation.automatic || !settings->observe_restore;
  });
}

void Device::Parts::drop_vanished() {
  if (observations.empty()) return;
  const std::vector<Path> objects = objects_of(registration.unpack());
  if (objects.empty()) return;
  std::erase_if(observations, [&](const Observation& observation) {
    if (has(objects, observation.path)) return false;
    if (!observation.token.empty()) peer->unwatch(observation.token);
    return true;
  });
}

void Device::Parts::remove(const Path& path) {
  Observation* const gone = find(path);
  if (!gone) return;
  if (!gone->token.empty()) peer->unwatch(gone->token);
  observations.erase(observations.begin() + (gone - observations.data()));
  outside.changed();
}

std::int64_t Device::Parts::observe_due() const {
  const bool any = std::any_of(observations.begin(), observations.end(),
                               [](const Observation& o) { return o.token.empty(); });
  return any ? std::max<std::int64_t>(observe_at, 1) : 0;
}

// Those tried less often come first, so that one that fails does not keep others waiting.
void Device::Parts::make_next_observation() {
  const Observation* next = nullptr;
  for (const Observation& o : observations)
    if (o.token.empty() && (!next || o.tries < next->tries)) next = &o;
  observe_at = now() + kApartMs;
  current = std::make_unique<Current>();
  current->automatic = true;
  current->command = next->command();
  current->formats = formats_for(current->command);
  if (ask()) current.reset();
}

// A command, or what is made anew, has been accepted by the device.
void Device::Parts::observed(const Command& command, Channel channel,
                             const coap::Response& response) {
  Observation* observation = find(command.path);
  if (!observation) {
    observation = &observations.emplace_back();
    observation->path = command.path;
  }
  if (!observation->token.empty() && observation->token != response.token)
    peer->unwatch(observation->token);
  observation->ask_for(command, channel);
  observation->anew = false;
  observation->token = response.token;
  observation->sequence = response.observe;
  observation->last_ms = 0;
  outside.changed();
}

void Device::Parts::automatic_answered(const Path& path, const coap::Response& response) {
  Observation* const observation = find(path);
  if (!observation || !observation->token.empty()) {
    if (response.observe) peer->unwatch(response.token);
    return;
  }
  const bool accepted = coap::class_of(response.code) == 2 && response.observe;
  if (accepted) {
    observation->token = response.token;
    outside.changed();
  }
  if (accepted || !observation->automatic) notify(*observation, response);
  if (!accepted) remove(path);
}

void Device::Parts::automatic_failed(const Path& path) {
  observe_at = now() + kRetryMs;
  Observation* const observation = find(path);
  if (observation && ++observation->tries >= kMostTries) remove(path);
}

void Device::Parts::notify(Observation& observation, const coap::Response& response) {
  ++counters.notifications;
  const ObjectVersions versions = registration.versions();
  const Command command = observation.command();
  const bool good = coap::class_of(response.code) == 2;
  Answer out;
  out.code = response.code;
  out.restored = std::exchange(observation.anew, false);
  if (good && !response.observe) out.observed = false;
  Content content;
  if (good) content.read(response, command.path, types(versions), outside.unix_s(), out);
  if (response.observe) observation.sequence = response.observe;
  observation.last_ms = now();
  const Topic topic = observation.dialect == Dialect::b    ? Topic::notify
                      : observation.channel == Channel::v3 ? Topic::v3_response
                                                           : Topic::response;
  outside.publish(topic, notification(command, out, observation.sequence.value_or(0),
                                      types(versions), settings->reply));
}

std::optional<coap::Request> Device::observed(std::string_view token) {
  const Observation* const observation = parts_->find_token(token);
  if (!observation) return std::nullopt;
  return parts_->request_for(observation->command(), parts_->read_format);
}

void Device::notified(const coap::Response& notification) {
  Parts& p = *parts_;
  p.hear();
  Observation* const observation = p.find_token(notification.token);
  if (!observation) return p.peer->unwatch(notification.token);
  const Path path = observation->path;
  p.notify(*observation, notification);
  if (coap::class_of(notification.code) != 2) p.remove(path);
}

}  // namespace lwm2m
