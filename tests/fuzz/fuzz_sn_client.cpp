// One MQTT-SN client of the gateway between a device and a broker (sn_world.hpp) that do what the
// input says: packets that fit and packets that do not, answers early, late and none, messages,
// time. All that the machine orders is checked; in the end nothing of it may be left.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "emqx_sn/saved.hpp"
#include "input.hpp"
#include "sn_world.hpp"

namespace {

using namespace sn;
using sn::fuzz::World;

constexpr char kClientId[] = "c1";
const std::string kLongTopic(300, 'l');

using keel::fuzz::Input;

std::shared_ptr<const ClientSettings> settings_of(std::uint8_t bits) {
  auto predefined = std::make_shared<Predefined>();
  predefined->add("", 1, "p/one");
  predefined->add("", 2, "p/two");
  predefined->add(kClientId, 2, "p/mine");
  auto out = std::make_shared<ClientSettings>();
  out->retry_interval_ms = 1000;
  out->max_retry = 2;
  out->wait_interval_ms = 5000;
  out->idle_timeout_ms = 4000;
  out->await_rel_timeout_ms = 6000;
  out->max_packet_size = 200;
  out->max_awaiting_rel = 3;
  out->max_topics = 10;
  out->max_held = 5;
  out->max_held_octets = 400;
  out->session_expiry_s = 60;
  out->max_inflight = bits & 1 ? 1 : 3;
  out->resume_on_wakeup = bits & 2;
  out->lenient_topic_id = bits & 4;
  out->enable_qos3 = bits & 8;
  out->subs_resume = bits & 16;
  if (bits & 32) out->mountpoint = "m/";
  out->predefined = predefined;
  return out;
}

class Run {
 public:
  explicit Run(Input in) : in_(in), world_(settings_of(in_.octet())), client_(make()) {
    world_.client = client_.get();
    connect();
  }

  void run() {
    for (int steps = 0; in_.more() && !world_.forgotten && steps < 2000; ++steps) {
      const std::uint8_t what = in_.octet();
      step(what & 31);
      if (!(what & 128)) world_.pump();
      check_bounds();
    }
    wind_up();
  }

 private:
  std::unique_ptr<Client> make() {
    return std::make_unique<Client>(world_, world_.settings, world_.counters, kClientId);
  }

  void step(int what);
  void pass(const Packet& packet) {
    last_ = packet;
    world_.pass(packet);
  }

  std::string_view topic() {
    static constexpr std::string_view kNames[] = {"a",     "te",  "a/b", "p/one", "p/two", "p/mine",
                                                  "x/y/z", "b/1", "b/2", "b/3",   "b/4",   "b/5",
                                                  "b/6",   "b/7", "b/8", "b/9",   "b/10",  "b/11"};
    const std::uint8_t which = in_.octet();
    return which == 255 ? std::string_view(kLongTopic) : kNames[which % std::size(kNames)];
  }
  std::string_view filter() {
    static constexpr std::string_view kFilters[] = {"#",
                                                    "+/b",
                                                    "b/+",
                                                    "$share/g/a/b",
                                                    "$queue/te",
                                                    "$share/g/#",
                                                    "",
                                                    "a/#/b",
                                                    "\xff",
                                                    "$share/g",
                                                    std::string_view("a\0b", 3)};
    const std::uint8_t which = in_.octet();
    return which & 1 ? topic() : kFilters[which / 2 % std::size(kFilters)];
  }
  Packet packet(Type type) const {
    Packet out;
    out.type = type;
    return out;
  }
  // Answers to a REGISTER or a PUBLISH are mostly friendly.
  std::uint8_t code() {
    static constexpr std::uint8_t kCodes[] = {0, 0, 0, 0, 1, 2, 3, 0x80};
    return in_.pick(kCodes);
  }

  void connect();
  void will(Type type);
  void reg();
  void publish();
  void subscribe(Type type);
  void ping();
  void sleep();
  void fit_regack();
  void fit_ack();
  void ack_at_random();
  void raw();
  void offer();
  void time();
  void upgrade();
  void cut();
  void check_bounds() const;
  void wind_up();

