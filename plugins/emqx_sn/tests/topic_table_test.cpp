#include "emqx_sn/topic_table.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using sn::TopicTable;

TEST_CASE("ids go up from the first one, the same name has the same id") {
  TopicTable table;
  CHECK(table.add("a", 1, 100) == 0x100);  // never below
  CHECK(table.add("b", 0x300, 100) == 0x300);
  CHECK(table.add("c", 0x200, 100) == 0x301);
  CHECK(table.add("a", 0x500, 100) == 0x100);
  CHECK(table.id("b") == 0x300);
  CHECK(table.id("d") == 0);
  CHECK(table.name(0x301) == "c");
  CHECK(table.name(0x302).empty());
  CHECK(table.name(0).empty());
}

TEST_CASE("many names are found, by name and by id") {
  TopicTable table;
  for (int i = 0; i < 5000; ++i) {
    const std::string name = "topic/" + std::to_string(i);
    REQUIRE(table.add(name, 1, 10'000) == 0x100 + i);
    REQUIRE(table.add(name, 1, 10'000) == 0x100 + i);
  }
  for (int i = 0; i < 5000; ++i) {
    const std::string name = "topic/" + std::to_string(i);
    REQUIRE(table.id(name) == 0x100 + i);
    REQUIRE(table.name(static_cast<std::uint16_t>(0x100 + i)) == name);
  }
  CHECK(table.id("topic/5000") == 0);
  CHECK(table.size() == 5000);
}

TEST_CASE("room ends with the ids, with the number and with the octets") {
  TopicTable table;
  CHECK(table.add("last", 0xfffe, 100) == 0xfffe);
  CHECK(table.add("more", 1, 100) == 0);
  CHECK(table.add("last", 1, 100) == 0xfffe);
  TopicTable few;
  few.add("a", 1, 1);
  CHECK(few.add("b", 1, 1) == 0);
  TopicTable large;
  int added = 0;
  for (int i = 0; i < 40; ++i) {
    std::string name(60'000, 'x');
    name += std::to_string(i);
    added += large.add(name, 1, 100) != 0;
  }
  CHECK(added == 17);
  CHECK(large.add(std::string(65'536, 'x'), 1, 100) == 0);
}

TEST_CASE("flags") {
  TopicTable table;
  table.add("a", 1, 100);
  table.add("b", 1, 100);
  table.set(0x100, TopicTable::kKnown, true);
  table.set(0x101, TopicTable::kSubscribed, true);
  table.set(0x102, TopicTable::kKnown, true);  // there is no such id
  CHECK(table.has(0x100, TopicTable::kKnown));
  CHECK_FALSE(table.has(0x101, TopicTable::kKnown));
  CHECK_FALSE(table.has(0x102, TopicTable::kKnown));
  CHECK(table.first_with(TopicTable::kSubscribed, TopicTable::kKnown) == 0x101);
  CHECK(table.first_with(TopicTable::kSubscribed, TopicTable::kSubscribed) == 0);
  table.set(0x101, TopicTable::kKnown, true);
  table.clear_everywhere(TopicTable::kKnown | TopicTable::kRefused);
  CHECK_FALSE(table.has(0x100, TopicTable::kKnown));
  CHECK(table.has(0x101, TopicTable::kSubscribed));
  table.set(0x101, TopicTable::kSubscribed, false);
  CHECK_FALSE(table.has(0x101, TopicTable::kSubscribed));
}

TEST_CASE("a table is restored from what it told") {
  TopicTable table, copy;
  for (int i = 0; i < 100; ++i) table.add("t" + std::to_string(i), 1, 100);
  table.set(0x105, TopicTable::kKnown, true);
  table.each([&](std::uint16_t id, std::string_view name, std::uint8_t flags) {
    CHECK(copy.restore(id, name, flags));
  });
  CHECK(copy.id("t99") == table.id("t99"));
  CHECK(copy.has(0x105, TopicTable::kKnown));
  CHECK_FALSE(copy.restore(0x105, "again", 0));
  CHECK_FALSE(copy.restore(0xffff, "reserved", 0));
  CHECK_FALSE(copy.restore(0x800, "", 0));
  CHECK_FALSE(TopicTable().restore(0xff, "low", 0));
  CHECK(copy.restore(0x800, "later", 0));
  CHECK(copy.add("last", 1, 1000) == 0x801);
}

}  // namespace
