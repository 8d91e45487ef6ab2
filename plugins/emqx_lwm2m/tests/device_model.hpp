// A device and a network that do what a seed says: datagrams are lost, doubled and overtaken, the
// device is silent, slow, resets, refuses, sleeps, registers again; the broker restarts. What must
// hold whatever happens is checked at each step.
#pragma once

#include <map>
#include <set>

#include "emqx_lwm2m/tests/device_fixture.hpp"

namespace lwm2m_test {

class Model {
 public:
  explicit Model(std::uint32_t seed) : engine_(seed) {
    m_.registration.queue_flag = one_in(2);
    m_.registration.version = one_in(2) ? "1.1" : "1.0";
    m_.registration.lifetime_s = 20'000;
    m_.settings->queue_max = 5;
    m_.settings->max_observations = 3;
    m_.settings->queue_ttl_s = 600;
    m_.settings->auto_observe = one_in(3);
    m_.settings->requeue_on_timeout = one_in(2);
    m_.begin();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      pass_time(static_cast<std::int64_t>(engine_() % (one_in(20) ? 120'000 : 2'000)));
    }
    m_.device->end(lwm2m::Refusal::shutdown, std::nullopt);
    look();
    CHECK(open_.empty());  // each command has had its answer
    CHECK(m_.device->waiting() == 0);
    const lwm2m::DeviceCounters& n = m_.counters;
    CHECK(n.commands == static_cast<std::uint64_t>(last_id_));
    CHECK(n.commands == n.answered + n.errors + n.timeouts + n.resets + n.offline + n.queue_full +
                            n.queue_expired + lost_);
  }

 private:
  bool one_in(unsigned n) { return engine_() % n == 0; }

  void step() {
    switch (engine_() % 12) {
      case 0:
        return update();
      case 1:
        if (one_in(4)) return register_again();
        break;
      case 2:
        if (one_in(4)) return restart();
        break;
      case 3:
      case 4:
        return notify();
      case 5:
        silent_ = m_.registration.queue_flag && one_in(2);
        return;
      default:
        break;
    }
    command();
  }

  void command() {
    static constexpr std::string_view kKinds[] = {
        R"("read","data":{"path":"/3/0/9"})",
        R"("read","ttl":0,"data":{"path":"/3/0"})",
        R"("observe","data":{"path":"/3/0/9"})",
        R"("observe","data":{"path":"/3303/0"})",
        R"("observe","data":{"path":"/1/0/1"})",
        R"("cancel-observe","data":{"path":"/3/0/9"})",
        R"("execute","data":{"path":"/3/0/4"})",
        R"("write","data":{"path":"/3/0/14","value":"x"})",
        R"("create","data":{"path":"/3303"})",
        R"("read","ttl":3,"data":{"path":"/3/0/9"})",
        R"("nonsense","data":{})",
    };
    const int id = ++last_id_;
    open_.insert(id);
    const bool operation = one_in(5);
    if (operation) operations_.insert(id);
    const std::string json = R"({"reqID":)" + std::to_string(id) + R"(,"msgType":)" +
                             std::string(kKinds[engine_() % std::size(kKinds)]) + "}";
    using lwm2m::Channel;
    m_.device->command({operation   ? Channel::operation
                        : one_in(2) ? Channel::v3
                                    : Channel::documented,
                        static_cast<std::uint32_t>(id)},
                       json, {});
    look();
  }

  void update() {
    std::string datagram;
    coap::Writer to(datagram, coap::Type::con, coap::kPost, next_id_++, "u");
    to.option(coap::option::kUriPath, "rd").option(coap::option::kUriPath, m_.device->location());
    silent_ = false;
    transmit(datagram, true);
  }

  void register_again() {
    under_way_.reset();
    tokens_.clear();
    answers_.clear();
    m_.device->registered_again(m_.registration, "loc" + std::to_string(engine_() % 100),
                                one_in(2) ? m_.another_peer() : nullptr);
    look();
  }

