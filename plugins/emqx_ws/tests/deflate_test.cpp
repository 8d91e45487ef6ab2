// permessage-deflate: what is agreed on, and what comes out.
#include <doctest/doctest.h>

#include <random>

#include "emqx_ws/deflate.hpp"

namespace {

using Outcome = ws::Inflater::Outcome;

std::string deflated(ws::Deflater& deflater, std::string_view text) {
  std::string out;
  const std::string_view pieces[] = {text.substr(0, text.size() / 3), text.substr(text.size() / 3)};
  deflater.message(pieces, out);
  return out;
}

Outcome inflated(ws::Inflater& inflater, std::string_view packed, std::string& out,
                 std::uint64_t limit = 0, std::size_t piece = 1024) {
  const auto take = [&](std::string_view part) { out += part; };
  for (; !packed.empty(); packed.remove_prefix(std::min(piece, packed.size()))) {
    const Outcome outcome = inflater.add(packed.substr(0, piece), limit, take);
    if (outcome != Outcome::ok) return outcome;
  }
  return inflater.end(limit, take);
}

std::vector<std::string> samples() {
  std::mt19937 random(7);
  std::string noise(70000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "sensors/" + std::to_string(i % 17) + "/temperature 21.5;";
  return {"", "a", "Hello", std::string(100, 'x'), text, noise, std::string(1 << 20, '\0'), text};
}

std::string agreed(std::string_view offer, const ws::DeflateOptions& options = {}) {
  bool well_formed = true;
  const auto out = ws::negotiate(offer, options, well_formed);
  if (!well_formed) return "malformed";
  return out ? out->answer : "none";
}

constexpr const char* kNeither =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

}  // namespace

TEST_CASE("round trips, with and without takeover, for every window and in any pieces") {
  for (int bits = 9; bits <= 15; ++bits) {
    for (const bool takeover : {false, true}) {
      ws::Deflater deflater({}, bits);
      ws::Inflater inflater(bits);
      for (const std::string& sample : samples()) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{1024}}) {
          if (piece == 1 && sample.size() > 5000) continue;
          std::string out;
          CAPTURE(bits);
          CAPTURE(takeover);
          CAPTURE(sample.size());
          CAPTURE(piece);
          CHECK(inflated(inflater, deflated(deflater, sample), out, 0, piece) == Outcome::ok);
          CHECK((out == sample));
          if (takeover) continue;
          deflater.reset();
          inflater.reset();
        }
      }
    }
  }
}

