// What one version tells the next.
#include <doctest/doctest.h>

#include "emqx_ws/saved.hpp"

TEST_CASE("connections go through the blob unchanged; one that is cut off is refused") {
  ws::SavedConnection one;
  one.connection = 0x1234567890;
  one.stream = 7;
  one.shard = 1;
  one.state = 1;
  one.compression = true;
  one.listener = "ws:external";
  one.reader = {65, 0xaabbccdd, 3};
  one.terms = {true, false, 12, 15};
  one.held = "held";
  one.inflate_window = std::string(32768, 'w');
  std::string blob;
  ws::append(blob, one);
  ws::append(blob, {});
  std::vector<ws::SavedConnection> out;
  REQUIRE(ws::read_saved(blob, out));
  REQUIRE(out.size() == 2);
  const ws::SavedConnection& got = out[0];
  CHECK(got.connection == one.connection);
  CHECK(got.stream == one.stream);
  CHECK(got.shard == one.shard);
  CHECK(got.state == one.state);
  CHECK(got.compression);
  CHECK(!got.counted);
  CHECK(got.listener == one.listener);
  CHECK(got.reader.remaining == 65);
  CHECK(got.reader.mask == 0xaabbccdd);
  CHECK(got.reader.flags == 3);
  CHECK(got.terms.server_takeover);
  CHECK(!got.terms.client_takeover);
  CHECK(got.terms.server_bits == 12);
  CHECK(got.held == "held");
  CHECK((got.inflate_window == one.inflate_window));
  CHECK(got.deflate_window.empty());
  CHECK(out[1].connection == 0);

  ws::append(blob = {}, one);
  for (std::size_t n = 1; n < blob.size(); n += n < 200 ? 1 : 1000) {
    out.clear();
    CHECK(!ws::read_saved(std::string_view(blob).substr(0, n), out));
  }
}
