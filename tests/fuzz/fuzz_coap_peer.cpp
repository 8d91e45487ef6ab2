// One CoAP peer between a device and an owner that do what the input says: messages that fit and
// messages that do not, requests both ways, answers early, late and none, time. Every request of
// ours ends once, no message id comes again with other octets, memory stays within the settings,
// and in the end nothing is left.
#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "emqx_lwm2m/coap/counters.hpp"
#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/coap/peer.hpp"
#include "input.hpp"

namespace {
std::ptrdiff_t octets_in_use = 0;
}

void* operator new(std::size_t size) {
  void* const out = std::malloc(size);
  if (!out) std::abort();
  octets_in_use += static_cast<std::ptrdiff_t>(malloc_usable_size(out));
  return out;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return operator new(size);  // of std::stable_sort, within libFuzzer
}
void operator delete(void* at) noexcept {
  if (at) octets_in_use -= static_cast<std::ptrdiff_t>(malloc_usable_size(at));
  std::free(at);
}
void operator delete(void* at, std::size_t) noexcept { operator delete(at); }

namespace {

using namespace coap;

constexpr std::size_t kMostRequests = 6, kMostObserving = 20, kMostTickets = 8;
constexpr std::ptrdiff_t kMostOctets = 64 << 10;  // with what is noted down here
constexpr std::int64_t kLifetime = 20'000;

using keel::fuzz::Input;

std::shared_ptr<PeerSettings> settings_of(std::uint8_t bits) {
  auto out = std::make_shared<PeerSettings>();
  out->ack_timeout_ms = 100;
  out->max_retransmit = bits & 3u;
  out->nstart = 1 + (bits >> 2 & 1u);
  out->response_timeout_ms = 3'000;
  out->exchange_lifetime_ms = kLifetime;
  out->non_lifetime_ms = 10'000;
  out->block_timeout_ms = 5'000;
  out->block_size = 16u << (bits >> 3 & 1u);
  out->max_body_size = 100;
  out->max_assembly = 60;
  out->max_remembered = 3;
  out->max_remembered_octets = 120;
  out->max_unanswered = 2;
  return out;
}

class World final : public Outside {
 public:
  explicit World(Input& input) : input_(input), settings_(settings_of(input.octet())) {
    peer_ = std::make_unique<Peer>(*this, settings_, counters_);
  }

