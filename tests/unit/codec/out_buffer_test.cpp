#include "kernel/codec/out_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "hex.hpp"

namespace keel::kernel {
namespace {

using test::content;

MessagePtr message_of(std::string_view payload) { return Message::create({"t", payload, {}}); }

TEST_CASE("out buffer: reserve, commit, append, consume") {
  OutBuffer b;
  CHECK(b.empty());
  std::memcpy(b.reserve(100), "abc", 3);
  b.commit(3);
  b.append("defg");
  CHECK(b.size() == 7);
  CHECK(content(b) == "abcdefg");
  b.consume(2);
  CHECK(content(b) == "cdefg");
  b.consume(5);
  CHECK(b.empty());
  iovec v;
  CHECK(b.gather(&v, 1) == 0);
  b.append("");
  CHECK(b.empty());
}

TEST_CASE("out buffer: slices stand where they were appended") {
  const std::string big(OutBuffer::kSliceFrom, 'S');
  const MessagePtr m = message_of(big);
  OutBuffer b;
  b.append("head");
  b.append_slice(m, m->payload());
  b.append_slice(m, m->payload().substr(0, 10));  // short: copied
  b.append("tail");
  b.append_slice(m, m->payload());
  CHECK(b.size() == 4 + big.size() + 10 + 4 + big.size());
  CHECK(content(b) == "head" + big + std::string(10, 'S') + "tail" + big);
  iovec v[8];
  REQUIRE(b.gather(v, 8) == 4);
  CHECK(v[1].iov_base == m->payload().data());
  CHECK(v[3].iov_base == m->payload().data());
  CHECK(b.gather(v, 1) == 1);
  CHECK(b.gather(v, 2) == 2);
  CHECK(b.gather(v, 3) == 3);
  CHECK(b.gather(v, 0) == 0);
  b.consume(4 + big.size() / 2);
  REQUIRE(b.gather(v, 8) == 3);
  CHECK(v[0].iov_base == m->payload().data() + big.size() / 2);
  b.consume(b.size());
  CHECK(b.empty());
}

TEST_CASE("out buffer: a slice keeps its message alive until it is sent") {
  MessagePtr m = message_of(std::string(10'000, 'x'));
  OutBuffer b;
  b.append_slice(m, m->payload());
  m = {};
  CHECK(content(b) == std::string(10'000, 'x'));
  b.consume(9'999);
  CHECK(content(b) == "x");
  b.consume(1);
  CHECK(b.empty());
  b.append_slice(message_of(std::string(5'000, 'y')), "short");
  CHECK(content(b) == "short");
}

TEST_CASE("out buffer: what is kept is let go of when it is sent, or dropped") {
  const auto owner = std::make_shared<std::string>("kept");
  OutBuffer out;
  out.append("a");
  out.append_kept(owner, *owner);
  out.append_kept(owner, {});
  out.append("z");
  CHECK(owner.use_count() == 2);
  CHECK(out.size() == 6);
  iovec vectors[4];
  REQUIRE(out.gather(vectors, 4) == 3);
  CHECK(vectors[1].iov_base == owner->data());
  SUBCASE("sent") {
    out.consume(4);
    CHECK(owner.use_count() == 2);
    out.consume(1);
    CHECK(owner.use_count() == 1);
  }
  SUBCASE("dropped") {
    out.clear();
    CHECK(owner.use_count() == 1);
  }
}

TEST_CASE("out buffer: moves leave the source empty and usable") {
  const MessagePtr m = message_of(std::string(5'000, 'x'));
  OutBuffer a;
  a.append("one");
  a.append_slice(m, m->payload());
  OutBuffer b(std::move(a));
  CHECK(a.empty());
  a.append("two");
  CHECK(b.size() == 5'003);
  b = std::move(a);
  CHECK(content(b) == "two");
  CHECK(a.empty());
  OutBuffer& same = b;
  b = std::move(same);
  CHECK(content(b) == "two");
  b.clear();
  CHECK(b.empty());
}

TEST_CASE("out buffer: behaves like a string under random use") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    const MessagePtr m = message_of([&] {
      std::string s(20'000, '\0');
      for (char& c : s) c = static_cast<char>(random());
      return s;
    }());
    OutBuffer b;
    std::string naive;
    for (int step = 0; step < 400; ++step) {
      switch (random() % 5) {
        case 0: {
          const std::size_t n = random() % (seed % 2 ? 200 : 9'000);
          const Bytes bytes = m->payload().substr(random() % 1'000, n);
          b.append(bytes);
          naive.append(bytes);
          break;
        }
        case 1: {
          const std::size_t room = 1 + random() % 600, n = random() % (room + 1);
          char* at = b.reserve(room);
          std::memset(at, static_cast<int>(step), room);
          b.commit(n);
          naive.append(n, static_cast<char>(step));
          break;
        }
        case 2: {
          const Bytes bytes = m->payload().substr(random() % 10'000, random() % 10'000);
          b.append_slice(m, bytes);
          naive.append(bytes);
          break;
        }
        default: {
          const std::size_t n = std::min<std::size_t>(naive.size(), random() % 12'000);
          b.consume(n);
          naive.erase(0, n);
        }
      }
      REQUIRE(b.size() == naive.size());
      REQUIRE(b.empty() == naive.empty());
      if (step % 8 == 0) {
        // In vectors of a random number at a time, as a socket takes them.
        iovec v[16];
        const int n = b.gather(v, 1 + static_cast<int>(random() % 16));
        std::string front;
        for (int i = 0; i < n; ++i) {
          CHECK(v[i].iov_len != 0);
          front.append(static_cast<const char*>(v[i].iov_base), v[i].iov_len);
        }
        REQUIRE(naive.starts_with(front));
        REQUIRE(front.empty() == naive.empty());
      }
    }
  }
}

TEST_CASE("out buffer: many megabytes waiting are consumed in small bites") {
  OutBuffer b;
  const std::string block(1 << 20, 'b');
  for (int i = 0; i < 64; ++i) b.append(block);
  std::size_t left = b.size();
  // Every bite is followed by an append: compaction must not copy everything each time.
  for (int i = 0; i < 200'000; ++i) {
    b.consume(300);
    b.append("0123456789");
    left -= 290;
  }
  CHECK(b.size() == left);
  b.consume(left);
  CHECK(b.empty());
}

TEST_CASE("out buffer: what exceeds two gigabytes is refused") {
  const MessagePtr m = message_of(std::string(std::size_t{64} << 20, 'm'));
  OutBuffer b;
  b.append("head");
  for (int i = 0; i < 31; ++i) b.append_slice(m, m->payload());
  CHECK_FALSE(b.overflow());
  CHECK(b.size() == 4 + (std::size_t{31} << 26));

  SUBCASE("by a slice") { b.append_slice(m, m->payload()); }
  SUBCASE("by bytes") {
    b.append_slice(m, m->payload().substr(100));
    b.append(std::string(200, 'x'));
  }
  SUBCASE("by a reservation") {
    b.append_slice(m, m->payload().substr(100));
    std::memset(b.reserve(4'000), 1, 4'000);
    b.commit(4'000);
  }
  CHECK(b.overflow());
  CHECK(b.empty());
  // Still safe to write to; nothing is kept.
  std::memset(b.reserve(70'000), 1, 70'000);
  b.commit(70'000);
  b.append("more");
  b.append_slice(m, m->payload());
  CHECK(b.empty());
  iovec v;
  CHECK(b.gather(&v, 1) == 0);
  b.consume(0);
  b.clear();
  CHECK_FALSE(b.overflow());
  b.append("again");
  CHECK(content(b) == "again");
}

TEST_CASE("block pool: a block taken on one thread is released on another") {
  OutBuffer b;
  b.append(std::string(3'000, 'x'));
  std::thread([moved = std::move(b)]() mutable { moved.consume(moved.size()); }).join();
  CHECK(b.empty());
}

}  // namespace
}  // namespace keel::kernel
