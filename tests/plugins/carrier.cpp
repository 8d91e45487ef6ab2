// Carries MQTT over a TCP connection of its own, whose first line states the client's address as a
// proxy would; an empty line states none.
#include <memory>
#include <span>
#include <string_view>

#include "keel/plugin.hpp"

namespace {

class Carried final : public keel::TcpHandler, private keel::StreamHandler {
 public:
  explicit Carried(keel::Host& host) : host_(host) {}

  std::size_t data(std::string_view bytes) override {
    const std::size_t end = stream_ ? 0 : bytes.find('\n') + 1;
    if (!stream_ && end == 0) return 0;
    if (!stream_ && !open(bytes.substr(0, end - 1))) return bytes.size();
    if (!stream_.feed(bytes.substr(end))) connection().close().ignore();
    return bytes.size();
  }
  void closed(const keel::Closed&) override { stream_ = {}; }

 private:
  bool open(std::string_view stated) {
    const keel::Address peer = keel::Address::parse(stated).value_or(keel::Address());
    const keel::Status opened =
        host_.streams().open({.connection = connection().id(), .peer = peer}, *this).into(stream_);
    if (opened) return true;
    connection().write(opened.text()).ignore();
    connection().shutdown().ignore();
    return false;
  }
  void output(std::span<const keel_str> pieces) override {
    connection().write(pieces.data(), pieces.size()).ignore();
  }
  void stream_closed(const keel::Closed&) override { connection().shutdown().ignore(); }

  keel::Host& host_;
  keel::Stream stream_;
};

class Carrier final : public keel::Plugin {
 public:
  using Plugin::Plugin;

  keel::Status start() override {
    return host().tcp().listen(
        {.address = "127.0.0.1:0", .name = "carrier", .proto = "mqtt:carried"},
        [this](const keel::TcpInfo&) { return std::make_unique<Carried>(host()); });
  }
};

}  // namespace

KEEL_PLUGIN(Carrier, "carrier", "1.0.0", "an animal of the zoo");