TEST_CASE("the example of RFC 7692, whole, in two halves, and again by reference") {
  ws::Inflater inflater(15);
  std::string out;
  CHECK(inflated(inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00" + std::string(1, '\0'), out, 0, 3) ==
        Outcome::ok);
  CHECK(out == "Hello");
}

TEST_CASE("blocks that say they are the last end no message") {
  ws::Inflater inflater(15);
  for (int i = 0; i < 2; ++i) {
    std::string out;
    // RFC 7692, section 7.2.3.5: a final block, and an empty one with the tail taken off.
    CHECK(inflated(inflater, std::string("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8), out) ==
          Outcome::ok);
    CHECK(out == "Hello");
  }
}

TEST_CASE("a window outlives its context") {
  ws::Deflater deflater({}, 15);
  ws::Inflater inflater(15);
  const std::string text = samples()[4];
  std::string out;
  REQUIRE(inflated(inflater, deflated(deflater, text), out) == Outcome::ok);
  ws::Deflater next_deflater({}, 15);
  next_deflater.set_window(deflater.window());
  ws::Inflater next_inflater(15);
  next_inflater.set_window(inflater.window());
  const std::string packed = deflated(next_deflater, text);
  CHECK(packed.size() < 1000);  // it refers to what went before
  out.clear();
  CHECK(inflated(next_inflater, packed, out) == Outcome::ok);
  CHECK((out == text));
  ws::Inflater blank(15);
  CHECK(inflated(blank, packed, out) == Outcome::broken);
}

TEST_CASE("bombs stop at the limit, with little more than that inflated") {
  ws::Deflater deflater({}, 15);
  const std::string packed = deflated(deflater, std::string(50 << 20, '\0'));
  CHECK(packed.size() < 60'000);
  ws::Inflater inflater(15);
  std::string out;
  CHECK(inflated(inflater, packed, out, 1 << 20) == Outcome::too_big);
  CHECK(out.size() <= 1 << 20);
}

TEST_CASE("the limit is each message's own") {
  ws::Deflater deflater({}, 15);
  ws::Inflater inflater(15);
  for (int i = 0; i < 5; ++i) {
    std::string out;
    CHECK(inflated(inflater, deflated(deflater, std::string(1000, 'x')), out, 1000) == Outcome::ok);
  }
  std::string out;
  CHECK(inflated(inflater, deflated(deflater, std::string(1001, 'x')), out, 1000) ==
        Outcome::too_big);
}

TEST_CASE("what is no deflate stream is noticed") {
  for (const std::string_view bad :
       {std::string_view("\xff\xff\xff\xff"), std::string_view("\x07\x07\x07")}) {
    ws::Inflater inflater(15);
    std::string out;
    CHECK(inflated(inflater, bad, out) == Outcome::broken);
  }
}

TEST_CASE("offers") {
  struct Case {
    const char *offer, *answer;
  };
  for (const Case& each : std::initializer_list<Case>{
           {"permessage-deflate", kNeither},
           {"permessage-deflate; client_max_window_bits", kNeither},
           {"permessage-deflate; client_max_window_bits=15", kNeither},
           {"permessage-deflate; client_max_window_bits=\"15\"", kNeither},
           {"permessage-deflate ; server_no_context_takeover", kNeither},
           {"permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "server_max_window_bits=10"},
           {"permessage-deflate; client_max_window_bits=9",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "client_max_window_bits=9"},
           {"x-webkit-deflate-frame, permessage-deflate", kNeither},
           {"permessage-deflate; server_max_window_bits=8, permessage-deflate", kNeither},
           {"permessage-deflate; server_max_window_bits=8", "none"},
           {"permessage-deflate; server_max_window_bits=16", "none"},
           {"permessage-deflate; server_max_window_bits=7", "none"},
           {"permessage-deflate; server_max_window_bits=010", "none"},
           {"permessage-deflate; server_max_window_bits", "none"},
           {"permessage-deflate; server_max_window_bits=9x", "none"},
           {"permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", "none"},
           {"permessage-deflate; client_max_window_bits=16", "none"},
           {"permessage-deflate; client_max_window_bits; client_max_window_bits", "none"},
           {"permessage-deflate; server_no_context_takeover=1", "none"},
           {"permessage-deflate; client_no_context_takeover; client_no_context_takeover", "none"},
           {"permessage-deflate; unknown", "none"},
           {"permessage-bzip2", "none"},
           {"", "none"},
           {",,", "none"},
           {"permessage-deflate;", "malformed"},
           {"permessage-deflate; =3", "malformed"},
           {"permessage-deflate; client_max_window_bits=", "malformed"},
           {"permessage-deflate; client_max_window_bits=\"1", "malformed"},
           {"permessage-deflate client_max_window_bits", "malformed"},
           {"permessage-deflate, ;", "malformed"},
       }) {
    CAPTURE(each.offer);
    CHECK(agreed(each.offer) == each.answer);
  }
}

TEST_CASE("the settings have their say in what is agreed on") {
  ws::DeflateOptions options;
  options.server_takeover = options.client_takeover = true;
  CHECK(agreed("permessage-deflate", options) == "permessage-deflate");
  CHECK(agreed("permessage-deflate; server_no_context_takeover", options) ==
        "permessage-deflate; server_no_context_takeover");
  CHECK(agreed("permessage-deflate; client_no_context_takeover", options) ==
        "permessage-deflate; client_no_context_takeover");
  options.server_bits = 12;
  options.client_bits = 11;
  CHECK(agreed("permessage-deflate", options) == "permessage-deflate; server_max_window_bits=12");
  CHECK(agreed("permessage-deflate; client_max_window_bits; server_max_window_bits=10", options) ==
        "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11");
}
