// A stream of a plugin's: the kernel speaks MQTT on bytes that the plugin carries. See stream.h.
// [shard]
#pragma once

#include <memory>
#include <string>

#include "keel/ext/stream.h"
#include "kernel/net/stream_link.hpp"
#include "kernel/plugin/host_object.hpp"
#include "kernel/plugin/host_thread.hpp"

namespace keel::kernel {

class PluginStream final : public HostObject, private StreamUser {
 public:
  // `callbacks` stay as long as the slot.
  PluginStream(Slot& slot, std::uint32_t shard, const keel_stream_callbacks& callbacks, void* ctx)
      : HostObject(slot, ObjectKind::stream, shard), callbacks_(&callbacks), ctx_(ctx) {}

  Result<void> open(HostThread& thread, PeerInfo peer);

  void begin() override;
  void revoke() override;
  bool park() override;
  // The next version's callbacks. [control, while parked]
  void rebind(const keel_stream_callbacks& callbacks, void* ctx) {
    callbacks_ = &callbacks;
    ctx_ = ctx;
  }

  // Null: it has ended.
  StreamEnd* end() const { return end_.get(); }
  StreamEnd::Fed feed(std::string_view bytes);
  // The bytes that feed() left in place: `room` bytes before them may be overwritten, as they may.
  void take_in_place(std::string_view fed, std::size_t room);
  // The same where that is not so.
  void take_copied(std::string_view fed);
  // The plugin gave it up: nothing is called any more.
  void give_up();

 private:
  struct Closed {
    CloseCause cause;
    std::string detail;
  };

  HostThread& home() const;
  void settle();
  void on_batch(OutBuffer& batch) override;
  void on_output(const iovec* pieces, int count) override;
  void on_writable() override;
  void on_closed(CloseCause cause, std::string_view detail) override;
  void report(CloseCause cause, std::string_view detail);
  void call_closed(std::uint32_t reason, std::string_view detail);

  const keel_stream_callbacks* callbacks_;
  void* ctx_;
  std::unique_ptr<StreamEnd> end_;
  std::unique_ptr<Closed> closed_;  // while parked
  bool parked_ = false;
  bool writable_due_ = false;
};

}  // namespace keel::kernel
