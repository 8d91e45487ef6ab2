#include "emqx_sn/kept.hpp"

#include <algorithm>
#include <keel/fields.hpp>
#include <utility>

namespace sn {
namespace {

constexpr std::uint8_t kFormat = 1;
// Topic ids that a client may have got since its record was written: one for each round trip in the
// time that writing takes.
constexpr std::uint32_t kGap = 64;

// Polls renew a record only now and then, see Keeper; so it may tell a quarter too little.
std::int64_t sleep_allowed_ms(const Standing& at) { return std::int64_t{at.sleep_s} * 1750; }

struct RecordHead {
  std::uint8_t format = kFormat, last = 0;
};

// So that no sum of them is too much.
bool in_range(const Standing& at) {
  constexpr std::int64_t kMost = 1'000'000'000'000'000;
  return at.heard >= 0 && at.heard < kMost && at.away_until >= 0 && at.away_until < kMost;
}

bool is_over(const Standing& at, std::int64_t unix_ms) {
  if (at.state == ClientState::asleep) return unix_ms > at.heard + sleep_allowed_ms(at);
  return at.state == ClientState::away && unix_ms >= at.away_until;
}

std::uint16_t last_id(const TopicTable& topics) {
  std::uint16_t out = 0;
  topics.each([&out](std::uint16_t id, std::string_view, std::uint8_t) { out = id; });
  return out;
}

// Where there are no ids to be left out, those that are left serve.
void leave_gap(Client::Saved& client) {
  const std::uint32_t begin = std::max<std::uint32_t>(
      {client.first_topic_id, TopicTable::kFirstId, last_id(client.topics) + 1u});
  if (begin + kGap <= TopicTable::kLastId) {
    client.first_topic_id = static_cast<std::uint16_t>(begin + kGap);
  }
}

}  // namespace

bool come_to_rest(Client::Saved& client) {
  const Standing was = client.at;
  Standing at;
  at.state = was.state == ClientState::awake ? ClientState::asleep : was.state;
  at.persistent = was.persistent;
  at.connect_flags = was.connect_flags;
  at.epoch = was.epoch;
  at.keep_alive_s = was.keep_alive_s;
  at.sleep_s = was.sleep_s;
  at.last_msg_id = was.last_msg_id;
  at.heard = was.heard;
  if (at.state == ClientState::away) {
    at.away_until = was.away_until;
  } else {
    at.link = Link::open;
  }
  client.at = at;
  client.awaiting.clear();
  client.held.clear();
  client.handshake.reset();
  Rare rare;
  rare.by_id = std::move(client.rare.by_id);
  client.rare = std::move(rare);
  return at.persistent && (at.state == ClientState::active || at.state == ClientState::asleep ||
                           at.state == ClientState::away);
}

std::string kept_record(SavedDevice&& device, bool last, const Moment& now) {
  come_to_rest(device.client);
  Standing& at = device.client.at;
  at.heard += now.unix_ms - now.mono_ms;
  if (at.away_until != 0) at.away_until += now.unix_ms - now.mono_ms;
  device.session = 0;
  device.refused = 0;
  device.via = SavedDevice::kAnywhere;
  std::string out;
  keel::FieldWriter(out).field(RecordHead{kFormat, last});
  append(out, device);
  return out;
}

Kept read_kept(std::string_view client_id, std::string_view record, const Moment& now,
               SavedDevice& out) {
  RecordHead head;
  std::vector<SavedDevice> devices;
  if (!keel::FieldReader(record).field(head) || head.format != kFormat || head.last > 1 ||
      !read_saved(record.substr(sizeof head), devices) || devices.size() != 1) {
    return Kept::unreadable;
  }
  out = std::move(devices.front());
  Standing& at = out.client.at;
  if (out.client.client_id != client_id || !in_range(at) || !come_to_rest(out.client)) {
    return Kept::unreadable;
  }
  if (is_over(at, now.unix_ms)) return Kept::over;
  at.heard = now.mono_ms;
  if (at.away_until != 0) at.away_until += now.mono_ms - now.unix_ms;
  if (head.last == 0) leave_gap(out.client);
  out.session = 0;
  out.refused = 0;
  return Kept::good;
}

}  // namespace sn