  void run() {
    while (input_.more()) {
      step();
      FUZZ_CHECK(octets_in_use - before_ < kMostOctets);
      FUZZ_CHECK(peer_->busy() || timer_ == 0 || timer_ <= now_ + kLifetime);
    }
    in_callbacks_ = false;
    // Everything ends by itself.
    for (int i = 0; timer_ != 0; ++i) {
      FUZZ_CHECK(i < 1'000);
      now_ = std::max(now_, timer_);
      peer_->on_time();
    }
    FUZZ_CHECK(open_.empty() && !peer_->busy());
    for (const std::uint32_t ticket : tickets_) FUZZ_CHECK(!peer_->reply(ticket, Reply{}));
  }

  std::int64_t now_ms() const override { return now_; }
  std::uint32_t random() override { return random_ = random_ * 1'664'525 + 1'013'904'223; }
  void send(std::string_view datagram) override {
    Message message;
    FUZZ_CHECK(parse(datagram, message) == Parsed::ok && datagram.size() < 300);
    if (message.type == Type::con || message.type == Type::non) {
      auto& [octets, at] = sent_[message.id];
      FUZZ_CHECK(octets.empty() || octets == datagram || now_ - at >= kLifetime);
      if (octets != datagram) at = now_;
      octets = datagram;
      while (sent_.size() > 64) sent_.erase(sent_.begin());
    }
    if (message.type != Type::con) return;
    last_id_ = message.id;
    last_token_ = message.token;
    last_block_ = Block{};
    OptionReader reader(message.options);
    for (Option option; reader.next(option);) {
      const bool block = option.number == option::kBlock1 || option.number == option::kBlock2;
      if (block) last_block_ = *block_value(option.value);
      if (option.number == option::kObserve) observed_token_ = last_token_;
    }
  }
  void wake_at(std::int64_t when) override {
    FUZZ_CHECK(when >= 0);
    timer_ = when;
  }
  void acknowledged(RequestId id) override {
    FUZZ_CHECK(open_.contains(id) && !in_request_);
    within();
  }
  void progress(RequestId id, std::size_t sent, std::size_t total) override {
    FUZZ_CHECK(open_.contains(id) && sent <= total && total <= settings_->max_body_size);
    within();
  }
  void responded(RequestId id, const Response& response) override {
    FUZZ_CHECK(response.payload.size() <= 1'500 && response.code >= code(2, 0));
    ended(id);
  }
  void failed(RequestId id, Failure) override { ended(id); }
  void notified(const Response& notification) override {
    FUZZ_CHECK(notification.token.size() <= 8);
    within();
  }
  std::optional<Request> observed(std::string_view) override {
    Request out;
    out.path = {"o"};
    out.accept = 11'542;
    return out;
  }
  void requested(const Incoming& request) override {
    FUZZ_CHECK(request.ticket != 0 && request.payload.size() <= 1'500);
    if (tickets_.size() >= kMostTickets) tickets_.erase(tickets_.begin());
    tickets_.push_back(request.ticket);
    within();
  }

 private:
  void ended(RequestId id) {
    FUZZ_CHECK(!in_request_ && open_.erase(id) == 1);
    within();
  }
  // What the owner does from within a call of the peer.
  void within() {
    if (!in_callbacks_ || depth_ >= 2) return;
    ++depth_;
    owner();
    --depth_;
  }

  void step() {
    switch (input_.octet() % 8) {
      case 0:
        return peer_->on_datagram(input_.take(input_.octet() % 64));
      case 1:
      case 2:
        return response();
      case 3:
        return request();
      case 4:
        now_ += input_.octet() * 10;
        return peer_->on_time();
      case 5:
        if (timer_ != 0) now_ = std::max(now_, timer_);
        return peer_->on_time();
      default:
        return owner();
    }
  }

  void owner() {
    switch (input_.octet() % 9) {
      case 0:
      case 1:
        return ask();
      case 2: {
        if (open_.empty()) return;
        const RequestId id = *open_.begin();
        open_.erase(id);
        return peer_->cancel(id);
      }
      case 3:
      case 4:
        return answer();
      case 5:
        return peer_->watch(std::string_view("wxyz").substr(input_.octet() % 4, 1), input_.octet());
      case 6:
        return peer_->unwatch(input_.octet() % 2 ? std::string_view("w") : observed_token_);
      case 7:
        if (input_.octet() % 8 == 0) peer_->moved();
        return;
      default:
        settings_ = settings_of(input_.octet());
        return peer_->use(settings_);
    }
  }

  void ask() {
    if (open_.size() >= kMostRequests) return;
    const std::uint8_t bits = input_.octet();
    Request out;
    const Code methods[] = {kGet, kPut, kPost, kFetch};
    out.method = methods[bits & 3u];
    out.path = {"o"};
    if (bits & 4u) out.body = std::make_shared<std::string>(input_.octet() % 110, 'b');
    if (bits & 8u && observing_++ < kMostObserving) out.observe = true;
    if (bits & 16u && !observed_token_.empty()) {
      out.observe = false;
      out.token = observed_token_;
    }
    in_request_ = true;
    const RequestId id = peer_->request(std::move(out));
    in_request_ = false;
    FUZZ_CHECK(id != 0 && open_.insert(id).second);
  }

  void answer() {
    if (tickets_.empty()) return;
    const auto at = tickets_.begin() + input_.octet() % static_cast<int>(tickets_.size());
    const std::uint32_t ticket = *at;
    tickets_.erase(at);
    Reply reply;
    reply.code = input_.octet() % 2 ? kChanged : kNotFound;
    reply.payload = std::string_view("0123456789abcdefghij").substr(input_.octet() % 20);
    peer_->reply(ticket, reply);
    FUZZ_CHECK(!peer_->reply(ticket, reply));
  }

  // To the last message of ours, more or less.
  void response() {
    const std::uint8_t bits = input_.octet();
    const Type types[] = {Type::ack, Type::ack, Type::con, Type::non};
    const Type type = types[bits & 3u];
    const Code codes[] = {kContent,  kContent,    kChanged, kContinue,
                          kTooLarge, kIncomplete, kEmpty,   kNotFound};
    const Code response_code = codes[bits >> 2 & 7u];
    std::string out;
    if (response_code == kEmpty) {
      write_empty(out, bits & 32u ? Type::rst : Type::ack, last_id_);
      return peer_->on_datagram(out);
    }
    const bool notification = (bits & 64u) != 0;
    const std::uint16_t id = type == Type::ack ? last_id_ : input_.octet();
    Writer writer(out, type, response_code, id, notification ? observed_token_ : last_token_);
    const std::uint8_t more = input_.octet();
    Block block = last_block_;
    if (more & 1u) block.number = input_.octet() & 3u;
    if (more & 2u) block.szx = 0;
    block.more = more & 4u;
    if (more & 8u) writer.option(option::kEtag, more & 16u ? "a" : "b");
    if (notification || more & 32u) writer.number(option::kObserve, input_.octet());
    if (more & 64u) writer.number(option::kBlock2, value_of(block));
    if (more & 128u) writer.number(option::kBlock1, value_of(block));
    writer.payload(std::string(bits & 128u ? block.size() & 63u : input_.octet() & 31u, 'p'));
    peer_->on_datagram(out);
  }

  // Of the device, whole or a block.
  void request() {
    const std::uint8_t bits = input_.octet();
    std::string out;
    Writer writer(out, bits & 1u ? Type::non : Type::con, bits & 2u ? kPost : kGet,
                  input_.octet() & 7u, "t");
    writer.option(option::kUriPath, bits & 4u ? "rd" : "dp");
    Block block{input_.octet() & 3u, (bits & 8u) != 0, static_cast<std::uint8_t>(bits >> 4 & 1u)};
    if (bits & 32u) writer.number(option::kBlock2, value_of(block));
    if (bits & 64u) writer.number(option::kBlock1, value_of(block));
    writer.payload(std::string(bits & 128u ? block.size() : input_.octet() & 63u, 'q'));
    peer_->on_datagram(out);
  }

  const std::ptrdiff_t before_ = octets_in_use;
  Input& input_;
  std::int64_t now_ = 1'000'000, timer_ = 0;
  std::uint32_t random_ = 1;
  Counters counters_;
  std::shared_ptr<const PeerSettings> settings_;
  std::set<RequestId> open_;
  std::vector<std::uint32_t> tickets_;
  std::map<std::uint16_t, std::pair<std::string, std::int64_t>> sent_;
  std::uint16_t last_id_ = 0;
  std::string last_token_, observed_token_;
  Block last_block_;
  std::size_t observing_ = 0;
  int depth_ = 0;
  bool in_request_ = false, in_callbacks_ = true;
  std::unique_ptr<Peer> peer_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World(input).run();
  return 0;
}
