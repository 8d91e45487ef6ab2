// One client: an HTTP request, then frames between the TCP connection that brings them and the
// stream on which the kernel speaks MQTT. Owned by the SDK's layer until the connection is closed.
// An open, idle one holds this object alone; what it does not understand yet (half a request, half
// the head of a frame) it leaves unread with the kernel. [its shard]
#pragma once

#include <keel/host.hpp>
#include <memory>

#include "emqx_ws/frame.hpp"
#include "emqx_ws/saved.hpp"
#include "emqx_ws/settings.hpp"
#include "emqx_ws/shard_room.hpp"

namespace ws {

class Connection final : public keel::TcpHandler, private keel::StreamHandler, public WheelItem {
 public:
  Connection(ShardRoom& room, SettingsPtr settings);
  // One that another version of the plugin had. [control, in start()]
  Connection(ShardRoom& room, SettingsPtr settings, const SavedConnection& saved);
  ~Connection() override;

  // From the wheel.
  std::uint32_t look();
  // The plugin is being unloaded: 1001.
  void say_goodbye();
  // Nobody waits any longer.
  void abandon() { connection().close().ignore(); }

  // After stop(). False: there is nothing to take over, or what cannot be. [control]
  bool save(SavedConnection& out) const;
  // Takes over the stream. [control, in start()]
  void adopt_stream(keel_handle stream);

 private:
  enum class State : std::uint8_t {
    request,  // waits for the upgrade
    open,
    closing,  // our close frame is sent, the peer's awaited
    ended     // what is written is still sent
  };
  // What few connections need.
  struct Extras {
    std::string held;  // output that tcp/1 did not take, in frames
    std::string pong;  // to be sent when it takes some again: only the last counts
    bool pong_due = false;
    DeflateTerms terms;
    std::unique_ptr<Inflater> inflater;  // of a message under way, or for good
    std::unique_ptr<Deflater> deflater;  // with takeover
  };

  std::size_t data(std::string_view bytes) override;
  void drained() override;
  void closed(const keel::Closed& why) override;
  void output(std::span<const keel_str> pieces) override;
  void writable() override;
  void stream_closed(const keel::Closed& why) override;

  std::size_t on_request(std::string_view bytes);
  void upgrade(const UpgradeAnswer& answer);
  keel::Status open_stream(const UpgradeAnswer& answer);
  void refuse(const UpgradeAnswer& answer);

  std::size_t on_frames(std::string_view bytes);
  // Payloads unmasked in place and not fed yet. Stays behind what is read.
  struct Unmasked {
    char* begin;
    std::size_t size = 0;
  };
  std::size_t on_payload(std::string_view bytes, Unmasked& unmasked);
  void on_control(Opcode opcode, std::string_view payload);
  void on_close(std::string_view payload);
  void feed(std::string_view bytes);
  void flush(Unmasked& unmasked);
  std::size_t inflate(std::string_view bytes);
  void end_compressed_message();
  void check(Inflater::Outcome outcome);

  void send_compressed(std::span<const keel_str> pieces, std::size_t size);
  void send_frame(std::uint8_t first, std::span<const keel_str> pieces, std::size_t size);
  void send_control(Opcode opcode, std::string_view payload);
  void send_close(std::uint16_t with, std::string_view reason);
  void write(std::span<const keel_str> pieces, std::size_t size);
  void congest();

  void fail(const Violation& violation);
  void begin_closing(std::uint16_t with);
  void end();
  void count_close(std::uint16_t with);
  Extras& extras();
  // A listener may have stopped to offer compression since.
  DeflateOptions deflate_options() const {
    return settings_->upgrade.compression.value_or(DeflateOptions());
  }
  std::uint32_t look_open(std::uint32_t silent);

  ShardRoom& room_;
  SettingsPtr settings_;
  keel::Stream stream_;
  std::unique_ptr<Extras> extras_;
  std::uint32_t since_;            // second of the last bytes; in `closing`, of the close frame
  std::uint32_t unconfirmed_ = 0;  // written since it was last asked how much waits; in `request`,
                                   // bytes looked at
  [[no_unique_address]] FrameReader reader_;  // what follows stands in its padding
  State state_ = State::request;
  bool compression_ : 1 = false;
  bool congested_ : 1 = false;  // the peer is slow: no output until drained()
  bool paused_ : 1 = false;     // the broker is: no data until writable()
  bool pinged_ : 1 = false;     // and nothing heard since
  bool counted_ : 1 = false;    // its end
};
static_assert(sizeof(Connection) <= 104);

}  // namespace ws
