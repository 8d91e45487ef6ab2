#include "kernel/durable/batch.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

namespace keel::kernel {
namespace {

TEST_CASE("batch: operations keep their order and a copy of what they were given") {
  Batch batch;
  CHECK(batch.empty());
  {
    std::string key = "key", value = "value";
    batch.put(Space::sessions, key, value);
    batch.erase(Space::awaiting, key);
    batch.erase_once(Space::queue, key);
    batch.erase_range(Space::queue, key, value);
    batch.hold(Space::messages, key, value, 3);
    batch.release(Space::messages, key);
    key.assign("xxx");
    value.assign("xxxxx");
  }
  CHECK_FALSE(batch.empty());
  const auto& ops = batch.ops();
  REQUIRE(ops.size() == 6);
  using Kind = StoreOp::Kind;
  const Kind kinds[]{Kind::put,         Kind::erase, Kind::erase,
                     Kind::erase_range, Kind::hold,  Kind::release};
  const char* const values[]{"value", "", "", "value", "value", ""};
  const std::uint32_t counts[]{0, 0, 0, 0, 3, 1};
  for (std::size_t i = 0; i < ops.size(); ++i) {
    CAPTURE(i);
    CHECK(ops[i].kind == kinds[i]);
    CHECK(ops[i].key == "key");
    CHECK(ops[i].value == values[i]);
    CHECK(ops[i].count == counts[i]);
    CHECK(ops[i].once == (i == 2));
  }
  CHECK(ops[0].space == Space::sessions);
  CHECK(ops[3].space == Space::queue);
  CHECK(batch.bytes() == 6 * 3 + 3 * 5);
}

TEST_CASE("batch: what was put stays where it is, small or large, as more is added") {
  Batch batch;
  const auto text = [](std::size_t i) { return std::string(i * 37 % 9'000, char('a' + i % 26)); };
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    batch.put(Space::meta, std::to_string(i), text(i));
    bytes += std::to_string(i).size() + text(i).size();
  }
  CHECK(batch.bytes() == bytes);
  for (std::size_t i = 0; i < 300; ++i) {
    if (batch.ops()[i].key != std::to_string(i)) FAIL("key " << i);
    if (batch.ops()[i].value != text(i)) FAIL("value " << i);
  }
}

TEST_CASE("batch: a value made in place is not copied") {
  Batch batch;
  for (const std::size_t size : {std::size_t{5}, std::size_t{16'384}, std::size_t{100'000}}) {
    CAPTURE(size);
    char* const at = batch.room(size);
    std::memset(at, 'v', size);
    batch.put_made(Space::queue, "k", {at, size});
    CHECK(batch.ops().back().value.data() == at);
    CHECK(batch.ops().back().value == std::string(size, 'v'));
    CHECK(batch.ops().back().kind == StoreOp::Kind::put);
  }
  CHECK(batch.bytes() == 3 + 5 + 16'384 + 100'000);
}

TEST_CASE("batch: one is appended to another as a copy") {
  Batch all;
  all.put(Space::meta, "first", "1");
  {
    Batch more;
    more.hold(Space::messages, "second", "2", 7);
    more.erase_once(Space::queue, "third");
    all.append(more);
  }
  REQUIRE(all.ops().size() == 3);
  CHECK(all.ops()[1].key == "second");
  CHECK(all.ops()[1].value == "2");
  CHECK(all.ops()[1].count == 7);
  CHECK(all.ops()[2].once);
  CHECK(all.bytes() == 6 + 7 + 5);
}

}  // namespace
}  // namespace keel::kernel
