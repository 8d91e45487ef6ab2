// The frame reader against tables in the order of the Autobahn suite: each case is what a client
// sends, and what comes of it. Each runs whole, byte by byte, and in pieces of seven.
#include <doctest/doctest.h>

#include <vector>

#include "emqx_ws/frame.hpp"
#include "emqx_ws/tests/frames.hpp"

namespace {

using namespace ws_test;
using ws::FrameReader, ws::Opcode;

// What a reader makes of bytes that come in pieces: "bin:..." for payload, "end;" for messages,
// "ping:...", "close:...", "!1002" at a violation, "..." when a frame is not complete.
std::string read(std::string_view in, std::size_t piece, const FrameReader::Limits& limits = {}) {
  FrameReader reader;
  std::string out, held, payload;
  const auto end_message = [&] {
    const bool compressed = reader.compressed();
    if (!reader.take_message_end()) return;
    out += (compressed ? "zip:" : "bin:") + payload + ';';
    payload.clear();
  };
  while (!in.empty() || !held.empty()) {
    const std::string_view next = in.substr(0, piece);
    in.remove_prefix(next.size());
    held += next;
    for (;;) {
      if (reader.payload() != 0) {
        if (held.empty()) break;
        char buffer[64];
        const std::size_t n = reader.take(held, buffer, sizeof buffer);
        payload.append(buffer, n);
        held.erase(0, n);
        end_message();
        continue;
      }
      char control[ws::kMaxControl];
      std::size_t size = 0;
      const FrameReader::Step step = reader.step(held, limits, control, size);
      if (step.event == FrameReader::Event::need_more) break;
      if (step.event == FrameReader::Event::violation) {
        CHECK(*step.violation.text != '\0');
        return out + '!' + std::to_string(step.violation.code);
      }
      held.erase(0, step.consumed);
      if (step.event == FrameReader::Event::control) {
        out += step.opcode == Opcode::ping   ? "ping:"
               : step.opcode == Opcode::pong ? "pong:"
                                             : "close:";
        out.append(control, size) += ';';
      }
      end_message();
    }
    if (in.empty()) break;
  }
  CHECK(held.size() < ws::kMaxHead + ws::kMaxControl);  // what is left unread is bounded
  if (!held.empty() || reader.payload() != 0) out += "...";
  return out;
}

std::string read_every_way(std::string_view in, const FrameReader::Limits& limits = {}) {
  const std::string whole = read(in, std::string_view::npos, limits);
  if (in.size() < 3000) CHECK(read(in, 1, limits) == whole);
  CHECK(read(in, 7, limits) == whole);
  return whole;
}

struct Case {
  const char* what;
  std::string in, out;
};
void check(const std::vector<Case>& cases, const FrameReader::Limits& limits = {}) {
  for (const Case& each : cases) {
    CAPTURE(each.what);
    CHECK(read_every_way(each.in, limits) == each.out);
  }
}

std::string letters(std::size_t n) {
  std::string out(n, 'a');
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<char>('a' + i % 26);
  return out;
}

}  // namespace

TEST_CASE("payloads of every length encoding") {
  for (const std::size_t n :
       {0u,   1u,   2u,   3u,   4u,   5u,   7u,     8u,     9u,     124u,
        125u, 126u, 127u, 128u, 255u, 256u, 65535u, 65536u, 65537u, 200000u}) {
    CAPTURE(n);
    CHECK(read_every_way(binary(letters(n))) == "bin:" + letters(n) + ';');
  }
}

TEST_CASE("lengths must be as short as possible, and fit 63 bits") {
  std::string huge = frame(kFin | kBinary, "");
  huge[1] = static_cast<char>(0xff);
  huge.insert(2, "\xff\xff\xff\xff\xff\xff\xff\xff");
  check({
      {"0 in two bytes", frame(kFin | kBinary, "", {.length_bytes = 2}), "!1002"},
      {"125 in two bytes", frame(kFin | kBinary, letters(125), {.length_bytes = 2}), "!1002"},
      {"126 in two bytes", frame(kFin | kBinary, letters(126), {.length_bytes = 2}),
       "bin:" + letters(126) + ';'},
      {"125 in eight bytes", frame(kFin | kBinary, letters(125), {.length_bytes = 8}), "!1002"},
      {"65535 in eight bytes", frame(kFin | kBinary, letters(65535), {.length_bytes = 8}), "!1002"},
      {"2^64-1", huge, "!1002"},
  });
}

