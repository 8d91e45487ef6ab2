#include "emqx_sn/predefined.hpp"

#include <doctest/doctest.h>

#include <keel/text.hpp>

namespace {

std::string text_of(const std::string* name) { return name ? *name : "-"; }

}  // namespace

TEST_CASE("an id means to a client what it was given, its own names first") {
  sn::Predefined names;
  CHECK(names.add("", 1, "all/one"));
  CHECK(names.add("", 2, "all/two"));
  CHECK(names.add("c1", 2, "own/two"));
  CHECK(names.add("c1", 7, "own/seven"));

  CHECK(text_of(names.name("c1", 1)) == "all/one");
  CHECK(text_of(names.name("c1", 2)) == "own/two");
  CHECK(text_of(names.name("c1", 7)) == "own/seven");
  CHECK(text_of(names.name("c2", 2)) == "all/two");
  CHECK(text_of(names.name("c2", 7)) == "-");
  CHECK(text_of(names.name("", 2)) == "all/two");
  CHECK(text_of(names.name("", 7)) == "-");
  CHECK(text_of(names.name("c1", 0)) == "-");
}

TEST_CASE("a topic has the id under which the client would find it") {
  sn::Predefined names;
  CHECK(names.add("", 1, "a"));
  CHECK(names.add("", 2, "b"));
  CHECK(names.add("", 3, "b"));
  CHECK(names.add("c1", 2, "other"));
  CHECK(names.add("c1", 9, "a"));

  CHECK(names.id("", "a") == 1);
  CHECK(names.id("c2", "b") == 2);
  CHECK(names.id("c1", "a") == 9);  // its own comes first
  CHECK(names.id("c1", "b") == 3);  // 2 is "other" to it
  CHECK(names.id("c1", "other") == 2);
  CHECK(names.id("c2", "other") == 0);
  CHECK(names.id("c2", "c") == 0);
}

TEST_CASE("an id is refused that cannot be, or that is taken with another name") {
  sn::Predefined names;
  CHECK(!names.add("", 0, "a"));
  CHECK(!names.add("", 0xffff, "a"));
  CHECK(names.max_id() == 0);
  CHECK(names.add("", 0xfffe, "a"));
  CHECK(names.add("", 0xfffe, "a"));  // says the same
  CHECK(!names.add("", 0xfffe, "b"));
  CHECK(text_of(names.name("", 0xfffe)) == "a");
  CHECK(names.add("c1", 0xfffe, "b"));  // of one client it may be
}

TEST_CASE("the highest id counts those of all clients") {
  sn::Predefined names;
  CHECK(names.max_id() == 0);
  CHECK(names.add("", 5, "a"));
  CHECK(names.max_id() == 5);
  CHECK(names.add("c1", 300, "b"));
  CHECK(names.max_id() == 300);
  CHECK(names.add("c2", 20, "c"));
  CHECK(names.max_id() == 300);
}

TEST_CASE("they are listed by client and id, those of all first") {
  sn::Predefined names;
  CHECK(names.add("b", 1, "b1"));
  CHECK(names.add("", 10, "ten"));
  CHECK(names.add("a", 2, "a2"));
  CHECK(names.add("", 9, "nine"));
  std::string all;
  names.each([&](const std::string& client, std::uint16_t id, const std::string& topic) {
    all += keel::concat(client, ':', id, '=', topic, ' ');
  });
  CHECK(all == ":9=nine :10=ten a:2=a2 b:1=b1 ");
}