  Input in_;
  World world_;
  std::unique_ptr<Client> client_;
  Packet last_;
  std::uint16_t last_msg_id_ = 0;
};

void Run::step(int what) {
  switch (what) {
    case 0:
      return connect();
    case 1:
      return will(Type::willtopic);
    case 2:
      return will(Type::willmsg);
    case 3:
      return will(Type::willtopicupd);
    case 4:
      return will(Type::willmsgupd);
    case 5:
      return reg();
    case 6:
    case 7:
      return publish();
    case 8:
    case 9:
      return subscribe(Type::subscribe);
    case 10:
      return subscribe(Type::unsubscribe);
    case 11:
      return ping();
    case 12:
      return sleep();
    case 13:
    case 14:
      return fit_regack();
    case 15:
    case 16:
      return fit_ack();
    case 17:
      return ack_at_random();
    case 18:
      return raw();
    case 19:
      return world_.pass(last_);
    case 20:
    case 21:
    case 22:
      for (int n = in_.octet() % 4; n >= 0 && world_.answer(true); --n) {
        world_.pump();
        if (world_.forgotten) return;
      }
      return;
    case 23:
      world_.answer(false);
      return;
    case 24:
    case 25:
      return offer();
    case 26:
    case 27:
      return time();
    case 28:
      return cut();
    case 29:
      client_->moved();
      return in_.octet() & 1 ? connect() : ping();
    case 30:
      if (in_.octet() & 1) return client_->displace();
      return client_->end(in_.octet() & 1 ? 0 : 0x98);
    default:
      return in_.octet() & 1 ? upgrade() : client_->use(world_.settings);
  }
}

void Run::connect() {
  Packet out = packet(Type::connect);
  const std::uint8_t bits = in_.octet();
  out.flags.clean = bits & 1;
  out.flags.will = bits & 2;
  out.protocol_id = 1;
  static constexpr std::uint16_t kDurations[] = {0, 1, 10, 60};
  out.duration = kDurations[bits >> 2 & 3];
  out.text = kClientId;
  pass(out);
}

void Run::will(Type type) {
  Packet out = packet(type);
  const std::uint8_t bits = in_.octet();
  out.flags = Flags::from(bits);
  if (type == Type::willtopic || type == Type::willtopicupd) {
    out.empty = bits & 1;
    if (!out.empty) out.text = bits & 2 ? filter() : topic();
    if (!out.empty && out.text.empty()) out.empty = true;
  } else {
    out.text = in_.take(bits & 15);
  }
  pass(out);
}

void Run::reg() {
  Packet out = packet(Type::reg);
  out.msg_id = ++last_msg_id_;
  out.text = in_.octet() & 15 ? topic() : filter();
  pass(out);
}

void Run::publish() {
  Packet out = packet(Type::publish);
  out.flags = Flags::from(in_.octet());
  const std::uint8_t id = in_.octet();
  out.topic_id = out.flags.id_type == IdType::short_name ? std::uint16_t{0x7465}
                 : id < 5                                ? id
                                                         : std::uint16_t(0x0100 + id % 12);
  out.msg_id = in_.octet() % 6;
  out.text = in_.take(in_.octet() % 20);
  pass(out);
}

void Run::subscribe(Type type) {
  Packet out = packet(type);
  out.flags = Flags::from(in_.octet());
  out.msg_id = ++last_msg_id_;
  if (out.flags.id_type == IdType::predefined) {
    out.topic_id = in_.octet() % 4;
  } else if (out.flags.id_type == IdType::short_name) {
    static constexpr std::uint16_t kShort[] = {0x7465, 0x2f23, 0x6123, 0x232f, 0xff00, 0x2b2f};
    out.topic_id = in_.pick(kShort);
  } else {
    out.text = filter();
  }
  pass(out);
}

void Run::ping() {
  Packet out = packet(Type::pingreq);
  static constexpr std::string_view kIds[] = {kClientId, kClientId, "", "somebody"};
  out.text = in_.pick(kIds);
  pass(out);
}

void Run::sleep() {
  Packet out = packet(Type::disconnect);
  static constexpr std::uint16_t kDurations[] = {10, 10, 100, 0};
  out.duration = in_.pick(kDurations);
  pass(out);
}

void Run::fit_regack() {
  Packet out = world_.last_register;
  out.type = Type::regack;
  out.code = code();
  pass(out);
}

void Run::fit_ack() {
  Packet out = world_.last_publish;
  const std::uint8_t how = in_.octet();
  if (how & 1 && world_.last_pubrel.msg_id != 0) {
    out = world_.last_pubrel;
    out.type = Type::pubcomp;
  } else if (out.flags.qos == 2 && !(how & 2)) {
    out.type = Type::pubrec;
  } else {
    out.type = Type::puback;
    out.code = code();
  }
  pass(out);
}

void Run::ack_at_random() {
  static constexpr Type kTypes[] = {Type::puback, Type::pubrec, Type::pubcomp,
                                    Type::pubrel, Type::regack, Type::pubrel};
  Packet out = packet(in_.pick(kTypes));
  out.msg_id = in_.octet() % 8;
  out.topic_id = static_cast<std::uint16_t>(0x0100 + in_.octet() % 12);
  if (out.type == Type::puback || out.type == Type::regack) out.code = code();
  pass(out);
}

// Any message but those whose message id the device keeps track of; the gateway answers a CONNECT
// of anybody else itself.
void Run::raw() {
  Packet out;
  std::string datagram(in_.take(in_.octet() % 40));
  if (!decode(datagram, out)) return;
  if (out.type == Type::reg || out.type == Type::subscribe) out.msg_id = ++last_msg_id_;
  if (out.type == Type::connect) return;
  world_.pass(out);
}

void Run::offer() {
  for (int n = in_.octet() % 4; n >= 0; --n) {
    World::Message out;
    out.topic = world_.settings->mountpoint + std::string(topic());
    const std::uint8_t bits = in_.octet();
    out.qos = bits % 3;
    out.retain = bits & 4;
    static constexpr std::size_t kSizes[] = {0, 20, 150, 185, 300};
    out.size = kSizes[(bits >> 3) % 5];
    world_.offer(std::move(out));
  }
}

void Run::time() {
  static constexpr std::int64_t kSteps[] = {1, 999, 1000, 1001, 5000, 16'000, 70'000, 300'000};
  const std::uint8_t how = in_.octet();
  std::int64_t until = world_.now_ms() + kSteps[how >> 1 & 7];
  if (how & 1 && world_.wake() != 0) until = std::max(world_.wake(), world_.now_ms());
  world_.advance(until);
}

// The next version of the plugin goes on; the broker keeps what it owes.
void Run::upgrade() {
  Client::Saved saved, read;
  client_->save(saved);
  std::string blob, rewritten;
  append(blob, saved);
  FUZZ_CHECK(read_saved(blob, read));
  append(rewritten, read);
  FUZZ_CHECK(blob == rewritten);
  world_.wake_at(0);
  client_ = std::make_unique<Client>(world_, world_.settings, world_.counters, read);
  world_.client = client_.get();
}

void Run::cut() {
  const std::uint8_t how = in_.octet();
  world_.cut(how & 1 ? 0x8e : 0x98, how & 2);
}

void Run::check_bounds() const {
  const ClientSettings& most = *world_.settings;
  FUZZ_CHECK(client_->topics().size() <= most.max_topics);
  FUZZ_CHECK(client_->held() <= most.max_held + most.max_inflight);
}

// The device falls silent, the broker answers: the machine has to come to its end, unless it
// watches nobody; then the gateway ends it.
void Run::wind_up() {
  bool ended = false;
  for (int rounds = 0; !world_.forgotten; ++rounds) {
    FUZZ_CHECK(rounds < 5000);
    if (world_.answer(true)) continue;
    world_.pump();
    if (world_.forgotten || !world_.answers.empty()) continue;
    if (world_.wake() != 0) {
      world_.advance(std::max(world_.wake(), world_.now_ms()));
    } else {
      FUZZ_CHECK(!ended && client_->keep_alive_s() == 0);
      ended = true;
      client_->end(0);
    }
  }
  FUZZ_CHECK(world_.link == World::BrokerLink::none && client_->held() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size != 0) Run(Input(data, size)).run();
  return 0;
}
