// permessage-deflate (RFC 7692): what is agreed on, and the two directions on zlib. An Inflater
// holds up to 40 KiB, a Deflater up to 264 KiB. Not shared between threads.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ws {

// As the settings want it.
struct DeflateOptions {
  int level = Z_DEFAULT_COMPRESSION;
  int mem_level = 8;
  int strategy = Z_DEFAULT_STRATEGY;
  bool server_takeover = false, client_takeover = false;
  int server_bits = 15, client_bits = 15;
  std::uint64_t max_inflated = 0;  // of one message; 0: none
};

// As agreed with one client.
struct DeflateTerms {
  bool server_takeover = false, client_takeover = false;
  std::uint8_t server_bits = 15, client_bits = 15;
};

struct DeflateOffer {
  DeflateTerms terms;
  std::string answer;  // for Sec-WebSocket-Extensions
};
// The first acceptable offer in a Sec-WebSocket-Extensions of a client; none: no compression. False
// in `well_formed` when the header breaks the grammar.
std::optional<DeflateOffer> negotiate(std::string_view header, const DeflateOptions& options,
                                      bool& well_formed);

class Inflater {
 public:
  enum class Outcome : std::uint8_t { ok, broken, too_big };

  explicit Inflater(int bits);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // The next bytes of a message; `out` hears what they say, in portions. `limit`: of the message.
  Outcome add(std::string_view compressed, std::uint64_t limit,
              const std::function<void(std::string_view)>& out);
  // Ends a message.
  Outcome end(std::uint64_t limit, const std::function<void(std::string_view)>& out);
  // Forgets everything.
  void reset();

  // What later messages may refer to, between messages.
  std::string window() const;
  void set_window(std::string_view window);

 private:
  // Inflating is done in portions of what the window may need at most.
  static constexpr std::size_t kPortion = 16 * 1024;

  z_stream z_{};
  std::uint64_t inflated_ = 0;  // of this message
  bool ended_ = false;          // by a final block within it
};

class Deflater {
 public:
  Deflater(const DeflateOptions& options, int bits);
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // One message, appended to `out`.
  void message(std::span<const std::string_view> pieces, std::string& out);
  void reset();
  std::string window() const;
  void set_window(std::string_view window);

 private:
  z_stream z_{};
};

}  // namespace ws
