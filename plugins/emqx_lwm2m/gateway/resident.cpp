#include "emqx_lwm2m/gateway/resident.hpp"

#include "emqx_lwm2m/device/topics.hpp"
#include "emqx_lwm2m/gateway/saved_resident.hpp"
#include "emqx_lwm2m/gateway/shard_room.hpp"

namespace lwm2m {
namespace {

constexpr std::int64_t kKnockAgainMs = 5'000;
constexpr std::size_t kMostUnsaid = 1024, kMostUnsaidOctets = 1 << 20;
constexpr std::uint8_t kShuttingDown = 0x8b;
constexpr std::string_view kTooLarge =
    R"({"msgType":"error","data":{"code":"4.13","codeMsg":"request_entity_too_large",)"
    R"("reason":"too_large"}})";

std::unique_ptr<Membership> serve(std::unique_ptr<Membership> membership, Resident& resident) {
  membership->serve(resident);
  return membership;
}

}  // namespace

Resident::Resident(ShardRoom& room, Place at, keel::ProofPtr proven,
                   std::unique_ptr<Membership> membership, std::unique_ptr<coap::Peer> peer,
                   Registration registration, std::string location)
    : Party(std::move(at), std::move(proven)),
      room_(room),
      endpoint_(registration.endpoint),
      membership_(serve(std::move(membership), *this)),
      since_ms_(room.now_ms()),
      device_(*this, room.settings()->devices, room.device_counters, std::move(peer),
              std::move(registration), std::move(location)) {
  device_.on_register = &Resident::register_hook;
  device_.on_register_context = this;
}

Resident::Resident(ShardRoom& room, const SavedResident& saved)
    : Party({}, saved.proof ? std::make_unique<keel::Proof>(*saved.proof) : nullptr),
      room_(room),
      endpoint_(saved.device.registration.endpoint),
      membership_(std::make_unique<Membership>(room, saved.session, *this)),
      since_ms_(room.now_ms()),
      device_(*this, room.settings()->devices, room.device_counters, room.coap_counters,
              saved.device) {
  device_.on_register = &Resident::register_hook;
  device_.on_register_context = this;
  if (!saved.unsaid.empty()) rare().unsaid = saved.unsaid;
}

Resident::~Resident() = default;

void Resident::save(SavedResident& out) const {
  device_.save(out.device);
  out.session = is_member() ? session().id() : 0;
  if (proof) out.proof = std::make_unique<keel::Proof>(*proof);
  if (rare_) out.unsaid = rare_->unsaid;
  if (!place.peer) return;
  out.listener = place.peer.listener->settings().name;
  out.address = place.peer.address;
  out.via = place.via;
}

void Resident::on_datagram(std::string_view datagram) {
  device_.on_datagram(datagram);
  if (over_) room_.note_farewell(place.peer, datagram);
  room_.settle(*this);
}

// Without a session nothing is to be said, and nothing ends: it is asked for first.
void Resident::on_time() {
  if (!is_member()) {
    if (!orphan_ && !membership_->is_asking()) knock();
    return;
  }
  say_what_waited();
  wake_ms_ = 0;
  device_.on_time();
  room_.settle(*this);
}

void Resident::knock() {
  membership_ = std::make_unique<Membership>(room_);
  const std::uint8_t reason = membership_->open(*this, endpoint_, *this, true);
  if (reason != 0) refused(reason);
}

void Resident::register_hook(void* self, Device&, const coap::Incoming& request) {
  static_cast<Resident*>(self)->register_again(request);
}

// From where it is: the broker need not be asked again.
void Resident::register_again(const coap::Incoming& request) {
  auto parsed = parse_register(request.queries, request.content_format, request.payload, endpoint_,
                               room_.settings()->devices->registration);
  if (const auto* const problem = std::get_if<RegistrationProblem>(&parsed)) {
    ++room_.counters.refused;
    device_.peer().reply(request.ticket, reply_of(problem->code));
    return;
  }
  const std::string location = room_.draw_location();
  device_.peer().reply(request.ticket, created(location));
  registered_again(std::get<Registration>(std::move(parsed)), location, nullptr);
}

void Resident::registered_again(Registration registration, std::string location,
                                std::unique_ptr<coap::Peer> peer) {
  room_.unname(*this);
  device_.registered_again(std::move(registration), std::move(location), std::move(peer));
  room_.name(*this);
}

void Resident::join(std::unique_ptr<Membership> membership) {
  membership_ = serve(std::move(membership), *this);
  since_ms_ = now_ms();
  orphan_ = false;
  say_what_waited();
  room_.wheel.wake_at(*this, wake_ms_);
}

void Resident::end(Refusal why, std::optional<Event> event) {
  device_.end(why, event);
  over_ = true;
  if (!rare_) return;
  for (const auto& [ticket, done] : std::exchange(rare_->operations, {})) {
    done(keel::Status::error("its registration has ended", KEEL_E_NOENT));
  }
}

void Resident::expel() {
  orphan_ = true;
  say_what_waited();
  end(Refusal::not_registered, Event::deregistered);
}

void Resident::use(const GatewaySettings& before) {
  const GatewaySettings& now = *room_.settings();
  device_.use(now.devices);
  const bool same = before.topics.command == now.topics.command &&
                    before.topics.v3_command == now.topics.v3_command;
  if (same || !is_member()) return;
  membership_->subscribe_again(before.topics, endpoint_);
}

// ---- commands ----

void Resident::delivered(const keel::Delivery& delivery) {
  const keel::Message message = delivery.message();
  const auto topic = command_topic(room_.settings()->topics, message.topic());
  if (topic && !message.retain()) {
    room_.note_taken(message);
    if (message.payload().size() > room_.settings()->max_command_size) {
      publish(topic->channel == Channel::v3 ? Topic::v3_response : Topic::response,
              std::string(kTooLarge));
    } else {
      std::optional<std::uint32_t> expiry_s;
      if (message.expiry_s() != KEEL_NO_EXPIRY) expiry_s = message.expiry_s();
      device_.command({topic->channel, 0}, message.payload(), expiry_s);
    }
  }
  membership_->ack(delivery.id());
  room_.settle(*this);
}

void Resident::operate(std::string_view json, OperationDone done) {
  const std::uint32_t ticket = ++rare().last_ticket;
  rare().operations.emplace(ticket, std::move(done));
  device_.command({Channel::operation, ticket}, json, std::nullopt);
  room_.settle(*this);
}

void Resident::answered(std::uint32_t ticket, std::string payload) {
  const auto found = rare().operations.find(ticket);
  if (found == rare().operations.end()) return;
  const OperationDone done = std::move(found->second);
  rare().operations.erase(found);
  done(std::move(payload));
}

// ---- the machine's other orders ----

std::int64_t Resident::now_ms() const { return room_.now_ms(); }
double Resident::unix_s() const {
  return static_cast<double>(room_.common.host.clock().wall_ms()) / 1000;
}
std::uint32_t Resident::random() { return room_.random(); }

void Resident::send(std::string_view datagram) {
  if (place.peer) room_.transmit(place, datagram);
}

void Resident::wake_at(std::int64_t when_ms) {
  wake_ms_ = when_ms;
  if (is_member()) room_.wheel.wake_at(*this, when_ms);
}

void Resident::changed() { room_.mark(*this); }
void Resident::over() { over_ = true; }

void Resident::publish(Topic topic, std::string payload) {
  if (!is_member() && !orphan_) return say_later(topic, std::move(payload));
  const TopicSettings& topics = room_.settings()->topics;
  const std::string_view whole = template_of(topics, topic);
  const std::string address =
      whole.find("%a") != whole.npos ? place.peer.address.host() : std::string();
  const std::string name = expand(whole, {topic_level(endpoint_), address});
  if (orphan_) return room_.say(name, payload);
  const keel::Status sent = membership_->publish(name, payload, topics.qos);
  if (sent) return;
  // The next version says it.
  if (sent.code() == KEEL_E_STATE) return say_later(topic, std::move(payload));
  ++room_.counters.publish_failed;
}

void Resident::say_later(Topic topic, std::string payload) {
  Rare& more = rare();
  if (more.unsaid.size() >= kMostUnsaid || more.unsaid_octets >= kMostUnsaidOctets) {
    ++room_.counters.publish_failed;
    return;
  }
  more.unsaid_octets += payload.size();
  more.unsaid.emplace_back(topic, std::move(payload));
}

void Resident::say_what_waited() {
  if (!rare_) return;
  rare_->unsaid_octets = 0;
  for (auto& [topic, payload] : std::exchange(rare_->unsaid, {})) {
    publish(topic, std::move(payload));
  }
}

Resident::Rare& Resident::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

// ---- the broker's answers ----

void Resident::admitted() {
  since_ms_ = now_ms();
  say_what_waited();
  room_.wheel.wake_at(*this, wake_ms_);
}

void Resident::refused(std::uint8_t reason) {
  if (is_passing(reason)) {
    room_.wheel.wake_at(*this, now_ms() + kKnockAgainMs);
  } else {
    room_.expel(*this, reason);
  }
}

// The registration ends with the session, unless another one is on its way, or all are.
void Resident::ended(std::uint8_t reason) {
  if (room_.is_leaving()) return;
  if (reason == kShuttingDown) {
    room_.wheel.wake_at(*this, now_ms() + kKnockAgainMs);
  } else if (room_.is_opening(endpoint_)) {
    orphan_ = true;
  } else {
    room_.expel(*this, reason);
  }
}

}  // namespace lwm2m