  void restart() {
    under_way_.reset();
    lost_ += operations_.size();
    for (const int id : operations_) open_.erase(id);
    operations_.clear();
    const std::int64_t before = m_.out.now;
    m_.restart_silently();
    std::multimap<std::int64_t, Packet> shifted;  // the clock has jumped
    for (auto& [when, packet] : network_) shifted.emplace(when + m_.out.now - before, packet);
    network_ = std::move(shifted);
    look();
  }

  void notify() {
    if (tokens_.empty()) return;
    auto it = tokens_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(engine_() % tokens_.size()));
    std::string datagram;
    coap::Writer to(datagram, one_in(2) ? coap::Type::con : coap::Type::non,
                    one_in(10) ? coap::kNotFound : coap::kContent, next_id_++, it->second);
    to.number(coap::option::kObserve, ++sequence_);
    to.number(coap::option::kContentFormat, 0);
    to.payload("7");
    transmit(datagram, true);
  }

  // ---- the network ----
  void transmit(const std::string& datagram, bool to_machine) {
    if (one_in(6)) return;
    const int copies = one_in(8) ? 2 : 1;
    for (int i = 0; i < copies; ++i)
      network_.emplace(
          m_.out.now + static_cast<std::int64_t>(engine_() % (one_in(5) ? 5'000 : 200)),
          Packet{to_machine, datagram});
  }

  void pass_time(std::int64_t ms) {
    const std::int64_t until = m_.out.now + ms;
    for (;;) {
      const std::int64_t timer = m_.out.timer == 0 ? until + 1 : std::max(m_.out.timer, m_.out.now);
      const std::int64_t packet = network_.empty() ? until + 1 : network_.begin()->first;
      if (std::min(timer, packet) > until) break;
      if (packet <= timer) {
        m_.out.now = std::max(m_.out.now, packet);
        const Packet next = network_.extract(network_.begin()).mapped();
        next.to_machine ? deliver(next.datagram) : on_device(next.datagram);
      } else {
        m_.out.now = timer;
        m_.out.timer = 0;
        m_.device->on_time();
      }
      look();
    }
    m_.out.now = until;
    REQUIRE(!m_.out.gone);
  }

  void deliver(const std::string& datagram) {
    coap::Message message;
    if (coap::parse(datagram, message) == coap::Parsed::ok && under_way_) {
      const bool of_it = message.id == under_way_->id &&
                         (message.type == coap::Type::rst || message.type == coap::Type::ack);
      if (of_it && (message.code != coap::kEmpty || message.type == coap::Type::rst))
        under_way_->answered = true;
      else if (of_it && under_way_->acknowledged == 0)
        under_way_->acknowledged = m_.out.now;
      else if (message.is_response() && message.token == under_way_->token)
        under_way_->answered = true;
    }
    m_.device->on_datagram(datagram);
  }

  // ---- the device ----
  void on_device(const std::string& datagram) {
    coap::Message message;
    REQUIRE(coap::parse(datagram, message) == coap::Parsed::ok);
    if (silent_ || !message.is_request()) return;
    if (const auto known = answers_.find(message.id); known != answers_.end()) {
      if (!known->second.empty()) transmit(known->second, true);
      return;
    }
    if (one_in(12)) return;
    std::string& reply = answers_[message.id];
    if (one_in(15)) {
      coap::write_empty(reply, coap::Type::rst, message.id);
    } else if (one_in(4)) {
      coap::write_empty(reply, coap::Type::ack, message.id);
      if (!one_in(4)) transmit(response(message, coap::Type::con, next_id_++), true);
    } else {
      reply = response(message, coap::Type::ack, message.id);
    }
    transmit(reply, true);
  }

  std::string response(const coap::Message& request, coap::Type type, std::uint16_t id) {
    std::optional<std::uint32_t> observe;
    std::string path;
    coap::OptionReader options(request.options);
    for (coap::Option option; options.next(option);) {
      if (option.number == coap::option::kObserve) observe = coap::uint_value(option.value, 3);
      if (option.number == coap::option::kUriPath) path += "/" + std::string(option.value);
    }
    coap::Code code = request.code == coap::kGet ? coap::kContent : coap::kChanged;
    if (one_in(8)) code = one_in(2) ? coap::kNotFound : coap::kNotAcceptable;
    if (one_in(8) && request.code != coap::kGet) code = coap::kUnsupportedFormat;
    const bool observes = observe == 0u && code == coap::kContent && !one_in(8);
    if (observe == 1u) tokens_.erase(path);
    if (observes) tokens_[path] = std::string(request.token);
    std::string out;
    coap::Writer to(out, type, code, id, request.token);
    if (observes) to.number(coap::option::kObserve, ++sequence_);
    if (code == coap::kContent) {
      to.number(coap::option::kContentFormat, 0);
      to.payload("5");
    }
    return out;
  }

  // ---- what must hold ----
  void look() {
    for (; seen_ < m_.out.sent.size(); ++seen_) {
      const std::string& datagram = m_.out.sent[seen_];
      watch_request(datagram);
      transmit(datagram, false);
    }
    std::size_t observations = 0;
    std::set<std::string> paths;
    m_.device->each_observation([&](const lwm2m::Device::ObservationView& view) {
      ++observations;
      paths.insert(view.path.text());
    });
    CHECK(observations == paths.size());
    CHECK(observations <= m_.settings->max_observations);
    // One that was put back, and the one under way, may come on top.
    CHECK(m_.device->waiting() <= m_.settings->queue_max + 2u);
    read_log(m_.out.take());
  }

  void watch_request(const std::string& datagram) {
    coap::Message message;
    REQUIRE(coap::parse(datagram, message) == coap::Parsed::ok);
    if (!message.is_request()) return;
    if (under_way_ && under_way_->id == message.id) return;  // again
    if (under_way_ && !under_way_->answered) {
      // It may have been given up, not earlier.
      const bool given_up = under_way_->acknowledged != 0
                                ? m_.out.now - under_way_->acknowledged >= 93'000
                                : m_.out.now - under_way_->begun >= 31 * 2'000;
      CHECK(given_up);
    }
    under_way_ = UnderWay{message.id, std::string(message.token), m_.out.now};
  }

  void read_log(const std::string& log) {
    for (std::size_t at = 0; at < log.size();) {
      const std::size_t end = std::min(log.find('\n', at), log.size());
      read_line(log.substr(at, end - at));
      at = end + 1;
    }
  }

  void read_line(const std::string& line) {
    const bool answer =
        line.starts_with("response {") || line.starts_with("v3 {") || line.starts_with("answered ");
    if (!answer || line.find(R"("msgType":"ack")") != line.npos) return;
    constexpr std::string_view kId = R"("reqID":)";
    const std::size_t at = line.find(kId);
    REQUIRE(at != line.npos);
    const int id = std::atoi(line.c_str() + at + kId.size());
    CAPTURE(line);
    CHECK(open_.erase(id) == 1);  // one answer, not two
    operations_.erase(id);
    if (line.find("2.05") == line.npos) return;
    CHECK(id > last_answered_);
    last_answered_ = id;
  }

  struct Packet {
    bool to_machine = false;
    std::string datagram;
  };
  struct UnderWay {
    std::uint16_t id = 0;
    std::string token;
    std::int64_t begun = 0, acknowledged = 0;
    bool answered = false;
  };

  Machine m_;
  std::mt19937 engine_;
  std::multimap<std::int64_t, Packet> network_;
  std::map<std::uint16_t, std::string> answers_;  // of the device, by message id
  std::map<std::string, std::string> tokens_;     // of what it observes, by path
  std::set<int> open_, operations_;
  std::optional<UnderWay> under_way_;
  std::size_t seen_ = 0, lost_ = 0;
  int last_id_ = 0, last_answered_ = 0;
  std::uint32_t sequence_ = 0;
  std::uint16_t next_id_ = 1'000;
  bool silent_ = false;
};

}  // namespace lwm2m_test