TEST_CASE("pings and pongs") {
  check({
      {"empty ping", frame(kFin | kPing, ""), "ping:;"},
      {"ping with text", frame(kFin | kPing, "Hello"), "ping:Hello;"},
      {"ping with all bytes", frame(kFin | kPing, std::string("\0\xff\xfe", 3)),
       "ping:" + std::string("\0\xff\xfe", 3) + ';'},
      {"ping of 125", frame(kFin | kPing, letters(125)), "ping:" + letters(125) + ';'},
      {"ping of 126", frame(kFin | kPing, letters(126)), "!1002"},
      {"unsolicited pong", frame(kFin | kPong, "x"), "pong:x;"},
      {"pong, ping", frame(kFin | kPong, "") + frame(kFin | kPing, "y"), "pong:;ping:y;"},
      {"fragmented ping", frame(kPing, "x"), "!1002"},
      {"fragmented pong", frame(kPong, "x"), "!1002"},
      {"fragmented close", frame(kClose, close_payload(1000)), "!1002"},
      {"close of 126", frame(kFin | kClose, letters(126)), "!1002"},
  });
}

TEST_CASE("reserved bits") {
  for (const std::uint8_t bit : {0x40, 0x20, 0x10, 0x30, 0x70}) {
    const auto with = [bit](int opcode) { return static_cast<std::uint8_t>(kFin | opcode | bit); };
    check({
        {"binary", frame(with(kBinary), "x"), "!1002"},
        {"after a message", binary("a") + frame(with(kBinary), "x"), "bin:a;!1002"},
        {"continuation", frame(kBinary, "a") + frame(with(0), "x"), "!1002"},
        {"ping", frame(with(kPing), "x"), "!1002"},
        {"close", frame(with(kClose), ""), "!1002"},
    });
  }
  check({{"compressed when agreed", frame(kFin | kBinary | 0x40, "x"), "zip:x;"},
         {"in fragments", frame(kBinary | 0x40, "x") + frame(kFin, "y"), "zip:xy;"},
         {"and not compressed", frame(kFin | kBinary, "x"), "bin:x;"},
         {"said again by a continuation", frame(kBinary | 0x40, "x") + frame(kFin | 0x40, "y"),
          "!1002"},
         {"on a ping", frame(kFin | kPing | 0x40, "x"), "!1002"},
         {"another bit", frame(kFin | kBinary | 0x20, "x"), "!1002"}},
        {.compression = true});
}

TEST_CASE("reserved opcodes") {
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    CAPTURE(opcode);
    CHECK(read_every_way(frame(static_cast<std::uint8_t>(kFin | opcode), "x")) == "!1002");
    CHECK(read_every_way(binary("a") + frame(static_cast<std::uint8_t>(kFin | opcode), "")) ==
          "bin:a;!1002");
  }
}

TEST_CASE("fragmentation") {
  const std::string ping = frame(kFin | kPing, "p");
  check({
      {"two", frame(kBinary, "ab") + frame(kFin, "cd"), "bin:abcd;"},
      {"three", frame(kBinary, "ab") + frame(0, "cd") + frame(kFin, "ef"), "bin:abcdef;"},
      {"empty ones", frame(kBinary, "") + frame(0, "") + frame(kFin, ""), "bin:;"},
      {"ping between", frame(kBinary, "ab") + ping + frame(kFin, "cd"), "ping:p;bin:abcd;"},
      {"pings everywhere",
       ping + frame(kBinary, "a") + ping + frame(0, "b") + ping + frame(kFin, "c") + ping,
       "ping:p;ping:p;ping:p;bin:abc;ping:p;"},
      {"close between", frame(kBinary, "a") + close_frame(1000), "close:\x03\xe8;"},
      {"continuation of nothing", frame(kFin, "a"), "!1002"},
      {"open continuation of nothing", frame(0, "a"), "!1002"},
      {"continuation after the end", binary("a") + frame(kFin, "b"), "bin:a;!1002"},
      {"a message within", frame(kBinary, "a") + binary("b"), "!1002"},
      {"an open message within", frame(kBinary, "a") + frame(kBinary, "b"), "!1002"},
      {"never ends", frame(kBinary, "a") + frame(0, "b"), ""},
      {"two messages",
       frame(kBinary, "a") + frame(kFin, "b") + frame(kBinary, "c") + frame(kFin, "d"),
       "bin:ab;bin:cd;"},
  });
}

TEST_CASE("text is refused, also in a continuation's place") {
  check({{"whole", frame(kFin | kText, "x"), "!1003"},
         {"fragment", frame(kText, "x"), "!1003"},
         {"empty", frame(kFin | kText, ""), "!1003"},
         {"after binary", binary("a") + frame(kFin | kText, "x"), "bin:a;!1003"}});
}

