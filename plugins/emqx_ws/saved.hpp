// What one version of the plugin tells the next about its connections, as bytes. Values; any
// thread.
#pragma once

#include <keel/abi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_ws/deflate.hpp"
#include "emqx_ws/frame.hpp"

namespace ws {

struct SavedConnection {
  keel_handle connection = 0, stream = 0;
  std::uint32_t shard = 0;
  std::uint8_t state = 0;  // Connection::State
  bool compression = false, counted = false;
  std::string listener;
  FrameReader::State reader{};
  DeflateTerms terms;
  std::string held;                            // output
  std::string inflate_window, deflate_window;  // with takeover
};

constexpr std::uint32_t kStateSchema = 1;

void append(std::string& blob, const SavedConnection& connection);
// False: not written by append().
bool read_saved(std::string_view blob, std::vector<SavedConnection>& out);

}  // namespace ws
