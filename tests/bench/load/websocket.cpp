// The client's side of RFC 6455: an upgrade, then binary frames with a mask each, one for all that
// a turn wrote. The broker's frames may cut MQTT anywhere.
#include <array>
#include <cstring>

#include "clock.hpp"
#include "tunnel.hpp"

namespace keel::load {
namespace {

// Key and answer of RFC 6455, 1.3.
constexpr std::string_view kRequest =
    "GET /mqtt HTTP/1.1\r\n"
    "Host: bench\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: mqtt\r\n\r\n";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

constexpr unsigned kFinal = 0x80, kMasked = 0x80;
constexpr unsigned kContinuation = 0, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

std::uint32_t next_mask() {
  static std::uint64_t state = monotonic_ns() | 1;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return static_cast<std::uint32_t>(state >> 16);
}

void put_number(std::string& out, std::uint64_t value, int octets) {
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift & 0xff));
}

void put_frame(std::string& out, unsigned opcode, std::string_view data) {
  out.push_back(static_cast<char>(kFinal | opcode));
  if (data.size() < 126) {
    out.push_back(static_cast<char>(kMasked | data.size()));
  } else if (data.size() < 65'536) {
    out.push_back(static_cast<char>(kMasked | 126));
    put_number(out, data.size(), 2);
  } else {
    out.push_back(static_cast<char>(kMasked | 127));
    put_number(out, data.size(), 8);
  }
  const std::uint32_t mask = next_mask();
  out.append(reinterpret_cast<const char*>(&mask), sizeof mask);
  const std::size_t start = out.size();
  out.append(data);
  char* at = &out[start];
  const std::uint64_t wide = std::uint64_t{mask} << 32 | mask;
  std::size_t i = 0;
  for (; i + sizeof wide <= data.size(); i += sizeof wide) {
    std::uint64_t word = 0;
    std::memcpy(&word, at + i, sizeof word);
    word ^= wide;
    std::memcpy(at + i, &word, sizeof word);
  }
  std::array<char, sizeof mask> key{};
  std::memcpy(key.data(), &mask, sizeof mask);
  for (; i < data.size(); ++i) at[i] = static_cast<char>(at[i] ^ key[i % 4]);
}

class WebSocket final : public Tunnel {
 public:
  void begin(std::string& out) override { out += kRequest; }
  bool ready() const override { return upgraded_; }
  void seal(std::string_view mqtt, std::string& out) override { put_frame(out, kBinary, mqtt); }
  const char* unseal(std::string_view bytes, std::string& mqtt, std::string& out) override;

 private:
  const char* answer(std::string_view& bytes);
  const char* frame_head(std::string_view& bytes);
  const char* control_frame(std::string& out);

  bool upgraded_ = false;
  std::string head_;        // of the answer or of a frame, as long as it is not complete
  std::uint64_t left_ = 0;  // octets of the frame that have not come
  unsigned opcode_ = 0;
  std::string control_;  // data of a control frame
};

const char* WebSocket::unseal(std::string_view bytes, std::string& mqtt, std::string& out) {
  const char* wrong = nullptr;
  if (!upgraded_) wrong = answer(bytes);
  while (wrong == nullptr && !bytes.empty()) {
    if (left_ == 0) {
      wrong = frame_head(bytes);
      if (wrong != nullptr || !head_.empty()) continue;
    }
    const std::string_view part = bytes.substr(0, left_);
    (opcode_ >= kClose ? control_ : mqtt).append(part);
    bytes.remove_prefix(part.size());
    left_ -= part.size();
    if (left_ == 0 && opcode_ >= kClose) wrong = control_frame(out);
  }
  return wrong;
}

// Takes the answer to the upgrade off the front.
const char* WebSocket::answer(std::string_view& bytes) {
  const std::size_t before = head_.size();
  head_ += bytes;
  const std::size_t end = head_.find("\r\n\r\n");
  if (end == std::string::npos) {
    bytes = {};
    return nullptr;
  }
  if (!head_.starts_with("HTTP/1.1 101 ") || head_.find(kAccept) == std::string::npos)
    return "the upgrade to WebSocket was refused";
  bytes.remove_prefix(end + 4 - before);
  head_.clear();
  upgraded_ = true;
  return nullptr;
}

// Takes the head of a frame off the front; head_ is empty again when it is complete.
const char* WebSocket::frame_head(std::string_view& bytes) {
  const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(head_[i]); };
  for (std::size_t wanted = 2; head_.size() < wanted && !bytes.empty();) {
    head_.push_back(bytes[0]);
    bytes.remove_prefix(1);
    if (head_.size() < 2) continue;
    if ((octet(1) & kMasked) != 0) return "a frame of the broker has a mask";
    wanted = octet(1) == 127 ? 10 : octet(1) == 126 ? 4 : 2;
    if (head_.size() < wanted) continue;
    left_ = wanted == 2 ? octet(1) : 0;
    for (std::size_t i = 2; i < wanted; ++i) left_ = left_ << 8 | octet(i);
    opcode_ = octet(0) & 0x0f;
    if (opcode_ != kContinuation && opcode_ != kBinary && opcode_ < kClose)
      return "a frame that is not binary";
    head_.clear();
    return nullptr;
  }
  return nullptr;
}

const char* WebSocket::control_frame(std::string& out) {
  if (opcode_ == kClose) return "a close frame";
  if (opcode_ == kPing) put_frame(out, kPong, control_);
  control_.clear();
  return nullptr;
}

}  // namespace

std::unique_ptr<Tunnel> make_websocket() { return std::make_unique<WebSocket>(); }

}  // namespace keel::load