TEST_CASE("masks") {
  check({{"none", frame(kFin | kBinary, "abc", {.masked = false}), "!1002"},
         {"none on a ping", frame(kFin | kPing, "", {.masked = false}), "!1002"},
         {"zero", frame(kFin | kBinary, "abcdefghijk", {.mask = 0}), "bin:abcdefghijk;"},
         {"ones", frame(kFin | kBinary, "abcdefghijk", {.mask = 0xffffffff}), "bin:abcdefghijk;"},
         {"each frame its own",
          frame(kBinary, "abcde", {.mask = 1}) + frame(kFin, "fghij", {.mask = 0x80000000}),
          "bin:abcdefghij;"}});
}

TEST_CASE("unmasking in any pieces and at any alignment is the same") {
  const std::string text = letters(100);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    std::string once(text.size() + 1, '?'), twice(text.size(), '?');
    const std::uint32_t after = ws::unmask(text.data(), once.data() + 1, text.size(), 0x12345678);
    std::uint32_t mask = ws::unmask(text.data(), twice.data(), cut, 0x12345678);
    mask = ws::unmask(text.data() + cut, twice.data() + cut, text.size() - cut, mask);
    CHECK(mask == after);
    CHECK(std::string_view(once).substr(1) == twice);
    ws::unmask(twice.data(), twice.data(), twice.size(), 0x12345678);
    CHECK(twice == text);
  }
}

TEST_CASE("frames above the limit") {
  check({{"at it", binary(letters(1000)), "bin:" + letters(1000) + ';'},
         {"above", binary(letters(1001)), "!1009"},
         {"in fragments each may have as much", frame(kBinary, letters(1000)) + frame(kFin, "x"),
          "bin:" + letters(1000) + "x;"},
         {"a fragment above", frame(kBinary, "x") + frame(kFin, letters(1001)), "!1009"}},
        {.max_frame = 1000});
  const std::string head = binary(letters(70000)).substr(0, 14);
  CHECK(read_every_way(head, {.max_frame = 65536}) == "!1009");  // before any payload
}

TEST_CASE("what is cut off waits") {
  const std::string all =
      frame(kBinary, "ab") + frame(kFin | kPing, "p") + frame(kFin, letters(300));
  for (std::size_t n = 1; n < all.size(); ++n) {
    const std::string out = read_every_way(std::string_view(all).substr(0, n));
    CHECK(out.find('!') == std::string::npos);
    CHECK(out.find("bin:") == std::string::npos);
  }
}

TEST_CASE("the state of one reader is enough for another to go on") {
  const std::string all = frame(kBinary, letters(50)) + frame(kFin, letters(50));
  for (std::size_t cut = 6; cut < 56; ++cut) {
    char control[ws::kMaxControl], to[128];
    std::size_t size = 0;
    FrameReader first;
    REQUIRE(first.step(all, {}, control, size).event == FrameReader::Event::data);
    std::size_t got = first.take(std::string_view(all).substr(6, cut - 6), to, sizeof to);
    FrameReader second(first.state());
    got += second.take(std::string_view(all).substr(cut), to + got, sizeof to);
    CHECK(std::string_view(to, got) == letters(50));
    CHECK(second.in_message());
  }
}

TEST_CASE("heads of our frames") {
  const auto head = [](std::uint64_t size) {
    char to[ws::kMaxServerHead];
    return std::string(to, ws::write_head(to, 0x82, size));
  };
  for (const std::size_t n : {0u, 1u, 125u, 126u, 65535u, 65536u, 70000u}) {
    const std::string whole = from_server(kFin | kBinary, letters(n));
    CHECK(head(n) == whole.substr(0, whole.size() - n));
  }
  CHECK(head(std::uint64_t{1} << 40) == std::string("\x82\x7f\0\0\1\0\0\0\0\0", 10));
}

TEST_CASE("close codes") {
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                         3000, 3999, 4000, 4999}) {
    CAPTURE(code);
    const std::string payload = close_payload(code, "bye");
    CHECK(ws::read_close(payload).code == code);
    CHECK(ws::read_close(payload).reason == "bye");
    CHECK(ws::read_close(payload).violation.code == 0);
  }
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    CAPTURE(code);
    CHECK(ws::read_close(close_payload(code)).violation.code == 1002);
  }
  CHECK(ws::read_close("").code == ws::code::none);
  CHECK(ws::read_close("").violation.code == 0);
  CHECK(ws::read_close("\x03").violation.code == 1002);
}

TEST_CASE("close reasons must be UTF-8") {
  for (const char* good :
       {"", "bye", "\xce\xba\xe1\xbd\xb9\xcf\x83", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    CAPTURE(good);
    CHECK(ws::read_close(close_payload(1000, good)).violation.code == 0);
  }
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe0\x80\x80",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "ok\xc3\x28"}) {
    CAPTURE(bad);
    CHECK(ws::read_close(close_payload(1000, bad)).violation.code == 1007);
  }
}
