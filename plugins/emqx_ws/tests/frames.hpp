// Frames as a client sends them, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ws_test {

constexpr std::uint8_t kFin = 0x80, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

struct FrameOptions {
  std::uint32_t mask = 0x3d21fa37;
  bool masked = true;
  int length_bytes = -1;  // 0, 2 or 8; -1: as short as possible
};

// `first`: opcode and flags.
inline std::string frame(std::uint8_t first, std::string_view payload, FrameOptions how = {}) {
  const std::size_t size = payload.size();
  int bytes = how.length_bytes;
  if (bytes < 0) bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  std::string out(1, static_cast<char>(first));
  const std::size_t length = bytes == 0 ? size : bytes == 2 ? 126 : 127;
  out += static_cast<char>((how.masked ? 0x80 : 0) | length);
  for (int i = bytes; i-- > 0;) out += static_cast<char>(std::uint64_t{size} >> (8 * i));
  if (!how.masked) return out.append(payload);
  char key[4];
  for (int i = 0; i < 4; ++i) key[i] = static_cast<char>(how.mask >> (8 * i));
  out.append(key, 4);
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}
inline std::string binary(std::string_view payload) { return frame(kFin | kBinary, payload); }

inline std::string close_payload(int code, std::string_view reason = {}) {
  std::string out{static_cast<char>(code >> 8), static_cast<char>(code)};
  return out.append(reason);
}
inline std::string close_frame(int code, std::string_view reason = {}) {
  return frame(kFin | kClose, close_payload(code, reason));
}
// As the broker sends it.
inline std::string from_server(std::uint8_t first, std::string_view payload) {
  return frame(first, payload, {.masked = false});
}
inline std::string server_close(int code) {
  return from_server(kFin | kClose, close_payload(code));
}

// A request that is accepted; more headers end with \r\n.
inline std::string request(std::string_view more = "Sec-WebSocket-Protocol: mqtt\r\n",
                           std::string_view path = "/mqtt") {
  return std::string("GET ")
      .append(path)
      .append(
          " HTTP/1.1\r\nHost: broker:8083\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n")
      .append(more)
      .append("\r\n");
}

}  // namespace ws_test
