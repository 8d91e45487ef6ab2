// WebSocket frames: a reader takes any bytes, says the same for them whole and in pieces, leaves a
// bounded rest unread, and what it lets through is what the rules allow. Then inflating.
#include <cstdint>
#include <string>
#include <string_view>

#include "check.hpp"
#include "emqx_ws/deflate.hpp"
#include "emqx_ws/frame.hpp"

namespace {

// All that comes of the bytes, in one text; messages that are compressed are inflated.
std::string read(std::string_view in, std::size_t piece, bool compression) {
  ws::FrameReader reader;
  ws::Inflater inflater(15);
  std::string out, held;
  const auto take = [&](std::string_view part) { out += part; };
  while (!in.empty()) {
    held += in.substr(0, piece);
    in.remove_prefix(std::min(piece, in.size()));
    for (;;) {
      if (reader.payload() != 0) {
        if (held.empty()) break;
        char buffer[100];
        const std::size_t n = reader.take(held, buffer, sizeof buffer);
        FUZZ_CHECK(n != 0 && n <= held.size());
        held.erase(0, n);
        if (!reader.compressed()) {
          out.append(buffer, n);
        } else if (inflater.add({buffer, n}, 100'000, take) != ws::Inflater::Outcome::ok) {
          return out + '?';
        }
      } else {
        char control[ws::kMaxControl];
        std::size_t size = 0;
        const auto step = reader.step(held, {50'000, compression}, control, size);
        if (step.event == ws::FrameReader::Event::need_more) break;
        if (step.event == ws::FrameReader::Event::violation) {
          return out + '!' + std::to_string(step.violation.code);
        }
        FUZZ_CHECK(step.consumed >= 6 && step.consumed <= held.size() && size <= sizeof control);
        held.erase(0, step.consumed);
        if (step.event == ws::FrameReader::Event::control) {
          out.append(1, '<').append(control, size).append(1, '>');
          if (step.opcode == ws::Opcode::close) {
            const ws::CloseInfo said = ws::read_close({control, size});
            out += std::to_string(said.violation.code != 0 ? said.violation.code : said.code);
          }
        } else {
          FUZZ_CHECK(reader.payload() <= 50'000);
          FUZZ_CHECK(compression || !reader.compressed());
        }
      }
      if (reader.payload() != 0) continue;
      const bool compressed = reader.compressed();
      if (!reader.take_message_end()) continue;
      out += ';';
      if (compressed && inflater.end(100'000, take) != ws::Inflater::Outcome::ok) return out + '?';
    }
    FUZZ_CHECK(held.size() < ws::kMaxHead + ws::kMaxControl);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool compression = data[0] & 1;
  const std::string whole = read(bytes, std::string_view::npos, compression);
  const std::string pieces = read(bytes, 1 + data[0] / 2, compression);
  // A broken deflate stream may say more or less before it is found out.
  if (!whole.ends_with('?')) FUZZ_CHECK(pieces == whole);
  return 0;
}
