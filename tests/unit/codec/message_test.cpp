#include "kernel/codec/message.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace keel::kernel {
namespace {

TEST_CASE("message: holds what the view showed") {
  std::string topic = "a/b", payload(100'000, 'p'), properties = "\x01\x01";
  const MessagePtr m = Message::create({topic, payload, properties, 2, true, 30, 1'000, 42});
  topic.clear();
  payload.clear();
  properties.clear();
  REQUIRE(m);
  CHECK(m->topic() == "a/b");
  CHECK(m->payload() == std::string(100'000, 'p'));
  CHECK(m->properties() == "\x01\x01");
  CHECK(m->qos() == 2);
  CHECK(m->retain());
  CHECK(m->expiry_s() == 30);
  CHECK(m->received_ms() == 1'000);
  CHECK(m->publisher() == 42);
  CHECK(m->footprint() == sizeof(Message) + 3 + 2 + 100'000);
  const MessageView v = m->view();
  CHECK(v.topic.data() == m->topic().data());
  CHECK(v.payload.data() == m->payload().data());
  CHECK(v.properties.data() == m->properties().data());
  CHECK(v.qos == 2);
  CHECK(v.publisher == 42);
}

TEST_CASE("message: empty parts, longest topic, too long a topic") {
  const MessagePtr m = Message::create({});
  REQUIRE(m);
  CHECK(m->topic().empty());
  CHECK(m->payload().empty());
  CHECK(Message::create({std::string(65'535, 't'), {}, {}})->topic().size() == 65'535);
  CHECK_FALSE(Message::create({std::string(65'536, 't'), {}, {}}));
}

TEST_CASE("message: expiry") {
  const MessagePtr never = Message::create({"t", "p", {}, 0, false, kNoExpiry, 0, 0});
  CHECK_FALSE(never->expired(1LL << 50));
  CHECK(never->remaining_expiry_s(1LL << 50) == kNoExpiry);
  const MessagePtr m = Message::create({"t", "p", {}, 0, false, 10, 5'000, 0});
  struct Row {
    std::int64_t now_ms;
    bool expired;
    std::uint32_t left;
  };
  for (const Row& r :
       {Row{4'000, false, 10}, Row{5'000, false, 10}, Row{5'001, false, 10}, Row{6'000, false, 9},
        Row{14'001, false, 1}, Row{14'999, false, 1}, Row{15'000, true, 0}, Row{99'000, true, 0}}) {
    CAPTURE(r.now_ms);
    CHECK(m->expired(r.now_ms) == r.expired);
    CHECK(m->remaining_expiry_s(r.now_ms) == r.left);
  }
  const MessagePtr longest = Message::create({"t", "p", {}, 0, false, kNoExpiry - 1, 0, 0});
  CHECK_FALSE(longest->expired(1'000));
  CHECK(longest->remaining_expiry_s(1'000) == kNoExpiry - 2);
}

TEST_CASE("message: references are counted across copies, moves and threads") {
  MessagePtr m = Message::create({"t", "p", {}});
  MessagePtr copy = m;
  CHECK(copy.get() == m.get());
  MessagePtr moved = std::move(copy);
  CHECK_FALSE(copy);
  moved = moved;
  CHECK(moved.get() == m.get());
  m->ref(2);
  const MessagePtr a = MessagePtr::adopt(m.get()), b = MessagePtr::adopt(m.get());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([m] {
      for (int i = 0; i < 10'000; ++i) {
        const MessagePtr mine = m;
        if (mine->payload() != "p") std::abort();
      }
    });
  }
  m = {};
  for (auto& t : threads) t.join();
  CHECK(moved->topic() == "t");
  const Message* bare = moved.release();
  CHECK_FALSE(moved);
  bare->unref();
}

}  // namespace
}  // namespace keel::kernel
