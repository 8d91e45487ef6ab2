#include "emqx_ws/metrics.hpp"

#include <algorithm>

namespace ws {

keel::Status Metrics::start(keel::Host& host) {
  const keel::Metrics& metrics = host.metrics();
  KEEL_TRY(metrics.counter("ws_upgrades_total", "WebSockets opened").into(upgrades_));
  KEEL_TRY(metrics.counter("ws_frames_in_total", "Frames of clients").into(frames_in_));
  KEEL_TRY(metrics.counter("ws_frames_out_total", "Frames to clients").into(frames_out_));
  KEEL_TRY(metrics.counter("ws_bytes_in_total", "MQTT bytes in frames of clients").into(bytes_in_));
  KEEL_TRY(metrics.counter("ws_bytes_out_total", "MQTT bytes in frames to them").into(bytes_out_));
  for (std::size_t i = 0; i < kStatus.size(); ++i) {
    const std::string label = keel::concat("status=\"", kStatus[i], '"');
    KEEL_TRY(metrics.counter("ws_refused_total", "Upgrade requests refused", label.c_str())
                 .into(refused_[i]));
  }
  for (std::size_t i = 0; i < kCodes.size(); ++i) {
    const std::string label =
        kCodes[i] ? keel::concat("code=\"", kCodes[i], '"') : "code=\"other\"";
    KEEL_TRY(metrics
                 .counter("ws_closed_total", "WebSockets ended, by close code; 1006: without one",
                          label.c_str())
                 .into(closed_[i]));
  }
  return {};
}

void Metrics::refused(int status) const {
  const auto at = std::find(kStatus.begin(), kStatus.end(), status);
  if (at != kStatus.end()) refused_[static_cast<std::size_t>(at - kStatus.begin())].add();
}

void Metrics::closed(std::uint16_t code) const {
  const auto at = std::find(kCodes.begin(), kCodes.end() - 1, code);
  closed_[static_cast<std::size_t>(at - kCodes.begin())].add();
}

void Metrics::add(const Traffic& traffic) const {
  if (traffic.frames_in != 0) frames_in_.add(traffic.frames_in);
  if (traffic.frames_out != 0) frames_out_.add(traffic.frames_out);
  if (traffic.bytes_in != 0) bytes_in_.add(traffic.bytes_in);
  if (traffic.bytes_out != 0) bytes_out_.add(traffic.bytes_out);
}

}  // namespace ws
