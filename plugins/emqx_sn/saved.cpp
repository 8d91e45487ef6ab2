#include "emqx_sn/saved.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace sn {
namespace {

template <class T>
concept Number = std::is_integral_v<T> || std::is_enum_v<T>;

// The fields of each struct, in order; new ones go to the end.
template <class Io>
void fields(Io& io, auto& s, const Standing*) {
  io(s.state, s.link, s.persistent, s.superseded, s.moved, s.polled, s.polling, s.poll_again,
     s.announce, s.connect_flags, s.epoch, s.keep_alive_s, s.sleep_s, s.last_msg_id, s.last_will,
     s.subscribing, s.heard, s.connack, s.away_until);
}
template <class Io>
void fields(Io& io, auto& w, const Will*) {
  io(w.topic, w.payload, w.qos, w.retain);
}
template <class Io>
void fields(Io& io, auto& h, const Handshake*) {
  io(h.step, h.clean, h.with_will, h.waking, h.flags, h.tries, h.duration, h.until, h.due, h.will);
}
template <class Io>
void fields(Io& io, auto& h, const Held*) {
  io(h.delivery, h.topic_id, h.msg_id, h.id_type, h.qos, h.retain, h.dup, h.stage, h.tries,
     h.cycles, h.due, h.payload);
}
template <class Io>
void fields(Io& io, auto& a, const Announcement*) {
  io(a.topic_id, a.msg_id, a.tries, a.due);
}
template <class Io>
void fields(Io& io, auto& p, const PutOff*) {
  io(p.topic_id, p.until);
}
template <class Io>
void fields(Io& io, auto& r, const RecentSubscribe*) {
  io(r.what, r.msg_id, r.topic_id, r.qos, r.answered, r.code, r.at);
}
template <class Io>
void fields(Io& io, auto& l, const Leftover*) {
  io(l.delivery, l.msg_id, l.stage);
}
template <class Io>
void fields(Io& io, auto& p, const PendingWill*) {
  io(p.number, p.will);
}
template <class Io>
void fields(Io& io, auto& r, const Rare*) {
  io(r.announcement, r.hold_until, r.put_off, r.by_id, r.recent, r.leftovers, r.wills);
}
template <class Io>
void fields(Io& io, auto& e, const AwaitingRel::Entry*) {
  io(e.what, e.until, e.msg_id, e.stage);
}
template <class Io>
void fields(Io& io, auto& c, const Client::Saved*) {
  io(c.client_id, c.at, c.topics, c.awaiting, c.held, c.will, c.handshake, c.rare,
     c.first_topic_id);
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }

 private:
  template <Number T>
  void put(const T& value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    out_ += text;
  }
  void put(const std::string& text) { put(std::string_view(text)); }
  void put(const TopicTable& topics) {
    put(static_cast<std::uint32_t>(topics.size()));
    topics.each([this](std::uint16_t id, std::string_view name, std::uint8_t flags) {
      put(id);
      put(flags);
      put(name);
    });
  }
  void put(const AwaitingRel& awaiting) { put(awaiting.entries()); }
  template <class T>
  void put(const std::vector<T>& all) {
    put_all(all);
  }
  template <class T>
  void put(const std::list<T>& all) {
    put_all(all);
  }
  template <class T>
  void put_all(const T& all) {
    put(static_cast<std::uint32_t>(all.size()));
    for (const auto& one : all) put(one);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  requires std::is_class_v<T>
  void put(const T& value) {
    const std::size_t at = out_.size();
    put(std::uint32_t{0});
    fields(*this, value, &value);
    const auto size = static_cast<std::uint32_t>(out_.size() - at - sizeof(std::uint32_t));
    std::memcpy(out_.data() + at, &size, sizeof size);
  }

  std::string& out_;
};

// Fields that an earlier version did not write keep what they have.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}

  template <class... T>
  void operator()(T&... values) {
    (take(values), ...);
  }
  bool good() const { return good_; }

 private:
  bool more() const { return good_ && !in_.empty(); }
  std::string_view octets(std::size_t size) {
    if (in_.size() < size) good_ = false;
    if (!good_) return {};
    const std::string_view out = in_.substr(0, size);
    in_.remove_prefix(size);
    return out;
  }

