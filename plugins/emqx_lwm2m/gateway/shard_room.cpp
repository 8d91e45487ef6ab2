#include "emqx_lwm2m/gateway/shard_room.hpp"

#include <algorithm>

#include "emqx_lwm2m/device/topics.hpp"
#include "emqx_lwm2m/gateway/handover.hpp"
#include "emqx_lwm2m/gateway/keeper.hpp"
#include "emqx_lwm2m/gateway/saved_resident.hpp"

namespace lwm2m {
namespace {

// Answers to strangers in a second: for each source address, and in all.
constexpr std::uint32_t kAnswers = 200, kAllAnswers = 5000;
// What is done at a time, so that nobody else waits for long.
constexpr std::size_t kChangesAtATime = 200, kEndsAtATime = 200;
// How many devices of an earlier run ask the broker for their session in 100 ms.
constexpr std::size_t kKnocksAtATime = 500;
// For so long after it has come a device may miss commands that were on their way before it.
constexpr std::int64_t kSettlingMs = 10'000;
// Copies of a message come that long after it, as a rule: the next version knows them.
constexpr std::int64_t kCopiesMs = 15'000;

}  // namespace

ShardRoom::ShardRoom(Common& of, std::uint32_t shard, SettingsPtr settings)
    : common(of),
      index(shard),
      wheel(of.host.clock().mono_ms()),
      settings_(std::move(settings)),
      residents_(0, TextHash{of.secret}),
      locations_(0, TextHash{of.secret}),
      peers_(0, Hash{PeerHash(of.secret)}),
      routes_(0, PeerHash(of.secret)),
      answers_(kAnswers, kAllAnswers),
      stand_in_(*this) {
  for (std::uint32_t i = 0; i < of.host.shards().count(); ++i) {
    inboxes_.push_back(std::make_unique<Letters>());
  }
  prepare_newcomers();
}

ShardRoom::~ShardRoom() {
  opening_.clear();  // the end of newcomers means nothing to anybody any more
  newcomers_.clear();
}

// Of what strangers send less is kept than of what devices send.
void ShardRoom::prepare_newcomers() {
  auto coap = std::make_shared<coap::PeerSettings>(*settings_->devices->coap);
  const std::size_t list = settings_->devices->registration.max_list;
  coap->max_assembly = static_cast<std::uint32_t>(std::min<std::size_t>(list, coap->max_assembly));
  newcomer_coap_ = std::move(coap);
}

void ShardRoom::turn() {
  for (std::uint32_t from = 0; from < inboxes_.size(); ++from) open_mail(from);
  if (!leaving_) {
    wheel.turn(now_ms());
    if (common.stand_in_home == index && doors_open_) stand_in_.turn();
  }
  answer_untaken();
  hand_in(kChangesAtATime);
}

void ShardRoom::use(const SettingsPtr& settings) {
  const SettingsPtr before = std::exchange(settings_, settings);
  prepare_newcomers();
  dismiss_all();  // who is registering does so again
  stand_in_.use(*before);
  for (const auto& [endpoint, resident] : residents_) {
    resident->use(*before);
    mark(*resident);
  }
}

void ShardRoom::dismiss_all() {
  while (!newcomers_.empty()) dismiss(*newcomers_.begin()->first);
}

void ShardRoom::part_all(const Listener& listener) {
  std::vector<Party*> here;
  for (Party* const party : peers_) {
    if (party->place.peer.listener == &listener) here.push_back(party);
  }
  for (Party* const party : here) part(*party);
  std::erase_if(routes_, [&](const auto& each) { return each.first.listener == &listener; });
}

// ---- those who live here ----

Party* ShardRoom::at(const Peer& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : *found;
}

Resident* ShardRoom::find(std::string_view endpoint) const {
  const auto found = residents_.find(endpoint);
  return found == residents_.end() ? nullptr : found->second.get();
}

Resident& ShardRoom::settle_down(std::unique_ptr<Resident> made) {
  Resident& resident = *made;
  residents_.emplace(resident.endpoint(), std::move(made));
  name(resident);
  common.devices.fetch_add(1, std::memory_order_relaxed);
  return resident;
}

void ShardRoom::settle(Resident& resident) {
  if (resident.is_over()) remove(resident);
}

void ShardRoom::remove(Resident& resident) {
  unlink(resident);
  unname(resident);
  common.devices.fetch_sub(1, std::memory_order_relaxed);
  give_place_back();
  if (common.keeps && !leaving_) changes_.push_back({resident.endpoint(), {}});
  const std::string endpoint = resident.endpoint();
  residents_.erase(residents_.find(endpoint));
  for (const Pairing::Command& each : pairing_.release(endpoint)) {
    each.message.view([&](const keel::Message& command) { answer_absent(endpoint, command); })
        .ignore();
  }
}

void ShardRoom::expel(Resident& resident, std::uint8_t reason) {
  ++counters.ended_by_broker;
  common.host.log().notice("endpoint=", resident.endpoint(),
                           " is not registered any more: the broker has ended its session, reason ",
                           reason);
  resident.expel();
  remove(resident);
}

// From where it was before it is gone already. Called again it is a new route to the same place.
void ShardRoom::link(Party& party, const Arrival& arrival) {
  const bool known = static_cast<bool>(party.place.peer);
  const bool was_here = known && party.place.via == index;
  party.place = {arrival.peer, arrival.via, arrival.serial};
  if (!known) {
    peers_.insert(&party);
    common.homecomers->forget(arrival.peer);
  }
  if (arrival.via != index || was_here) return;
  const auto route = routes_.find(arrival.peer);
  if (route == routes_.end()) return;
  post(route->second.home, {.kind = Letter::Kind::elsewhere, .peer = arrival.peer});
  routes_.erase(route);
}

void ShardRoom::unlink(Party& party) {
  if (!party.place.peer) return;
  peers_.erase(&party);
  const Place place = std::exchange(party.place, {});
  common.homecomers->forget(place.peer);
  if (place.via == index) return;
  post(place.via, {.kind = Letter::Kind::gone, .serial = place.serial, .peer = place.peer});
}

// Its peer has become somebody else, or cannot be reached. A device stays registered: its next
// Update says where it is.
void ShardRoom::part(Party& party) {
  if (party.resident()) {
    unlink(party);
  } else {
    dismiss(static_cast<Newcomer&>(party));
  }
}

// ---- for operators ----

void ShardRoom::operate(std::string_view endpoint, std::string_view json, OperationDone done) {
  if (Resident* const resident = find(endpoint)) return resident->operate(json, std::move(done));
  done(keel::Status::error("it is not registered", KEEL_E_NOENT));
}

bool ShardRoom::deregister(std::string_view endpoint) {
  Resident* const resident = find(endpoint);
  if (!resident) return false;
  resident->end(Refusal::not_registered, Event::deregistered);
  remove(*resident);
  return true;
}

std::size_t ShardRoom::key_of(const keel::Message& command) const {
  constexpr std::size_t kEnds = 256;
  const std::string_view payload = command.payload();
  return keel::SecretHash(common.secret)
      .add(command.topic())
      .add(std::uint64_t{payload.size()})
      .add(payload.substr(0, kEnds))
      .add(payload.substr(payload.size() - std::min(payload.size(), kEnds)))
      .value();
}

void ShardRoom::note_taken(const keel::Message& command) {
  if (settings_->devices->offline_reply) pairing_.taken(key_of(command), now_ms());
}

// A device that had just come, or come anew, when the command did may have been too late to hear
// it. One that had been there for long is not allowed to.
void ShardRoom::answer_untaken() {
  const std::int64_t now = now_ms();
  std::int64_t came_ms = 0;
  while (const Pairing::Command each = pairing_.expired(now, came_ms)) {
    const Resident* const resident = find(each.endpoint);
    if (resident && came_ms - resident->since_ms() > kSettlingMs) continue;
    each.message.view([&](const keel::Message& command) { answer_absent(each.endpoint, command); })
        .ignore();
  }
  pairing_.forget_taken(now);
}

void ShardRoom::look_for(std::string_view endpoint, const keel::Message& command) {
  const std::size_t key = key_of(command);
  if (pairing_.is_taken(key)) return;
  if (!find(endpoint)) return answer_absent(endpoint, command);
  auto shared = command.share();
  if (!shared) return;
  pairing_.wait(key, {std::string(endpoint), std::move(*shared), command.payload().size()},
                now_ms());
}

void ShardRoom::answer_absent(std::string_view endpoint, const keel::Message& command) {
  const auto topic = command_topic(settings_->topics, command.topic());
  if (!topic) return;
  ++counters.absent;
  const auto parsed = parse_command(command.payload(), {}, settings_->devices->command);
  std::string reply;
  if (const auto* const wrong = std::get_if<RefusedCommand>(&parsed)) {
    reply = wrong->reply;
  } else {
    reply = refused(std::get<Command>(parsed), Refusal::not_registered);
  }
  if (reply.empty()) return;
  const bool v3 = topic->channel == Channel::v3;
  const std::string_view whole =
      template_of(settings_->topics, v3 ? Topic::v3_response : Topic::response);
  say(expand(whole, {topic_level(endpoint), {}}), reply);
}

// ---- before and after ----

void ShardRoom::adopt(const SavedResident& saved, const Listener* listener) {
  if (find(saved.device.registration.endpoint)) return;
  add_place();
  Resident& resident = settle_down(std::make_unique<Resident>(*this, saved));
  put_in_place(resident, saved, listener);
  if (!resident.is_member() || !saved.unsaid.empty()) wheel.wake_at(resident, now_ms() + 1);
  mark(resident);
}

// Letters, too, when the shards were so slow that some are still unread: those that an answer hangs
// on. Datagrams may be lost.
void ShardRoom::save(Handover& out) {
  std::vector<Pairing::Saved::Command> unread;
  for (const auto& inbox : inboxes_) {
    inbox->take().each([&](Letter& letter, std::string_view bytes) {
      if (letter.kind == Letter::Kind::say) {
        out.unsaid.emplace_back(bytes.substr(0, letter.topic_size),
                                bytes.substr(letter.topic_size));
      }
      if (letter.kind != Letter::Kind::absent) return;
      letter.command
          .view([&](const keel::Message& command) {
            const std::size_t key = key_of(command);
            if (pairing_.is_taken(key)) return;
            unread.push_back({key, std::string(bytes), std::string(command.topic()),
                              std::string(command.payload())});
          })
          .ignore();
    });
  }
  Pairing::Saved& mine = out.pairings.emplace_back(pairing_.save());
  std::move(unread.begin(), unread.end(), std::back_inserter(mine.waiting));
  for (const auto& [endpoint, resident] : residents_) {
    std::string answered = resident->peer().answered_within(kCopiesMs);
    if (!answered.empty()) out.answered.emplace_back(endpoint, std::move(answered));
  }
  if (common.stand_in_home == index) stand_in_.save(out);
}

void ShardRoom::recall(std::string_view endpoint, std::string_view answered) {
  if (Resident* const resident = find(endpoint)) resident->peer().recall(answered);
}

void ShardRoom::restore(const std::vector<SavedResident>& saved, const Listeners& listeners) {
  for (const SavedResident& each : saved) {
    if (find(each.device.registration.endpoint)) continue;
    add_place();
    Resident& resident = settle_down(std::make_unique<Resident>(*this, each));
    put_in_place(resident, each, listeners.find(each.listener));
    const auto wait = static_cast<std::int64_t>(100 * (restored_++ / kKnocksAtATime));
    wheel.wake_at(resident, now_ms() + 1 + wait);
  }
}

void ShardRoom::put_in_place(Resident& resident, const SavedResident& saved,
                             const Listener* listener) {
  if (!listener || at({listener, saved.address})) return;
  const bool anywhere = saved.via >= common.rooms.size();
  if (anywhere && listener->dtls()) return;  // its association is gone
  resident.place = {{listener, saved.address}, anywhere ? index : saved.via, 0};
  peers_.insert(&resident);
  if (anywhere) {
    common.homecomers->expect(resident.place.peer, index);
  } else if (saved.via != index) {
    keel::ProofPtr proof = saved.proof ? std::make_unique<keel::Proof>(*saved.proof) : nullptr;
    resident.place.serial =
        common.rooms[saved.via]->make_route(resident.place.peer, index, std::move(proof));
  }
}

void ShardRoom::mark(Resident& resident) {
  if (!common.keeps || std::exchange(resident.marked, true)) return;
  marked_.push_back(resident.endpoint());
}

void ShardRoom::hand_in(std::size_t most) {
  if (changes_.empty() && marked_.empty()) return;
  for (; most > 0 && !marked_.empty(); --most) {
    Resident* const resident = find(marked_.front());
    marked_.pop_front();
    if (resident && std::exchange(resident->marked, false)) note(*resident, true);
  }
  auto changes = std::make_shared<const std::vector<Change>>(std::exchange(changes_, {}));
  if (changes->empty()) return;
  common.host.shards()
      .post(keel::kControl, [keeper = common.keeper, changes] { keeper->take(*changes); })
      .ignore();
}

void ShardRoom::note(const Resident& resident, bool with_commands) {
  SavedResident saved;
  resident.save(saved);
  saved.session = 0;
  saved.via = SavedResident::kNowhere;
  if (!with_commands) saved.device.waiting.clear();
  std::string state;
  append(state, saved);
  changes_.push_back({resident.endpoint(), std::move(state)});
}

void ShardRoom::forget_unless_there(const std::string& endpoint) {
  if (!find(endpoint)) changes_.push_back({endpoint, {}});
}

void ShardRoom::leave(bool keep, std::shared_ptr<void> done) {
  leaving_ = true;
  held_.clear();
  dismiss_all();
  hand_in(SIZE_MAX);
  if (!keep) leave_some(std::move(done));
}

// Those who go are kept without what waited for them, which has been answered.
void ShardRoom::leave_some(std::shared_ptr<void> done) {
  for (std::size_t left = kEndsAtATime; left > 0 && !residents_.empty(); --left) {
    Resident& resident = *residents_.begin()->second;
    if (common.keeps) note(resident, false);
    resident.end(Refusal::shutdown, std::nullopt);
    remove(resident);
  }
  hand_in(SIZE_MAX);
  if (residents_.empty()) {
    stand_in_.leave();
    return;
  }
  common.host.shards().post(index, [this, done] { leave_some(done); }).ignore();
}

}  // namespace lwm2m