  template <Number T>
  void take(T& value) {
    if (!more()) return;
    const std::string_view from = octets(sizeof value);
    if (!good_) return;
    if constexpr (std::is_same_v<T, bool>) {
      good_ = static_cast<std::uint8_t>(from[0]) <= 1;
      value = from[0] == 1;
    } else {
      std::memcpy(&value, from.data(), sizeof value);
    }
  }
  void take(std::string& text) {
    if (!more()) return;
    std::uint32_t size = 0;
    take(size);
    text = octets(size);
  }
  void take(TopicTable& topics) {
    std::uint32_t left = 0;
    for (take(left); good_ && left != 0; --left) {
      std::uint16_t id = 0;
      std::uint8_t flags = 0;
      std::string name;
      (*this)(id, flags, name);
      good_ = good_ && topics.restore(id, name, flags);
    }
  }
  void take(AwaitingRel& awaiting) {
    std::vector<AwaitingRel::Entry> entries;
    take(entries);
    for (const AwaitingRel::Entry& entry : entries) awaiting.restore(entry);
  }
  template <class T>
  void take(std::vector<T>& all) {
    take_all(all);
  }
  template <class T>
  void take(std::list<T>& all) {
    take_all(all);
  }
  template <class T>
  void take_all(T& all) {
    std::uint32_t left = 0;
    for (take(left); good_ && left != 0; --left) {
      good_ = !in_.empty();
      if (good_) take(all.emplace_back());
    }
  }
  template <class T>
  void take(std::optional<T>& value) {
    bool there = false;
    take(there);
    if (there) take(value.emplace());
  }
  template <class T>
  requires std::is_class_v<T>
  void take(T& value) {
    if (!more()) return;
    std::uint32_t size = 0;
    take(size);
    Reader block(octets(size));
    if (!good_) return;
    fields(block, value, &value);
    good_ = block.good_;
  }

  std::string_view in_;
  bool good_ = true;
};

bool in_range(const Held& held) {
  return held.stage <= Held::Stage::released && held.id_type < IdType::reserved && held.qos <= 2 &&
         (held.stage == Held::Stage::waiting || (held.qos != 0 && held.msg_id != 0)) &&
         (held.stage != Held::Stage::released || held.qos == 2);
}

// What the machine relies on.
bool consistent(const Client::Saved& c) {
  const Standing& at = c.at;
  if (c.client_id.empty() || at.state > ClientState::away || at.link > Link::closing) return false;
  const bool connected = at.state == ClientState::active || at.state == ClientState::asleep ||
                         at.state == ClientState::awake;
  if (connected && at.link != Link::open) return false;
  if (at.state == ClientState::closing && at.link == Link::none) return false;
  if (at.state == ClientState::away && (at.link != Link::none || at.away_until == 0)) return false;
  if (at.state == ClientState::connecting && !c.handshake) return false;
  if (c.handshake &&
      (at.state != ClientState::connecting || c.handshake->step > Handshake::Step::setting_will))
    return false;
  const auto told = [&](std::uint16_t id) { return !c.topics.name(id).empty(); };
  const auto fine = [&](const Held& held) {
    return in_range(held) && (held.delivery == 0 || held.qos != 0) &&
           (held.stage == Held::Stage::released || held.id_type != IdType::normal ||
            told(held.topic_id));
  };
  if (!std::all_of(c.held.begin(), c.held.end(), fine)) return false;
  if (c.rare.announcement.topic_id != 0 && !told(c.rare.announcement.topic_id)) return false;
  const auto& entries = c.awaiting.entries();
  return std::all_of(entries.begin(), entries.end(), [](const AwaitingRel::Entry& entry) {
    return entry.stage <= AwaitingRel::Stage::done;
  });
}

}  // namespace

void append(std::string& blob, const Client::Saved& client) { Writer{blob}(client); }

bool read_saved(std::string_view blob, Client::Saved& out) {
  Reader reader(blob);
  reader(out);
  return reader.good() && consistent(out);
}

Client::Client(Outside& outside, const std::shared_ptr<const ClientSettings>& settings,
               Counters& counters, const Saved& saved)
    : Client(outside, settings, counters, saved.client_id) {
  at_ = saved.at;
  topics_ = saved.topics;
  topics_.begin_at(saved.first_topic_id);
  awaiting_ = saved.awaiting;
  held_ = saved.held;
  for (const Held& held : held_) {
    if (held.stage != Held::Stage::waiting) ++in_flight_;
    if (held.qos == 0) held_octets_ += static_cast<std::uint32_t>(held.payload.size());
  }
  if (saved.will) will_ = std::make_unique<Will>(*saved.will);
  if (saved.handshake) handshake_ = std::make_unique<Handshake>(*saved.handshake);
  if (!saved.rare.empty()) rare_ = std::make_unique<Rare>(saved.rare);
  settle();
}

void Client::save(Saved& out) const {
  out.client_id = client_id_;
  out.at = at_;
  out.topics = topics_;
  out.first_topic_id = topics_.begin();
  out.awaiting = awaiting_;
  out.held = held_;
  if (will_) out.will = *will_;
  if (handshake_) out.handshake = *handshake_;
  if (rare_) out.rare = *rare_;
}

}  // namespace sn
